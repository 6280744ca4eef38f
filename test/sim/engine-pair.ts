import type { Action, ImagePin, Replica, Result } from '../../src/model/index.js'
import type { Driver } from '../../src/controller/index.js'
import { STEADY } from '../../src/rehearse/index.js'
import type { Behaviour as Played } from '../../src/rehearse/index.js'
import { FLEET } from '../driver/fixtures.js'
import { bench, image } from '../rehearse/sim.js'
import { SimClock } from './clock.js'
import { SimDriver } from './driver.js'
import type { Network } from './driver.js'
import { SimEngine } from './engine.js'
import { SimLink } from './link.js'
import { SimProcess } from './process.js'
import { SimProxies } from './proxies.js'
import { randomOf } from './random.js'
import { SimRegistry } from './registry.js'
import { PRESENT } from './releases.js'
import { behaviourOf } from './workload.js'

export const SERVER = 'lon-1'
const HOUR_MS = 3_600_000
const OFF_MS = 5_000
const never = new AbortController().signal

export type Answer = Result<{ readonly image?: ImagePin }>

/** One engine, with a driver before it. */
export interface Side {
  perform(action: Action): Promise<Answer>
  look(): Promise<readonly Replica[]>
  wait(ms: number): Promise<void>
  /** The process of a container ends by itself. */
  crash(containerId: string): void
  /** `docker kill`, by a person. */
  kill(containerId: string): Promise<void>
  pause(containerId: string): Promise<void>
  /** The server loses its power, and has it back after 5 s. */
  reboot(): Promise<void>
  /** Two actions sent at once. */
  both(first: Action, second: Action): Promise<readonly Answer[]>
  fillDisk(isFull: boolean): void
  holdPort(port: number, isHeld: boolean): void
}

/** The engine of the worlds and their driver, on a link that takes no time and loses nothing. */
export function worldSide(): Side {
  const clock = new SimClock()
  let ids = 0
  const quiet = (): void => undefined
  const engine = new SimEngine(SERVER, clock, new SimRegistry(), () => `b${String((ids += 1))}`, {
    acting: quiet,
    changed: quiet,
    starved: quiet,
  })
  const link = new SimLink(randomOf('link'))
  link.latencyMs = [0, 0]
  const proxies = new SimProxies(() => clock.nowMs())
  const routing: Network['routing'] = (at, id, table) => proxies.balance(at, id, table)
  const held: Network['held'] = () => []
  const heard = { held, felt: quiet, performing: quiet, performed: quiet, observing: quiet, observed: quiet, routing }
  const network: Network = { clock, engines: new Map([[SERVER, engine]]), links: new Map([[SERVER, link]]), ...heard }
  const driver = new SimDriver(network, new SimProcess(clock, 0), 'one', PRESENT)
  driver.use(FLEET, [])
  const within = async <T>(work: Promise<T>): Promise<T> => {
    let isDone = false
    void work.then(() => (isDone = true))
    await clock.run(HOUR_MS, () => isDone)
    return work
  }
  return {
    perform: (action) => within(driver.perform(action, never)),
    look: () => looked(driver, within),
    wait: (ms) => clock.run(ms),
    crash: (id) => engine.kill(id, 'crash'),
    kill: (id) => Promise.resolve(engine.kill(id, 'by-hand')),
    pause: (id) => Promise.resolve(engine.pause(id)),
    reboot: async () => {
      engine.crash()
      await clock.run(OFF_MS)
      engine.boot()
    },
    both: (...actions) => within(Promise.all(actions.map((action) => driver.perform(action, never)))),
    fillDisk: (isFull) => (engine.isDiskFull = isFull),
    holdPort: (port, isHeld) => (isHeld ? engine.takenPorts.add(port) : engine.takenPorts.delete(port)),
  }
}

/** The engine that the lab compares with real ones, and the real driver. */
export function playedSide(): Side {
  const registry = new SimRegistry()
  const world = bench({
    times: { readMs: 0, createMs: 0, startMs: 0, cleanUpMs: 0, changeMs: 0, execMs: 0, removeMs: 60 },
    behaviour: ({ image: name }) => playedAs(name),
    registry: (reference) => {
      const { pull, pullMs } = behaviourOf(reference)
      if (pull === 'missing') return { kind: 'refused', status: 404, message: `manifest for ${reference} not found` }
      const { digest } = registry.resolve(reference)
      const sha = digest?.replace(/.*@/, '') ?? ''
      return { kind: 'image', image: { ...image(reference), digest: sha }, pullMs }
    },
  })
  const { driver, engine, within, clock } = world
  return {
    perform: (action) => within(driver.perform(action, never), HOUR_MS),
    look: () => looked(driver, within),
    wait: (ms) => clock.run(ms),
    crash: (id) => void engine.endProcess(id, 137),
    kill: async (id) => void (await world.call('POST', `/containers/${id}/kill`)),
    pause: async (id) => void (await world.call('POST', `/containers/${id}/pause`)),
    reboot: async () => {
      engine.crashHost()
      await clock.run(OFF_MS)
      await within(engine.startDaemon())
    },
    both: (...actions) => within(Promise.all(actions.map((action) => driver.perform(action, never))), HOUR_MS),
    fillDisk: (isFull) => engine.setFreeDisk(isFull ? 0 : 1e12),
    holdPort: (port, isHeld) => engine.holdPort(port, isHeld),
  }
}

async function looked(driver: Driver, within: <T>(work: Promise<T>) => Promise<T>): Promise<readonly Replica[]> {
  const first = await within(driver.observe(SERVER, [], never))
  if (!first.ok) throw new Error(first.problem.message)
  const ids = first.value.replicas.map(({ containerId }) => containerId)
  const closer = await within(driver.observe(SERVER, ids, never))
  if (!closer.ok) throw new Error(closer.problem.message)
  return closer.value.replicas
}

function playedAs(name: string): Played {
  const { wellAfterMs, illAfterMs, hangs, exits, takes, stopsAfterMs } = behaviourOf(name)
  return {
    ...STEADY,
    readyAfterMs: wellAfterMs,
    flaps:
      illAfterMs === undefined || wellAfterMs === null
        ? null
        : { upMs: illAfterMs - wellAfterMs, downMs: HOUR_MS * 24 },
    ends: exits === undefined ? null : { afterMs: exits.afterMs, exitCode: exits.code, isOom: exits.oom === true },
    takes,
    stopsAfterMs: stopsAfterMs > HOUR_MS / 2 ? null : stopsAfterMs,
    checkMs: hangs === true ? null : 0,
  }
}
