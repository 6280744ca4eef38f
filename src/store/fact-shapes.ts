import type { Command, Fact, FactKind } from '../controller/index.js'
import {
  fleet,
  flag,
  isRecord,
  listOf,
  mapOf,
  name,
  nullOr,
  number,
  problem,
  revision,
  shape,
  slot,
  text,
  time,
} from './shapes.js'
import type { Check, Shape } from './shapes.js'

type FactOf<Kind extends FactKind> = Extract<Fact, { readonly kind: Kind }>
type CommandOf<Kind extends Command['kind']> = Extract<Command, { readonly kind: Kind }>

const specs = listOf(shape({ service: name, specHash: text, revision }))
const pin = shape({
  service: name,
  specHash: text,
  image: text,
  pin: shape({ digest: nullOr(text), id: text }),
  server: name,
})
const replica = { stack: name, service: name, slot, server: name, containerId: text, specHash: text }

const step = { stack: name, service: name, specHash: text, step: number, percent: number }

/** The gate of an approval may be absent: an older release wrote none. */
const COMMANDS: { readonly [Kind in Command['kind']]: Shape<CommandOf<Kind>, 'kind' | 'gate'> } = {
  approve: { sha: text, by: text },
  retry: { stack: name, by: text },
  promote: { scope: name, to: text, by: text },
  abort: { stack: name, by: text },
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
  'guard-released': { revision, guard: text, commit: text, author: text, reason: text },
  commanded: { command },
  'engine-pinned': { server: name, engineId: text },
  'server-lost': { server: name },
  'server-returned': { server: name },
  'server-retired': { server: name },
  'rival-seen': { server: name, controller: text, container: text },
  'certificate-issued': { host: text, fromMs: time, untilMs: time },
  'certificate-failed': { host: text, problem, untilMs: nullOr(time) },
  'certificates-restored': { hosts: listOf(text) },
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
  'step-begun': { ...step, steps: number, promoted: flag },
  'step-reached': { ...step, holdMs: nullOr(number) },
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
