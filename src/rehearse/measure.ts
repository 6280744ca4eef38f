import type { Desired, ServiceSpec } from '../model/index.js'
import type { Clock } from '../controller/index.js'
import { isReadyAt } from './engine/behaviour.js'
import type { Machine, SimContainer } from './engine/machine.js'
import { numberOf } from './engine/reply.js'
import { serviceOf, specsOf } from './specs.js'

/** What became of one service. Times in ms. */
export interface ServiceMeasure {
  /** `shop/web` */
  readonly service: string
  /** Healthy replicas before anything happened, at the lowest point, and at the end. */
  readonly before: number
  readonly lowest: number
  readonly after: number
  /** The longest time in which at most one healthy replica was left: nobody to step in, should that one die. */
  readonly longestWithoutSpareMs: number
}

/** Memory that running replicas may take, over what they might before anything happened. */
export interface MemoryMeasure {
  readonly peakExtraBytes: number
  readonly byServer: Readonly<Record<string, number>>
  /** Services with neither a limit nor a reservation: nobody knows what they take. */
  readonly unknown: readonly string[]
}

export interface Meter {
  /** To be called after everything that happens; time in between counts for what was seen last. */
  sample(): void
  services(): readonly ServiceMeasure[]
  memory(): MemoryMeasure
}

interface Count {
  readonly before: number
  lowest: number
  now: number
  /** Since when at most one is left; null: more are. */
  thinSinceMs: number | null
  longestMs: number
}

export function newMeter(machines: ReadonlyMap<string, Machine>, desired: Desired, clock: Clock): Meter {
  const specs = specsOf(desired)
  const counts = new Map<string, Count>()
  const baseline = memoryByServer(machines, specs)
  const peaks = new Map<string, number>()
  let peakExtraBytes = 0
  const sample = (): void => {
    const healthy = healthyByService(machines, clock.nowMs())
    for (const service of new Set([...specs.keys(), ...healthy.keys(), ...counts.keys()]))
      note(counts, service, healthy.get(service) ?? 0, clock.nowMs())
    let total = 0
    for (const [server, bytes] of memoryByServer(machines, specs)) {
      const extra = bytes - (baseline.get(server) ?? 0)
      total += extra
      peaks.set(server, Math.max(peaks.get(server) ?? 0, extra))
    }
    peakExtraBytes = Math.max(peakExtraBytes, total)
  }
  sample()
  return {
    sample,
    services: () =>
      [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([service, count]) => measured(service, count)),
    memory: () => ({
      peakExtraBytes,
      byServer: Object.fromEntries([...peaks].sort(([a], [b]) => (a < b ? -1 : 1))),
      unknown: unmeasured(specs),
    }),
  }
}

function note(counts: Map<string, Count>, service: string, healthy: number, nowMs: number): void {
  const count = counts.get(service)
  if (count === undefined) {
    const thinSinceMs = healthy <= 1 ? nowMs : null
    counts.set(service, { before: healthy, lowest: healthy, now: healthy, thinSinceMs, longestMs: 0 })
    return
  }
  count.now = healthy
  count.lowest = Math.min(count.lowest, healthy)
  if (count.thinSinceMs !== null) count.longestMs = Math.max(count.longestMs, nowMs - count.thinSinceMs)
  if (healthy > 1) count.thinSinceMs = null
  else count.thinSinceMs ??= nowMs
}

function measured(service: string, { before, lowest, now, longestMs }: Count): ServiceMeasure {
  return { service, before, lowest, after: now, longestWithoutSpareMs: longestMs }
}

function healthyByService(machines: ReadonlyMap<string, Machine>, nowMs: number): ReadonlyMap<string, number> {
  const healthy = new Map<string, number>()
  for (const container of [...machines.values()].flatMap(({ containers }) => [...containers.values()])) {
    const service = serviceOf(container.labels)
    if (service !== null && isHealthy(container, nowMs)) healthy.set(service, (healthy.get(service) ?? 0) + 1)
  }
  return healthy
}

/** As a user would find it: it runs and answers. */
function isHealthy({ process, flags }: SimContainer, nowMs: number): boolean {
  return process !== null && !flags.paused && isReadyAt(process.behaviour, nowMs - process.startedAtMs)
}

function memoryByServer(
  machines: ReadonlyMap<string, Machine>,
  specs: ReadonlyMap<string, ServiceSpec>,
): ReadonlyMap<string, number> {
  return new Map(
    [...machines].map(([server, { containers }]) => {
      const running = [...containers.values()].filter(({ flags }) => flags.running)
      return [server, running.reduce((sum, container) => sum + memoryOf(container, specs), 0)]
    }),
  )
}

function memoryOf(container: SimContainer, specs: ReadonlyMap<string, ServiceSpec>): number {
  const limit = numberOf(container.hostConfig['Memory'])
  return limit > 0 ? limit : (specs.get(serviceOf(container.labels) ?? '')?.reservations.memoryBytes ?? 0)
}

function unmeasured(specs: ReadonlyMap<string, ServiceSpec>): readonly string[] {
  const isUnknown = ({ limits, reservations }: ServiceSpec): boolean =>
    limits.memoryBytes === null && reservations.memoryBytes === 0
  return [...specs]
    .filter(([, spec]) => isUnknown(spec))
    .map(([service]) => service)
    .sort()
}
