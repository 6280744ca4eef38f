import { createHash } from 'node:crypto'
import { dockerDriver } from '../../src/driver/index.js'
import type { EngineRequest, Way } from '../../src/driver/index.js'
import type { Driver } from '../../src/controller/index.js'
import { STEADY, simEngine, virtualClock } from '../../src/rehearse/index.js'
import type {
  Behaviour,
  EngineEvent,
  SimEngine,
  SimEngineOptions,
  SimImage,
  VirtualClock,
} from '../../src/rehearse/index.js'
import { FLEET, localServer } from '../driver/fixtures.js'

export const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

export function image(name: string, config: Readonly<Record<string, unknown>> = {}): SimImage {
  const digest = `sha256:${createHash('sha256').update(name).digest('hex')}`
  return { id: `sha256:${createHash('sha256').update(`${name} config`).digest('hex')}`, digest, bytes: 1e6, config }
}

export interface Bench {
  readonly clock: VirtualClock
  readonly engine: SimEngine
  readonly events: EngineEvent[]
  /** Behaviour by image; the others are steady. */
  readonly behaviours: Map<string, Partial<Behaviour>>
  readonly driver: Driver
  /** What the driver called, `GET /containers/json`, oldest first. */
  readonly calls: string[]
  /** One call past the driver, in as much time as it takes. */
  call(
    method: EngineRequest['method'],
    path: string,
    more?: Partial<EngineRequest>,
  ): Promise<{ status: number; body: unknown }>
  /** Waits in virtual time for what is done in it. */
  readonly within: <T>(work: Promise<T>, ms?: number) => Promise<T>
}

function listened(way: Way, calls: string[]): Way {
  return {
    ...way,
    client(version) {
      const client = way.client(version)
      const heard = (request: EngineRequest): EngineRequest => {
        calls.push(`${request.method} ${request.path}`)
        return request
      }
      return {
        call: (request, signal) => client.call(heard(request), signal),
        open: (request, signal) => client.open(heard(request), signal),
      }
    },
  }
}

export function bench(options: Partial<SimEngineOptions> = {}): Bench {
  const clock = virtualClock(1_700_000_000_000, settle)
  const events: EngineEvent[] = []
  const calls: string[] = []
  const behaviours = new Map<string, Partial<Behaviour>>()
  let ids = 0
  const engine = simEngine({
    clock,
    version: '26.1',
    engineId: 'engine-1',
    hostname: 'lon-1',
    cpus: 4,
    memoryBytes: 8e9,
    newId: () =>
      createHash('sha256')
        .update(String((ids += 1)))
        .digest('hex'),
    registry: (reference) => ({ kind: 'image', image: image(reference), pullMs: 500 }),
    behaviour: (starting) => ({ ...STEADY, ...behaviours.get(starting.image) }),
    onEvent: (event) => void events.push(event),
    ...options,
  })
  const driver = dockerDriver({
    identities: { keys: [], agentSocket: null },
    registryAuths: {},
    log: () => undefined,
    clock,
    random: () => 0.5,
    ways: (server) => listened(engine.way(server.name), calls),
  })
  driver.use(FLEET, [localServer('lon-1', '/nowhere')])
  const client = engine.way('lon-1').client('v1.45')
  const within = async <T>(work: Promise<T>, ms = 600_000): Promise<T> => {
    if (!(await clock.until(work, ms))) throw new Error('it does not end')
    return work
  }
  return {
    clock,
    engine,
    events,
    behaviours,
    driver,
    calls,
    within,
    async call(method, path, more = {}) {
      const request = { method, path, deadlineMs: 60_000, maxBytes: 1e6, ...more }
      const answer = await within(client.call(request, new AbortController().signal))
      if (answer.ok) {
        const text = answer.value.body.toString()
        return { status: answer.value.status, body: text === '' ? null : (JSON.parse(text) as unknown) }
      }
      if (answer.problem.kind === 'broken') throw new Error(answer.problem.problem.message)
      return { status: answer.problem.status, body: answer.problem.message }
    },
  }
}
