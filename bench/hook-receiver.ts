// A process of its own: the way in for webhooks, with nothing behind it, so that what it costs is counted alone.
import { serveHooks } from '../src/web/index.js'

const [secret = '', repository = ''] = process.argv.slice(2)
let looks = 0

const clock = {
  nowMs: () => Date.now(),
  after(delayMs: number, fn: () => void) {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}
const opened = await serveHooks({ listen: '127.0.0.1:0', secret, repository, clock, onNews: () => void (looks += 1) })
if (!opened.ok) throw new Error(opened.problem.message)
const { url } = opened.value

process.on('message', () => process.send?.({ url, looks }))
process.on('disconnect', () => process.exit())
