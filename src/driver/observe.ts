import { fail, ok } from '../model/index.js'
import type { Listing, NetworkSeen, Replica, ReplicaDetail, Result, VolumeSeen } from '../model/index.js'
import { COMPOSE_LABELS, LABELS, SETTINGS_LABEL } from '../model/index.js'
import { newListReader } from './container-list.js'
import type { ContainerList, ListReader, Scratch } from './container-list.js'
import { newKnownDeaths } from './deaths.js'
import type { KnownDeaths } from './deaths.js'
import { at, numberAt, readJson, readJsonIfThere, textAt } from './engine.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import { toProblem } from './engine-errors.js'
import { senseless } from './negotiate.js'
import { factsNow, reachable } from './swarm.js'
import type { SwarmSight } from './swarm.js'

type Kept = 'volumes' | 'networks'

/** What is remembered of a server between two looks. Never a replacement for asking. */
export interface Sightings {
  readonly reader: ListReader
  /** The engine that was last listed: what is planned is planned for it. */
  engineId: string | null
  readonly deaths: KnownDeaths
  /** Names of the helpers that are filling volumes just now. */
  readonly shipping: Set<string>
  /** The last list of containers was older than what the engine had told by then: it is worth another look soon. */
  isBehind: boolean
  /** Null: there was none. */
  swarm: SwarmSight | null
  /** What was kept, or null when it must be read. */
  kept<K extends Kept>(kind: K): KeptLists[K] | null
  /** A number that changes with each `forget`: a list read across one is not kept. */
  age(kind: Kept): number
  keep<K extends Kept>(kind: K, age: number, list: KeptLists[K]): void
  forget(kind: Kept): void
  forgetLists(): void
  /** Lists are kept only while events would tell of a change. */
  listening(isListening: boolean): void
}

interface KeptLists {
  readonly volumes: readonly VolumeSeen[]
  readonly networks: readonly NetworkSeen[]
}

export function newSightings(server: string, fleet: string, scratch: Scratch): Sightings {
  const lists: { volumes: KeptLists['volumes'] | null; networks: KeptLists['networks'] | null } = {
    volumes: null,
    networks: null,
  }
  const ages = { volumes: 0, networks: 0 }
  let isListening = false
  const forget = (kind: Kept): void => {
    lists[kind] = null
    ages[kind] += 1
  }
  return {
    reader: newListReader(server, fleet, scratch),
    engineId: null,
    deaths: newKnownDeaths(),
    shipping: new Set(),
    isBehind: false,
    swarm: null,
    kept: (kind) => lists[kind],
    age: (kind) => ages[kind],
    keep(kind, age, list) {
      if (isListening && ages[kind] === age) lists[kind] = list
    },
    forget,
    forgetLists() {
      forget('volumes')
      forget('networks')
    },
    listening(value) {
      isListening = value
      forget('volumes')
      forget('networks')
    },
  }
}

/** One full look: one list call, and one for each container to look closer at. */
export async function observe(
  engine: Engine,
  sightings: Sightings,
  closer: readonly string[],
  signal: AbortSignal,
): Promise<Result<Listing>> {
  const [containers, volumes, networks] = await Promise.all([
    listUpToDate(engine, sightings, signal),
    listKept(engine, sightings, 'volumes', readVolumes, signal),
    listKept(engine, sightings, 'networks', readNetworks, signal),
  ])
  if (!containers.ok) return containers
  if (!volumes.ok) return volumes
  if (!networks.ok) return networks
  const swarm = await factsNow(engine, sightings.swarm, networks.value, signal)
  if (!swarm.ok) return swarm
  sightings.swarm = swarm.value
  const listed = reachable(containers.value.replicas, networks.value)
  const replicas = closer.length === 0 ? ok(listed) : await inspectSome(engine, listed, closer, signal)
  if (!replicas.ok) return replicas
  sightings.engineId = engine.facts.engineId
  const { told, stopping } = sightings.deaths
  const missed = told.missedBy((id) => isUp(containers.value, id), engine.clock.nowMs())
  sightings.isBehind = missed.some((id) => !stopping.has(id))
  const { foreign } = containers.value
  return ok({
    facts: swarm.value?.facts ?? engine.facts,
    replicas: replicas.value,
    foreign,
    volumes: volumes.value,
    networks: networks.value,
  })
}

function isUp({ replicas, foreign }: ContainerList, id: string): boolean {
  return (
    replicas.some((replica) => replica.containerId === id && replica.state === 'running') ||
    foreign.some((container) => container.containerId === id && container.running)
  )
}

/** Lists that still show as running what we have stopped are at most so many. */
const LISTS_BEHIND = 4

/** A list that is not older than our own last stop, unless the engine takes too long to write it down. */
async function listUpToDate(engine: Engine, sightings: Sightings, signal: AbortSignal): Promise<Result<ContainerList>> {
  for (let lists = 1; ; lists += 1) {
    const list = await listContainers(engine, sightings, signal)
    if (!list.ok || lists === LISTS_BEHIND) return list
    const missed = sightings.deaths.stopped.missedBy((id) => isUp(list.value, id), engine.clock.nowMs())
    if (missed.length === 0) return list
    await new Promise<void>((resolve) => void engine.clock.after(engine.limits.lagMs / LISTS_BEHIND, resolve))
  }
}

async function listContainers(
  engine: Engine,
  sightings: Sightings,
  signal: AbortSignal,
): Promise<Result<ContainerList>> {
  const { listMs, listBytes } = engine.limits
  const call = { method: 'GET', path: '/containers/json', query: { all: '1' }, lane: 'read' } as const
  const request = { ...call, deadlineMs: listMs, maxBytes: listBytes }
  const answer = await engine.call(request, signal)
  if (!answer.ok) return fail(toProblem(answer.problem, { server: engine.server, what: 'list its containers' }))
  const read = sightings.reader.read(answer.value.chunks)
  return read.ok ? read : fail(senseless(engine.server, read.problem))
}

async function listKept<K extends Kept>(
  engine: Engine,
  sightings: Sightings,
  kind: K,
  read: (parsed: unknown) => KeptLists[K] | null,
  signal: AbortSignal,
): Promise<Result<KeptLists[K]>> {
  const kept = sightings.kept(kind)
  if (kept !== null) return ok(kept)
  const age = sightings.age(kind)
  const { listMs, listBytes } = engine.limits
  const call = { method: 'GET', path: `/${kind}`, lane: 'read', deadlineMs: listMs, maxBytes: listBytes } as const
  const parsed = await readJson(engine, call, `list its ${kind}`, signal)
  if (!parsed.ok) return parsed
  const list = read(parsed.value)
  if (list === null) return fail(senseless(engine.server, `the list of ${kind} is no list`))
  sightings.keep(kind, age, list)
  return ok(list)
}

/** `Volumes` is null where there are none. */
function readVolumes(parsed: unknown): readonly VolumeSeen[] | null {
  const volumes = at(parsed, 'Volumes')
  return volumes === null ? [] : readNamed(volumes)
}

function readNetworks(parsed: unknown): readonly NetworkSeen[] | null {
  const named = readNamed(parsed)
  if (named === null || !Array.isArray(parsed)) return null
  return named.map((network, index) => {
    const subnets = subnetsOf(at(parsed[index], 'IPAM', 'Config'))
    const isShared = textAt(parsed[index], 'Scope') === 'swarm'
    return {
      ...network,
      ...(subnets.length === 0 ? {} : { subnets }),
      ...(isShared ? { isShared } : {}),
    }
  })
}

function subnetsOf(pools: unknown): readonly string[] {
  if (!Array.isArray(pools)) return []
  return (pools as readonly unknown[]).map((pool) => textAt(pool, 'Subnet')).filter((subnet) => subnet !== '')
}

function readNamed(parsed: unknown): readonly (VolumeSeen & NetworkSeen)[] | null {
  if (!Array.isArray(parsed)) return null
  const items = parsed as readonly unknown[]
  if (items.some((item) => textAt(item, 'Name') === '')) return null
  return items.map((item) => {
    const settings = textAt(item, 'Labels', SETTINGS_LABEL)
    const fleet = textAt(item, 'Labels', LABELS.fleet) || null
    const project = fleet === null ? textAt(item, 'Labels', COMPOSE_LABELS.project) : ''
    const seen = { name: textAt(item, 'Name'), fleet, ...(project === '' ? {} : { project }) }
    return settings === '' ? seen : { ...seen, settings }
  })
}

async function inspectSome(
  engine: Engine,
  replicas: readonly Replica[],
  closer: readonly string[],
  signal: AbortSignal,
): Promise<Result<readonly Replica[]>> {
  const wanted = new Set(closer)
  const inspected = await Promise.all(
    replicas.map(async (replica): Promise<Result<Replica>> => {
      if (!wanted.has(replica.containerId)) return ok(replica)
      const path = `/containers/${segment(replica.containerId)}/json`
      const info = await readJsonIfThere(
        engine,
        { method: 'GET', path, lane: 'read' },
        `inspect ${replica.containerName}`,
        signal,
      )
      if (!info.ok) return info
      // Gone since the list: the next look will not have it.
      return ok(info.value === null ? replica : { ...replica, detail: detailOf(info.value) })
    }),
  )
  const failed = inspected.find((result) => !result.ok)
  if (failed !== undefined) return failed
  return ok(inspected.flatMap((result) => (result.ok ? [result.value] : [])))
}

function detailOf(info: unknown): ReplicaDetail {
  return {
    startedAtMs: timeOf(textAt(info, 'State', 'StartedAt')),
    finishedAtMs: timeOf(textAt(info, 'State', 'FinishedAt')),
    restartCount: numberAt(info, 'RestartCount'),
    oomKilled: at(info, 'State', 'OOMKilled') === true,
  }
}

/** Go's zero time, year 1, is "never". */
function timeOf(text: string): number {
  const ms = Date.parse(text)
  return Number.isNaN(ms) || ms < 0 ? 0 : ms
}
