// A process of its own: parses what the fake engines answer, all of it once a second, and does nothing else.
import { readFileSync } from 'node:fs'

const [path = '', pauseMs = ''] = process.argv.slice(2)
const bodies = (JSON.parse(readFileSync(path, 'utf8')) as readonly string[]).map((body) => Buffer.from(body))
let sweeps = 0

process.on('message', () => process.send?.(sweeps))
process.on('disconnect', () => process.exit())
setInterval(() => {
  for (const body of bodies) JSON.parse(body.toString('utf8'))
  sweeps += 1
}, Number(pauseMs))
