import type { Files } from './git.js'
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
  readonly zone: string | null
  readonly dependsOn: readonly string[]
  readonly env: number
  readonly config: number | null
  readonly memory: string | null
  readonly restart: 'always' | 'unless-stopped' | 'on-failure' | 'no'
}

export type StackDraft = Readonly<Record<string, ServiceDraft>>

/** A whole repository as its people think of it. */
export interface Draft {
  readonly servers: readonly string[]
  readonly prune: number
  readonly history: 'fast-forward' | 'any'
  readonly stacks: Readonly<Record<string, StackDraft>>
  /** Written instead of a file: what somebody committed by mistake. */
  readonly broken: Readonly<Record<string, string>>
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
  zone: null,
  dependsOn: [],
  env: 0,
  config: null,
  memory: null,
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
  if (roll < 0.84) return { ...service, memory: random.pick([null, '32M', '64M', '96M']) }
  if (roll < 0.88) return { ...service, zone: random.pick([null, 'a', 'b']) }
  if (roll < 0.92) return { ...service, order: random.pick([null, 'start-first', 'stop-first']) }
  if (roll < 0.95) return { ...service, parallelism: random.pick([0, 1, 2]) }
  return { ...service, checked: !service.checked }
}

function anotherTag(service: ServiceDraft, random: Random): string {
  if (service.mode === 'job') return random.pick(['done', 'jobbad'])
  return random.chance(0.35) ? random.pick(BAD_TAGS) : random.pick(GOOD_TAGS)
}

/** Everything in order: images that start, enough room, nothing broken. What a person commits after a bad day. */
export function mended(draft: Draft): Draft {
  const stacks = Object.keys(draft.stacks).length === 0 ? { shop: { web: PLAIN } } : draft.stacks
  const mend = (service: ServiceDraft): ServiceDraft => ({
    ...service,
    tag: service.mode === 'job' ? 'done' : '5',
    zone: null,
    volume: false,
    port: null,
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

export function filesOf(draft: Draft): Files {
  const files = new Map<string, string>([['slipway.yaml', fleetFile(draft)]])
  for (const [name, services] of Object.entries(draft.stacks)) {
    files.set(`stacks/${name}/compose.yaml`, composeFile(services))
    for (const [service, { config }] of Object.entries(services))
      if (config !== null) files.set(`stacks/${name}/${service}.conf`, `setting ${config}\n`)
  }
  for (const [path, text] of Object.entries(draft.broken)) files.set(path, text)
  return files
}

function fleetFile(draft: Draft): string {
  const servers = draft.servers.map(
    (name, index) =>
      `  ${name}: { address: 10.0.0.${index + 1}, host_key: 'SHA256:${'a'.repeat(43)}', labels: { zone: ${zoneOf(name)} } }\n`,
  )
  const guards = `guards: { prune: ${Math.round(draft.prune * 100)}%, history: ${draft.history} }\n`
  return `fleet: acme\nservers:\n${servers.join('')}${guards}`
}

function composeFile(services: StackDraft): string {
  const names = Object.keys(services).sort()
  const bodies = names.map((name) => serviceText(name, services[name] ?? PLAIN))
  const volumes = names.filter((name) => services[name]?.volume === true)
  const configs = names.filter((name) => services[name]?.config !== null)
  return [
    names.length === 0 ? 'services: {}\n' : `services:\n${bodies.join('')}`,
    volumes.length > 0 ? `volumes:\n${volumes.map((name) => `  ${name}_data:\n`).join('')}` : '',
    configs.length > 0 ? `configs:\n${configs.map((name) => `  ${name}: { file: ./${name}.conf }\n`).join('')}` : '',
  ].join('')
}

function serviceText(name: string, service: ServiceDraft): string {
  const { mode, tag } = service
  const check = `test: [CMD, 'true'], interval: 5s, timeout: 3s, retries: 2${service.startPeriod ? ', start_period: 10s' : ''}`
  const update = [
    `parallelism: ${service.parallelism}`,
    ...(service.order === null ? [] : [`order: ${service.order}`]),
    ...(service.delay === null ? [] : [`delay: ${service.delay}`]),
    ...(service.monitor === null ? [] : [`monitor: ${service.monitor}`]),
    ...(service.failureAction === null ? [] : [`failure_action: ${service.failureAction}`]),
    ...(service.ratio === 0 ? [] : [`max_failure_ratio: ${service.ratio}`]),
  ].join(', ')
  const deploy = [
    mode === 'replicated'
      ? `replicas: ${service.replicas}`
      : mode === 'global'
        ? 'mode: global'
        : 'mode: replicated-job',
    `update_config: { ${update} }`,
    ...(service.zone === null ? [] : [`placement: { constraints: ['node.labels.zone == ${service.zone}'] }`]),
    ...(service.memory === null ? [] : [`resources: { limits: { memory: ${service.memory} } }`]),
  ].join(', ')
  const lines = [
    `image: ${name}:${tag}`,
    `restart: ${mode === 'job' ? "'no'" : service.restart === 'no' ? "'no'" : service.restart}`,
    `environment: { RELEASE: '${service.env}' }`,
    ...(service.checked && mode !== 'job' ? [`healthcheck: { ${check} }`] : []),
    `deploy: { ${deploy} }`,
    ...(service.dependsOn.length === 0
      ? []
      : [`depends_on: { ${service.dependsOn.map((on) => `${on}: { condition: service_started }`).join(', ')} }`]),
    ...(service.volume ? [`volumes: ['${name}_data:/data']`] : []),
    ...(service.port === null ? [] : [`ports: ['${service.port}:80']`]),
    ...(service.config === null ? [] : [`configs: [${name}]`]),
    ...(mode === 'job' ? [] : [slipwayText(service)]),
  ]
  return `  ${name}:\n${lines.map((line) => `    ${line}\n`).join('')}`
}

function slipwayText(service: ServiceDraft): string {
  const probe = service.probed ? ', probe: { tcp: { port: 80 } }' : ''
  return `x-slipway: { rollout: { healthy_deadline: 60s, progress_deadline: 4m, scope: ${service.scope} }${probe} }`
}
