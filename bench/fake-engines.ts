// A process of its own, so that what the engines cost is not counted: answers for each engine it is told of, and counts what it is asked.
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { EngineAnswers } from './simulated-fleet.js'

export interface Counts {
  readonly lists: number
  /** Calls that are neither a list of containers nor the start of a session. */
  readonly others: number
  /** Bodies of all answers, events left out. */
  readonly bytes: number
}

export type Order =
  | { readonly kind: 'serve'; readonly engines: readonly EngineAnswers[] }
  | { readonly kind: 'count' }
  /** Whether each list of an engine differs by one word from its last. */
  | { readonly kind: 'vary'; readonly on: boolean }

let counts: Counts = { lists: 0, others: 0, bytes: 0 }
let varies = false

process.on('message', (order: Order) => {
  if (order.kind === 'serve') return void Promise.all(order.engines.map(serve)).then(() => process.send?.('serving'))
  if (order.kind === 'vary') varies = order.on
  process.send?.(counts)
})
process.on('disconnect', () => process.exit())

function serve(engine: EngineAnswers): Promise<void> {
  const containers = Buffer.from(engine.containers)
  const later = Buffer.from(engine.containers.replace('Up 3 hours', 'Up 4 hours'))
  let isLater = false
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/v1\.\d+/, '').replace(/\?.*$/, '')
    counts = {
      ...counts,
      lists: counts.lists + (path === '/containers/json' ? 1 : 0),
      others: counts.others + (ORDINARY.has(path) ? 0 : 1),
    }
    switch (path) {
      case '/_ping':
        return void response.writeHead(200, { 'Api-Version': '1.45' }).end('OK')
      case '/info':
        return answer(response, Buffer.from(JSON.stringify(engine.info)))
      case '/containers/json':
        isLater = varies && !isLater
        return answer(response, isLater ? later : containers)
      case '/volumes':
        return answer(response, Buffer.from('{"Volumes":null}'))
      case '/networks':
        return answer(response, Buffer.from(engine.networks))
      case '/events':
        // Stays open: nothing ever happens.
        return void response.writeHead(200).flushHeaders()
      default:
        return void response.writeHead(404).end('{"message":"page not found"}')
    }
  })
  server.keepAliveTimeout = 0
  return new Promise((resolve) => server.listen(engine.socketPath, resolve))
}

const ORDINARY: ReadonlySet<string> = new Set([
  '/_ping',
  '/info',
  '/containers/json',
  '/volumes',
  '/networks',
  '/events',
])

function answer(response: ServerResponse, body: Buffer): void {
  counts = { ...counts, bytes: counts.bytes + body.length }
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(body)
}
