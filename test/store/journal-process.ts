// Another process on the same data directory: `tsx journal-process.ts <dir> hold|append`. Says "ready", or the problem's code.
import { sqliteJournal } from '../../src/store/index.js'

const [dir = '', mode = ''] = process.argv.slice(2)
const opened = sqliteJournal({ dir })
if (!opened.ok) {
  console.log(opened.problem.code)
  process.exit(1)
}
console.log('ready')
if (mode === 'hold') setInterval(() => undefined, 1_000)
if (mode === 'append')
  for (let i = 0; i < 1_000_000; i++) {
    opened.value.append([{ kind: 'server-lost', atMs: i, server: `a-${i}` }])
    opened.value.append([
      { kind: 'server-lost', atMs: i, server: `b-${i}` },
      { kind: 'server-returned', atMs: i, server: `b-${i}` },
    ])
    console.log(String(i))
  }
