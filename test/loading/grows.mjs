import { parentPort } from 'node:worker_threads'

parentPort.on('message', () => {
  for (const all = []; ;) all.push(new Array(1_000).fill(all.length))
})
