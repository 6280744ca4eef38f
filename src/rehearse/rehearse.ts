import { createHash } from 'node:crypto'
import type { Desired, Listing, Problem, Result, Revision, ServiceSpec } from '../model/index.js'
import { createLoader } from '../manifest/index.js'
import { Controller, settlementOf } from '../controller/index.js'
import type { Driver, Fact, Journal, LogEvent, Settlement, Source } from '../controller/index.js'
import type { Way } from '../driver/index.js'
import { awayWay } from './away-way.js'
import { STEADY } from './engine/behaviour.js'
import type { Behaviour } from './engine/behaviour.js'
import type { EngineEvent } from './engine/event-log.js'
import type { Machine, Pull, SimNetwork, Starting } from './engine/machine.js'
import { seedEngine } from './engine/seed.js'
import { simEngine } from './engine/sim-engine.js'
import type { SimEngine } from './engine/sim-engine.js'
import { newMeter } from './measure.js'
import type { MemoryMeasure, Meter, ServiceMeasure } from './measure.js'
import { standInProxies } from './proxies.js'
import { serviceOf, specsOf } from './specs.js'
import { entryOfEvent, entryOfFact } from './timeline.js'
import type { TimelineEntry } from './timeline.js'
import { virtualClock } from './virtual-clock.js'
import type { VirtualClock } from './virtual-clock.js'
import { waitingSource } from './waiting-source.js'

/** What a driver for engines in memory is made from. */
export interface RehearsalDriver {
  readonly clock: VirtualClock
  readonly ways: (server: { readonly name: string }) => Way
  readonly log: (event: LogEvent) => void
}

/** A fleet as it is, and what is to become of it. Nothing here can change a server: of the real driver only what it saw comes in. */
export interface RehearsalInput {
  /** By server: what a look showed, or why there was none. */
  readonly observation: ReadonlyMap<string, Result<Listing>>
  readonly desired: Desired
  /** Asked for the revision, and for those that may be gone back to. */
  readonly source: Source
  /** What is remembered, in memory; made anew for each rehearsal. */
  readonly openJournal: () => Journal
  readonly openDriver: (options: RehearsalDriver) => Driver
  /** One turn of the event loop. */
  readonly settle: () => Promise<void>
  readonly nowMs: number
  readonly repository: string
  readonly assumptions: Assumptions
  readonly signal: AbortSignal
}

export interface Assumptions {
  /** From the start of a new replica until it is healthy, and a job until it is done. */
  readonly healthyAfterMs: number
  /** Which of the new replicas, counted by their starts, does not become healthy; null: all do. */
  readonly failing: number | null
}

/** What would happen. */
export interface Rehearsal {
  readonly revision: Revision
  readonly assumptions: Assumptions
  readonly outcome: RehearsalOutcome
  readonly tookMs: number
  /** New replicas that were started. */
  readonly started: number
  readonly services: readonly ServiceMeasure[]
  readonly memory: MemoryMeasure
  /** Services whose own healthcheck gives a replica up before the time in which it is assumed to become healthy. */
  readonly impatient: readonly string[]
  /** Servers that nobody could look at: what runs there is not known. */
  readonly unseen: readonly string[]
  readonly timeline: readonly TimelineEntry[]
}

export type RehearsalOutcome =
  | Exclude<Settlement, { readonly kind: 'pending' }>
  /** Nothing happens any more, and the revision is not through. */
  | { readonly kind: 'stuck'; readonly problems: readonly Problem[] }

/** Between two looks at how it stands. */
const STEP_MS = 100
/** Longer than any deadline by default: who waits longer waits for a person. */
const STUCK_AFTER_MS = 20 * 60_000
const LONGEST_MS = 48 * 60 * 60_000
/** Pulls depend on the network; this one is quick. */
const PULL_MS = 1_000

/** Plays the real controller on the fleet in memory until the revision has settled. */
export async function rehearse(input: RehearsalInput): Promise<Rehearsal> {
  const waiting = waitingSource(input.source, input.desired.revision.sha)
  const clock = virtualClock(input.nowMs, async () => {
    await input.settle()
    await waiting.idle()
    await input.settle()
  })
  const stage = buildStage(input, clock)
  const driver = input.openDriver({ clock, ways: stage.way, log: () => undefined })
  const ports = {
    clock,
    source: waiting.source,
    loader: createLoader(),
    driver,
    journal: listening(input.openJournal(), stage.noteFact),
    ingress: standInProxies(clock),
    checker: { check: () => Promise.resolve({ verdict: 'yes' as const, said: 'as is assumed' }) },
    log: () => undefined,
  }
  const { ref } = input.desired.revision
  const controller = new Controller(ports, { repository: input.repository, ref })
  controller.start()
  const outcome = await drive(controller, clock, stage, input)
  const tookMs = clock.nowMs() - input.nowMs
  await clock.until(controller.stop(), STUCK_AFTER_MS)
  await driver.close()
  return {
    revision: input.desired.revision,
    assumptions: input.assumptions,
    outcome,
    tookMs,
    started: stage.started(),
    services: stage.meter.services(),
    memory: stage.meter.memory(),
    impatient: impatientServices(input),
    unseen: [...input.observation].filter(([, seen]) => !seen.ok).map(([server]) => server),
    timeline: stage.timeline,
  }
}

interface Stage {
  readonly way: RehearsalDriver['ways']
  readonly meter: Meter
  readonly timeline: readonly TimelineEntry[]
  readonly noteFact: (fact: Fact) => void
  /** Services, as `stack/service`, at whose step a person is waited for: he says yes at once. */
  readonly asked: string[]
  readonly started: () => number
  /** When something happened last. */
  readonly lastAtMs: () => number
}

function buildStage(input: RehearsalInput, clock: VirtualClock): Stage {
  const { observation, desired } = input
  const timeline: TimelineEntry[] = []
  const asked: string[] = []
  const engines = new Map<string, SimEngine>()
  const cast = newCast(input, (id) =>
    [...engines.values()].map(({ machine }) => machine.containers.get(id)?.healthcheck),
  )
  let meter: Meter | null = null
  const note = (entry: Omit<TimelineEntry, 'atMs'> | null): void => {
    if (entry !== null) timeline.push({ atMs: clock.nowMs() - input.nowMs, ...entry })
  }
  let ids = 0
  // No id of a container that was seen comes again.
  const newId = (): string => hashed(`${input.nowMs} ${(ids += 1)}`).slice('sha256:'.length)
  // Servers that know a manager in common are one Swarm; more than one is a mistake that a plan tells.
  const networks = new Map<string, SimNetwork>()
  for (const [server, seen] of observation) {
    if (!seen.ok) continue
    const onEvent = (event: EngineEvent): void => {
      meter?.sample()
      note(entryOfEvent(server, event))
    }
    const engine = simEngine({
      ...hostOf(seen.value, networks),
      clock,
      newId,
      registry,
      behaviour: cast.behaviour,
      onEvent,
    })
    seedEngine(engine.machine, desired.fleet.name, seen.value)
    engines.set(server, engine)
  }
  const machines = new Map<string, Machine>([...engines].map(([server, { machine }]) => [server, machine]))
  const measured = newMeter(machines, desired, clock)
  meter = measured
  return {
    way: ({ name }) => engines.get(name)?.way(name) ?? awayWay(name, problemOf(observation.get(name))),
    meter: measured,
    timeline,
    noteFact(fact) {
      note(entryOfFact(fact))
      if (fact.kind === 'step-reached' && fact.holdMs === null) asked.push(`${fact.stack}/${fact.service}`)
    },
    asked,
    started: cast.started,
    lastAtMs: () => input.nowMs + (timeline.at(-1)?.atMs ?? 0),
  }
}

function problemOf(seen: Result<Listing> | undefined): Problem | null {
  return seen === undefined || seen.ok ? null : seen.problem
}

function hostOf({ facts }: Listing, networks: Map<string, SimNetwork>) {
  const { engineId, hostname, cpus, memoryBytes, os, arch, apiVersion, engineVersion } = facts
  const isOld = Number(apiVersion.split('.')[1]) < 44
  const version: '20.10' | '26.1' = isOld ? '20.10' : '26.1'
  const swarm = facts.swarm === undefined ? {} : { swarm: { ...facts.swarm, networks } }
  return { version, engineId, hostname, cpus, memoryBytes, os, arch, apiVersion, engineVersion, ...swarm }
}

/** Any image is there, a second away; without a digest it gets one of its own. */
function registry(reference: string): Pull {
  const digest = reference.split('@')[1] ?? hashed(reference)
  return { kind: 'image', image: { id: hashed(`${reference} image`), digest, bytes: 0, config: {} }, pullMs: PULL_MS }
}

function hashed(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

interface Cast {
  readonly behaviour: (starting: Starting) => Behaviour
  readonly started: () => number
}

/** What each new replica does: becomes healthy in time, but for the one that shall not. */
function newCast({ desired, assumptions }: RehearsalInput, checksOf: (id: string) => readonly unknown[]): Cast {
  const specs = specsOf(desired)
  const doomed = new Set<string>()
  let started = 0
  return {
    started: () => started,
    behaviour({ id, labels, starts }) {
      const { healthyAfterMs, failing } = assumptions
      if (starts === 0) started += 1
      if (starts === 0 && started === failing) doomed.add(id)
      const isJob = specs.get(serviceOf(labels) ?? '')?.mode === 'job'
      if (!doomed.has(id)) {
        const ends = isJob ? { afterMs: healthyAfterMs, exitCode: 0, isOom: false } : null
        return { ...STEADY, readyAfterMs: healthyAfterMs, earlyChecksCount: false, ends }
      }
      // Without a healthcheck only an end tells that something is wrong.
      const hasCheck = checksOf(id).some((check) => check !== null && check !== undefined)
      const ends = hasCheck && !isJob ? null : { afterMs: healthyAfterMs, exitCode: 1, isOom: false }
      return { ...STEADY, readyAfterMs: null, ends, output: 'it does not become healthy, as was assumed' }
    },
  }
}

// As the engine fills them in.
const INTERVAL_MS = 30_000
const RETRIES = 3

/** In a rehearsal what is assumed counts; on the servers the healthcheck would. */
function impatientServices({ desired, assumptions }: RehearsalInput): readonly string[] {
  const isImpatient = ({ healthcheck }: ServiceSpec): boolean => {
    if (healthcheck === null || healthcheck.test?.[0] === 'NONE') return false
    const { startPeriodMs, intervalMs, retries } = healthcheck
    return (startPeriodMs ?? 0) + (intervalMs ?? INTERVAL_MS) * (retries ?? RETRIES) < assumptions.healthyAfterMs
  }
  return [...specsOf(desired)].filter(([, spec]) => isImpatient(spec)).map(([service]) => service)
}

/** Hands on what is written down. */
function listening(journal: Journal, onFact: (fact: Fact) => void): Journal {
  return {
    ...journal,
    append(facts) {
      journal.append(facts)
      for (const fact of facts) onFact(fact)
    },
  }
}

async function drive(
  controller: Controller,
  clock: VirtualClock,
  stage: Stage,
  { desired, nowMs, signal }: RehearsalInput,
): Promise<RehearsalOutcome> {
  for (;;) {
    await clock.run(STEP_MS)
    stage.meter.sample()
    for (const scope of stage.asked.splice(0))
      controller.command({ kind: 'promote', scope, to: 'step', by: 'the rehearsal' })
    if (controller.isQuiet()) {
      const settlement = settlementOf(controller.status(), desired.revision.sha)
      if (settlement.kind !== 'pending') return settlement
    }
    const isStuck = clock.nowMs() - stage.lastAtMs() > STUCK_AFTER_MS || clock.nowMs() - nowMs > LONGEST_MS
    if (isStuck || signal.aborted) return { kind: 'stuck', problems: problemsOf(controller) }
  }
}

function problemsOf(controller: Controller): readonly Problem[] {
  const { stacks, servers, problems } = controller.status()
  const inStacks = stacks.flatMap(({ problems: own, services }) => [...own, ...services.map(({ problem }) => problem)])
  return [...problems, ...inStacks, ...servers.map(({ problem }) => problem)].filter((problem) => problem !== null)
}
