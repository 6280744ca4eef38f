import { EngineAgent } from '../../../src/driver/engine-agent.js'
import { engineClient } from '../../../src/driver/engine-client.js'
import { DRIVER_LIMITS } from '../../../src/driver/index.js'
import { probeAddress } from '../../../src/driver/probe.js'
import type { Route } from '../../../src/driver/route.js'
import { fail, ok } from '../../../src/model/index.js'
import { streamThatSays } from '../../driver/saying-stream.js'
import type { Target } from '../target.js'

const never = new AbortController().signal
const clock = {
  nowMs: () => 0,
  after(delayMs: number, fn: () => void) {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

/** Says the same to whatever is written, and ends. */
function routeThatSays(input: Buffer): Route {
  return {
    openEngine: () => Promise.resolve(ok(streamThatSays(input))),
    openTcp: () => Promise.resolve(ok(streamThatSays(input))),
    isNarrow: () => false,
    openSocket: () => Promise.resolve(fail('not asked')),
    engineGroup: () => Promise.resolve(fail('not asked')),
    diskOf: () => Promise.resolve(fail('not asked')),
    onLost: () => undefined,
    close: () => Promise.resolve(),
  }
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nApi-Version: 1.45\r\n'
const SAMPLES = [
  `${HEAD}Content-Length: 2\r\n\r\n[]`,
  `${HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n`,
  'HTTP/1.1 404 Not Found\r\nContent-Length: 24\r\n\r\n{"message":"no such one"}',
  'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nx',
].map((text) => Buffer.from(text))
const WORDS = [
  'HTTP/1.0',
  'HTTP/2',
  '\r\n',
  '\r\n\r\n',
  'Content-Length: ',
  'Transfer-Encoding: chunked\r\n',
  'Location: http://[\r\n',
  'ffffffff\r\n',
  '0\r\n\r\n',
  'Connection: close\r\n',
  'Trailer: x\r\n',
  '500',
  '101',
  'Upgrade: x\r\nConnection: Upgrade\r\n',
]

export const REMOTE_TARGETS: readonly Target[] = [
  {
    name: 'engine-http',
    about: 'bytes on the connection to an engine',
    samples: SAMPLES,
    words: WORDS,
    quick: 500,
    async read(input) {
      const agent = new EngineAgent(routeThatSays(input))
      const client = engineClient({ server: 'lon-1', agent, version: 'v1.45', clock, errorBytes: 65_536 })
      const call = { method: 'GET', path: '/info', deadlineMs: 20_000, maxBytes: DRIVER_LIMITS.answerBytes } as const
      const answer = await client.call(call, never)
      const sent = await client.call({ ...call, method: 'POST', body: { a: 1 } }, never)
      agent.destroy()
      return [answer, sent].map((one) => (one.ok ? [one.value.status, one.value.body] : one))
    },
  },
  {
    name: 'probe-answer',
    about: 'what a container answers to a probe',
    samples: SAMPLES,
    words: WORDS,
    quick: 500,
    read: (input) =>
      probeAddress(
        { way: routeThatSays(input), clock, limits: DRIVER_LIMITS },
        {
          kind: 'http',
          scheme: 'http',
          port: 80,
          path: '/',
          host: null,
          expectMin: 200,
          expectMax: 399,
          timeoutMs: 20_000,
        } as never,
        '172.18.0.2',
        never,
      ),
  },
]
