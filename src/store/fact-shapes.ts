import type { Command, Fact, FactKind } from '../controller/index.js'

type Check = (value: unknown) => boolean
type Shape<T, Known extends string> = Readonly<Record<Exclude<keyof T, Known>, Check>>
type FactOf<Kind extends FactKind> = Extract<Fact, { readonly kind: Kind }>
type CommandOf<Kind extends Command['kind']> = Extract<Command, { readonly kind: Kind }>

const text: Check = (value) => typeof value === 'string'
/** A key of records: what every object answers to would be found there before it is put there. */
const name: Check = (value) => typeof value === 'string' && !(value in Object.prototype)
const number: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const flag: Check = (value) => typeof value === 'boolean'
const nullOr =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
const mapOf =
  (check: Check): Check =>
  (value) =>
    isRecord(value) && Object.values(value).every(check)

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Fields that this release does not know may be there: a later one wrote them. */
function shape(fields: Readonly<Record<string, Check>>): Check {
  const checks = Object.entries(fields)
  return (value) => isRecord(value) && checks.every(([name, check]) => Object.hasOwn(value, name) && check(value[name]))
}

const revision = shape({ ref: text, sha: text, author: text, committedAtMs: number, subject: text })
const problem = shape({ code: text, message: text })
const slot = shape({ stack: name, service: name, key: text })
const server = shape({
  name: text,
  address: isRecord,
  hostKey: isRecord,
  labels: mapOf(text),
  lostAfterMs: nullOr(number),
})
const fleet = shape({ name: text, servers: listOf(server), guards: shape({ prune: number, history: text }) })
const specs = listOf(shape({ service: name, specHash: text, revision }))
const pin = shape({
  service: name,
  specHash: text,
  image: text,
  pin: shape({ digest: nullOr(text), id: text }),
  server: name,
})
const replica = { stack: name, service: name, slot, server: name, containerId: text, specHash: text }

/** The gate of an approval may be absent: an older release wrote none. */
const COMMANDS: { readonly [Kind in Command['kind']]: Shape<CommandOf<Kind>, 'kind' | 'gate'> } = {
  approve: { sha: text, by: text },
  retry: { stack: name, by: text },
  restart: { stack: name, service: name, reason: text, by: text },
  suspend: { scope: name, reason: text, by: text },
  resume: { scope: name, by: text },
  drain: { server: name, by: text },
  undrain: { server: name, by: text },
  sync: { by: text },
}
const command: Check = (value) =>
  isRecord(value) &&
  typeof value.kind === 'string' &&
  Object.hasOwn(COMMANDS, value.kind) &&
  shape(COMMANDS[value.kind as Command['kind']])(value)

/** What each kind of fact holds, as far as folding it needs. */
const FACTS: { readonly [Kind in FactKind]: Shape<FactOf<Kind>, 'kind' | 'atMs'> } = {
  'revision-accepted': { revision, fleet, stacks: mapOf(text), rewound: flag },
  'revision-held': { revision, problem },
  'revision-refused': { revision, problems: listOf(problem) },
  'revision-released': {},
  commanded: { command },
  'engine-pinned': { server: name, engineId: text },
  'server-lost': { server: name },
  'server-returned': { server: name },
  'server-retired': { server: name },
  'rival-seen': { server: name, controller: text, container: text },
  'stack-orphaned': { stack: name, revision },
  'stack-removed': { stack: name, revision },
  'stack-adopted': { stack: name, revision, hash: text, pins: listOf(pin), specs, replicas: mapOf(text) },
  'rollout-started': {
    stack: name,
    revision,
    hash: text,
    direction: text,
    fast: flag,
    slots: number,
    services: mapOf(number),
    from: nullOr(shape({ revision, hash: text })),
  },
  'rollout-blocked': { stack: name, problems: listOf(problem), retryAtMs: number, attempt: number },
  'rollout-delayed': { stack: name },
  'image-pinned': {
    stack: name,
    service: name,
    specHash: text,
    image: text,
    digest: nullOr(text),
    ids: mapOf(text),
  },
  'rollout-prepared': { stack: name },
  'slot-proven': replica,
  'replica-failed': { ...replica, problem, evidence: nullOr(isRecord) },
  'job-finished': { stack: name, service: name, specHash: text, server: name, exitCode: number },
  'rollout-completed': {
    stack: name,
    revision,
    hash: text,
    direction: text,
    failedSlots: number,
    restarts: mapOf(text),
    specs,
  },
  'rollout-failed': {
    stack: name,
    revision,
    hash: text,
    service: name,
    serviceHash: text,
    scope: name,
    problem,
    then: text,
  },
  'rollout-superseded': { stack: name, revision, hash: text, by: revision },
  'replica-healed': { stack: name, service: name, slot, server: name, how: text, reason: text },
  'limits-updated': { stack: name, service: name, containerId: text, limits: text },
}

const CHECKS: ReadonlyMap<string, Check> = new Map(Object.entries(FACTS).map(([kind, fields]) => [kind, shape(fields)]))

/** Whether a fact of this kind holds all that folding it needs. False for a kind that nobody knows. */
export function hasItsFields(kind: string, value: unknown): boolean {
  return CHECKS.get(kind)?.(value) === true
}
