import { parentPort } from 'node:worker_threads'

parentPort.once('message', () => {
  parentPort.postMessage({ kind: 'refused', problems: [{ code: 'FLEET_EMPTY', message: 'answered' }] })
  parentPort.on('message', () => {
    for (;;);
  })
})
