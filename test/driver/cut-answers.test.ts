import { expect, it } from 'vitest'
import { EngineAgent } from '../../src/driver/engine-agent.js'
import { engineClient } from '../../src/driver/engine-client.js'
import { eachLine } from '../../src/driver/events.js'
import { probeAddress } from '../../src/driver/probe.js'
import { DRIVER_LIMITS } from '../../src/driver/index.js'
import { ok } from '../../src/model/index.js'
import { clock, never } from './fixtures.js'
import { streamThatSays } from './saying-stream.js'

function clientOf(text: string): ReturnType<typeof engineClient> {
  const openEngine = () => Promise.resolve(ok(streamThatSays(text)))
  const agent = new EngineAgent({ openEngine } as never)
  return engineClient({ server: 'lon-1', agent, version: 'v1.45', clock, errorBytes: 1_000 })
}

const CUT = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n'
const REFUSED = CUT.replace('200', '500')
const request = { path: '/info', deadlineMs: 60_000, maxBytes: 1_000 }

it.each([
  ['GET', CUT],
  ['POST', CUT],
  ['GET', REFUSED],
] as const)(
  'a %s whose answer is cut by the end of its connection at once is lost, not waited for',
  async (method, text) => {
    const answer = await clientOf(text).call({ ...request, method }, never)
    expect(answer).toMatchObject({ ok: false, problem: { kind: 'broken', problem: { code: 'CONNECTION_LOST' } } })
  },
)

it('an engine that changes the protocol answers with nonsense, and is not waited for', async () => {
  const text = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nx'
  const answer = await clientOf(text).call({ ...request, method: 'POST' }, never)
  expect(answer).toMatchObject({ ok: false, problem: { kind: 'broken', problem: { code: 'ENGINE_ANSWER' } } })
})

it('a stream that was cut before anybody reads it is broken, not waited for', async () => {
  const opened = await clientOf(CUT).open({ ...request, method: 'GET' }, never)
  if (!opened.ok) throw new Error(JSON.stringify(opened.problem))
  await new Promise((resolve) => setImmediate(resolve))
  expect(await eachLine(opened.value.response, 1_000, () => undefined)).toBe('broken')
})

it('a probe that is answered with another protocol has its answer, and waits no longer', async () => {
  const text = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n'
  const way = { openTcp: () => Promise.resolve(ok(streamThatSays(text))) }
  const probe = {
    kind: 'http',
    scheme: 'http',
    port: 80,
    path: '/',
    host: null,
    expectMin: 200,
    expectMax: 399,
    timeoutMs: 60_000,
  } as const
  const readiness = await probeAddress({ way, clock, limits: DRIVER_LIMITS }, probe, '172.18.0.2', never)
  expect(readiness).toMatchObject({ verdict: 'not-ready', output: expect.stringContaining('HTTP 101') as string })
})
