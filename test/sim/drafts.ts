import type { Random } from './random.js'

/** What a person writes for one service; the rest is default. */
export interface ServiceDraft {
  readonly tag: string
  readonly replicas: number
  readonly mode: 'replicated' | 'global' | 'job'
  readonly order: 'start-first' | 'stop-first' | null
  readonly parallelism: number
  readonly delay: string | null
  readonly monitor: string | null
  readonly failureAction: 'rollback' | 'pause' | 'continue' | null
  readonly ratio: number
  readonly scope: 'stack' | 'service'
  readonly checked: boolean
  readonly startPeriod: boolean
  readonly probed: boolean
  readonly volume: boolean
  readonly port: number | null
  /** Requests come by a route too, whose path goes by the number of replicas: a commit that scales moves it. */
  readonly routed: boolean
  /** What it has of the path that services of all stacks share. Absent: nothing, and it does not claim it. */
  readonly weight?: number
  /** How it comes to a new version where proxies balance it. Absent: slot by slot. */
  readonly strategy?: 'canary' | 'blue-green'
  readonly zone: string | null
  readonly dependsOn: readonly string[]
  readonly env: number
  readonly config: number | null
  readonly memory: string | null
  /** Memory that is promised to each replica. */
  readonly reserve: string | null
  readonly restart: 'always' | 'unless-stopped' | 'on-failure' | 'no'
}

export type StackDraft = Readonly<Record<string, ServiceDraft>>

/** What a revision must be before it is rolled out. */
export interface GuardDraft {
  readonly signed: 'head' | 'every' | null
  /** Whether a person may let one through that is not signed. */
  readonly approvable: boolean
  /** Nothing new in the first minutes of each hour. */
  readonly windows: boolean
  readonly pinned: boolean
}

/** A whole repository as its people think of it. */
export interface Draft {
  readonly servers: readonly string[]
  readonly prune: number
  readonly history: 'fast-forward' | 'any'
  readonly stacks: Readonly<Record<string, StackDraft>>
  /** Written instead of a file: what somebody committed by mistake. */
  readonly broken: Readonly<Record<string, string>>
  readonly guards?: GuardDraft
  /** Whether the fleet has proxies. */
  readonly ingress?: boolean
  /** Whether its routes have certificates of an authority. */
  readonly acme?: boolean
  /** Whether its services come to new versions by strategies. */
  readonly staged?: boolean
  /** Whether its canaries have checks. */
  readonly asked?: boolean
  /** Whether its services share a path. */
  readonly weighted?: boolean
  /** Whether its servers have so little memory that people promise it. */
  readonly tight?: boolean
}

/** Of each hour, where there are windows. */
export const CLOSED_MINUTES = 20

/** Where every commit must be signed nobody could go on without approvals. */
export function guardsOf(random: Random): GuardDraft {
  const signed = random.pick([null, 'head', 'every'] as const)
  return {
    signed,
    approvable: signed === 'every' || random.chance(0.5),
    windows: random.chance(0.5),
    pinned: random.chance(0.5),
  }
}

export const GOOD_TAGS: readonly string[] = ['1', '2', '3', '4', 'slow', 'stubborn']
export const BAD_TAGS: readonly string[] = [
  'never',
  'hang',
  'crash',
  'crash2',
  'oom',
  'flap',
  'sway',
  'late',
  'brief',
  'clean',
  'absent',
  'limited',
  'denied',
  'stuck',
]

export const PLAIN: ServiceDraft = Object.freeze({
  tag: '1',
  replicas: 1,
  mode: 'replicated',
  order: null,
  parallelism: 1,
  delay: null,
  monitor: null,
  failureAction: null,
  ratio: 0,
  scope: 'stack',
  checked: true,
  startPeriod: false,
  probed: false,
  volume: false,
  port: null,
  routed: false,
  zone: null,
  dependsOn: [],
  env: 0,
  config: null,
  memory: null,
  reserve: null,
  restart: 'unless-stopped',
})

const NAMES = ['web', 'api', 'worker', 'cache'] as const

export function firstDraft(random: Random, servers: readonly string[]): Draft {
  const names = NAMES.slice(0, random.between(1, 3))
  const shop = Object.fromEntries(names.map((name) => [name, randomService(random, name, names)]))
  const more = random.chance(0.3) ? { blog: { web: randomService(random, 'web', ['web']) } } : {}
  const prune = random.pick([0.3, 0.5, 1])
  return { servers, prune, history: 'fast-forward', stacks: { ...more, shop }, broken: {} }
}

/** A fleet with proxies, and something for them to do: each stack has ports of its own. */
export function withIngress(draft: Draft): Draft {
  const stacks = Object.entries(draft.stacks).map(([stack, services], at) => {
    const ported = Object.entries(services).map(([name, service], index) => {
      const port = service.mode === 'job' ? null : 8_000 + at * 100 + index
      return [name, { ...service, port, routed: port !== null && index % 2 === 0 }] as const
    })
    return [stack, Object.fromEntries(ported)] as const
  })
  return { ...draft, ingress: true, stacks: Object.fromEntries(stacks) }
}

/** Most services come to new versions by canary or blue-green. */
export function withStrategies(draft: Draft, random: Random): Draft {
  const stacks = Object.entries(draft.stacks).map(([stack, services]) => {
    const staged = Object.entries(services).map(([name, service]) => {
      const strategy = random.pick(['canary', 'canary', 'blue-green', null] as const)
      return [name, strategy === null ? service : { ...service, strategy }] as const
    })
    return [stack, Object.fromEntries(staged)] as const
  })
  return { ...draft, staged: true, stacks: Object.fromEntries(stacks) }
}

const WEIGHTS: readonly number[] = [0, 0, 1, 10, 90]

/** Services of all stacks share one path; most of them. */
export function withWeights(draft: Draft, random: Random): Draft {
  const stacks = Object.entries(draft.stacks).map(([stack, services]) => {
    const sharing = Object.entries(services).map(([name, service]) => {
      const weight = random.pick(WEIGHTS)
      return [name, service.port === null || random.chance(0.2) ? service : { ...service, weight }] as const
    })
    return [stack, Object.fromEntries(sharing)] as const
  })
  return withSomeWeight({ ...draft, weighted: true, stacks: Object.fromEntries(stacks) })
}

/** A path that nobody gets is refused: the first one gets it. */
function withSomeWeight(draft: Draft): Draft {
  const all = Object.entries(draft.stacks).flatMap(([stack, services]) =>
    Object.entries(services).flatMap(([name, { weight }]) => (weight === undefined ? [] : [{ stack, name, weight }])),
  )
  const [first] = all
  if (first === undefined || all.some(({ weight }) => weight > 0)) return draft
  const services = draft.stacks[first.stack] ?? {}
  const one = { ...(services[first.name] ?? PLAIN), weight: 1 }
  return { ...draft, stacks: { ...draft.stacks, [first.stack]: { ...services, [first.name]: one } } }
}

/** Images that are well and serve worse. */
const WORSE_TAGS: readonly string[] = ['wrong', 'lame']

const RESERVES: readonly (string | null)[] = [null, '64M', '128M', '128M', '256M']

/** Servers have little memory: most services reserve some. */
export function withReserves(draft: Draft, random: Random): Draft {
  const stacks = Object.entries(draft.stacks).map(([stack, services]) => {
    const reserving = Object.entries(services).map(([name, service]) => [name, reserved(service, random)] as const)
    return [stack, Object.fromEntries(reserving)] as const
  })
  return { ...draft, tight: true, stacks: Object.fromEntries(stacks) }
}

/** What is reserved is never more than the limit, or the file is refused. */
function reserved(service: ServiceDraft, random: Random): ServiceDraft {
  return { ...service, reserve: random.pick(RESERVES), memory: random.chance(0.3) ? '256M' : null }
}

function randomService(random: Random, name: string, names: readonly string[]): ServiceDraft {
  const mode = random.chance(0.08) ? 'global' : random.chance(0.08) ? 'job' : 'replicated'
  const before = names.slice(0, names.indexOf(name))
  return {
    ...PLAIN,
    tag: mode === 'job' ? 'done' : random.pick(GOOD_TAGS.slice(0, 4)),
    mode,
    replicas: mode === 'replicated' ? random.between(1, 4) : 1,
    order: random.pick([null, null, 'start-first', 'stop-first']),
    parallelism: random.pick([1, 1, 1, 2, 0]),
    delay: random.chance(0.1) ? '10s' : null,
    monitor: random.chance(0.2) ? '15s' : null,
    failureAction: random.pick([null, null, null, 'pause', 'continue']),
    ratio: random.pick([0, 0, 0, 0.4]),
    scope: random.chance(0.2) ? 'service' : 'stack',
    checked: random.chance(0.8),
    startPeriod: random.chance(0.2),
    probed: random.chance(0.15),
    volume: random.chance(0.12),
    port: random.chance(0.12) ? 8_000 + NAMES.indexOf(name as (typeof NAMES)[number]) : null,
    zone: random.chance(0.15) ? random.pick(['a', 'b']) : null,
    dependsOn: before.filter(() => random.chance(0.3)),
    config: random.chance(0.2) ? 1 : null,
    memory: random.chance(0.2) ? '64M' : null,
    restart: random.pick(['unless-stopped', 'unless-stopped', 'always', 'on-failure', 'no']),
  }
}

/** The repository after one more commit: one thing is changed, most often an image. */
export function changed(draft: Draft, random: Random): Draft {
  return withSomeWeight(changedOnce(draft, random))
}

function changedOnce(draft: Draft, random: Random): Draft {
  const stacks = Object.keys(draft.stacks).sort()
  if (stacks.length === 0) return { ...draft, stacks: { shop: { web: PLAIN } } }
  const stack = random.pick(stacks)
  const services = draft.stacks[stack] ?? {}
  const names = Object.keys(services).sort()
  const withServices = (next: StackDraft): Draft => ({
    ...draft,
    stacks: { ...draft.stacks, [stack]: next },
    broken: {},
  })
  const missing = NAMES.filter((name) => services[name] === undefined)
  if (missing.length > 0 && random.chance(0.1)) {
    const name = random.pick(missing)
    return withServices({ ...services, [name]: randomService(random, name, [...names, name]) })
  }
  if (names.length > 1 && random.chance(0.08)) return withServices(withoutService(services, random.pick(names)))
  if (stacks.length > 1 && random.chance(0.05)) {
    const { [stack]: _gone, ...rest } = draft.stacks
    return { ...draft, stacks: rest, broken: {} }
  }
  const name = names.length === 0 ? 'web' : random.pick(names)
  const routing = random.fork('routes')
  if (draft.acme === true && routing.chance(0.2)) {
    const service = services[name] ?? PLAIN
    return withServices({ ...services, [name]: { ...service, routed: !service.routed && service.port !== null } })
  }
  const weighing = random.fork('weights')
  if (draft.weighted === true && services[name]?.weight !== undefined && weighing.chance(0.4))
    return withServices({ ...services, [name]: { ...(services[name] ?? PLAIN), weight: weighing.pick(WEIGHTS) } })
  const serving = random.fork('serving')
  if (draft.staged === true && services[name]?.strategy !== undefined && serving.chance(0.3))
    return withServices({ ...services, [name]: { ...(services[name] ?? PLAIN), tag: serving.pick(WORSE_TAGS) } })
  const reserving = random.fork('reserve')
  if (draft.tight === true && reserving.chance(0.3))
    return withServices({ ...services, [name]: reserved(services[name] ?? PLAIN, reserving) })
  return withServices({ ...services, [name]: changedService(services[name] ?? PLAIN, random) })
}

function withoutService(services: StackDraft, name: string): StackDraft {
  const rest = Object.entries(services).filter(([other]) => other !== name)
  return Object.fromEntries(
    rest.map(([other, service]) => [other, { ...service, dependsOn: service.dependsOn.filter((on) => on !== name) }]),
  )
}

function changedService(service: ServiceDraft, random: Random): ServiceDraft {
  const roll = random.next()
  if (roll < 0.5) return { ...service, tag: anotherTag(service, random) }
  if (roll < 0.62) return { ...service, env: service.env + 1 }
  if (roll < 0.76) return { ...service, replicas: random.between(service.mode === 'replicated' ? 0 : 1, 5) }
  if (roll < 0.8) return { ...service, config: (service.config ?? 0) + 1 }
  if (roll < 0.84) return { ...service, memory: random.pick([null, '32M', '64M', '96M']), reserve: null }
  if (roll < 0.88) return { ...service, zone: random.pick([null, 'a', 'b']) }
  if (roll < 0.92) return { ...service, order: random.pick([null, 'start-first', 'stop-first']) }
  if (roll < 0.95) return { ...service, parallelism: random.pick([0, 1, 2]) }
  return { ...service, checked: !service.checked }
}

function anotherTag(service: ServiceDraft, random: Random): string {
  if (service.mode === 'job') return random.pick(['done', 'jobbad'])
  return random.chance(0.35) ? random.pick(BAD_TAGS) : random.pick(GOOD_TAGS)
}

/** Everything in order: images that start, enough room, nothing broken. What a person commits after a bad day. The tag is one that never ran before. */
export function mended(draft: Draft, good = '5'): Draft {
  const stacks = Object.keys(draft.stacks).length === 0 ? { shop: { web: PLAIN } } : draft.stacks
  const mend = ({ weight: _shared, ...service }: ServiceDraft): ServiceDraft => ({
    ...service,
    tag: service.mode === 'job' ? 'done' : good,
    reserve: null,
    zone: null,
    volume: false,
    port: null,
    routed: draft.acme === true && service.routed,
  })
  return {
    ...draft,
    broken: {},
    stacks: Object.fromEntries(
      Object.entries(stacks).map(([name, services]) => [
        name,
        Object.fromEntries(Object.entries(services).map(([other, service]) => [other, mend(service)])),
      ]),
    ),
  }
}

export function zoneOf(server: string): string {
  return Number(server.slice(1)) % 2 === 0 ? 'b' : 'a'
}
