import { isDeepStrictEqual } from 'node:util'
import { formatProblem } from '../../src/model/index.js'
import type { ServiceSpec, Stack } from '../../src/model/index.js'
import { GUARDS } from '../../src/payload/index.js'
import { FLEET, entryOf } from '../manifest/repository.js'
import type { Files } from './services.js'
import { FOLDER } from './services.js'
import { OLDER_VALUES, UNSAID, WANTED_LENIENCE, WANTED_REFUSALS } from './differences.js'
import type { DockerCompose } from './docker-compose.js'
import { expectedStack } from './expected.js'
import { COMPOSE_PATH } from './project.js'

/** Compose knows no guards, so all of them are open. */
const OPEN_FLEET = `${FLEET}stacks: ${FOLDER}\nguards: { allow: [${Object.keys(GUARDS).join(', ')}] }\n`

export type Verdict =
  | { readonly kind: 'equal' | 'both-refuse' }
  | { readonly kind: 'wanted-refusal' | 'wanted-lenience'; readonly reasons: readonly string[] }
  | { readonly kind: 'differs'; readonly lines: readonly string[] }

/** One repository, read by Docker Compose and by our loader: whether they agree, and where they do not. */
export async function compare(files: Files, oracle: DockerCompose): Promise<Verdict> {
  const answer = await oracle.config(files, FOLDER)
  const entry = entryOf(files[COMPOSE_PATH] ?? '', { 'slipway.yaml': OPEN_FLEET, ...files })
  if (entry.kind === 'invalid') {
    if (answer.kind === 'refused') return { kind: 'both-refuse' }
    const lines = entry.problems.map(formatProblem)
    const reasons = entry.problems.map(({ code, message }) => reasonOf(`${code} ${message}`, WANTED_REFUSALS))
    const wanted = reasons.filter((reason) => reason !== undefined)
    if (wanted.length === reasons.length) return { kind: 'wanted-refusal', reasons: wanted }
    return { kind: 'differs', lines: ['Compose accepts this, and we refuse it:', ...lines] }
  }
  if (answer.kind === 'refused') {
    const reason = reasonOf(answer.why, WANTED_LENIENCE)
    if (reason !== undefined) return { kind: 'wanted-lenience', reasons: [reason] }
    return { kind: 'differs', lines: ['we accept this, and Compose refuses it:', answer.why] }
  }
  const lines = differences(
    '',
    normal(expectedStack(COMPOSE_PATH, { json: answer.project, files })),
    normal(entry.stack),
  )
  if (lines.length === 0) return { kind: 'equal' }
  const older = oracle.version.startsWith('2.26.') ? lines.map((line) => reasonOf(line, OLDER_VALUES)) : []
  const reasons = older.filter((reason) => reason !== undefined)
  return reasons.length === lines.length ? { kind: 'wanted-lenience', reasons } : { kind: 'differs', lines }
}

function reasonOf(message: string, wanted: readonly (readonly [RegExp, string])[]): string | undefined {
  return wanted.find(([pattern]) => pattern.test(message))?.[1]
}

/** Path by path: what it must be, and what it is. */
function differences(path: string, wanted: unknown, found: unknown): readonly string[] {
  if (wanted === UNSAID || isDeepStrictEqual(wanted, found)) return []
  if (!isObject(wanted) || !isObject(found) || Array.isArray(wanted) !== Array.isArray(found))
    return [`${path}: Compose says ${JSON.stringify(wanted)}, we say ${JSON.stringify(found)}`]
  const keys = [...new Set([...Object.keys(wanted), ...Object.keys(found)])]
  return keys.flatMap((key) => differences(path === '' ? key : `${path}.${key}`, wanted[key], found[key]))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** Lists without an order are sorted and lose their doubles, and things with a name go by it. */
function normal(stack: Stack): unknown {
  const byName = (one: readonly { readonly name: string }[]): unknown =>
    Object.fromEntries([...one].sort((a, b) => (a.name < b.name ? -1 : 1)).map((inner) => [inner.name, inner]))
  const services = stack.services.map((spec) => ({
    ...spec,
    ports: setOf(spec.ports),
    capAdd: setOf(spec.capAdd),
    capDrop: setOf(spec.capDrop),
    extraHosts: setOf(spec.extraHosts),
    tuning: withoutZeroSwappiness(spec.tuning),
    isolation: spec.isolation && {
      ...spec.isolation,
      securityOpt: spec.isolation.securityOpt && setOf(spec.isolation.securityOpt),
    },
    placement: { ...spec.placement, constraints: setOf(spec.placement.constraints) },
  }))
  return plain({
    ...stack,
    services: byName(services),
    networks: byName(stack.networks),
    volumes: byName(stack.volumes),
  })
}

/** Compose drops a zero, so that its output cannot tell. */
function withoutZeroSwappiness(tuning: ServiceSpec['tuning']): ServiceSpec['tuning'] {
  if (tuning?.memSwappiness !== 0) return tuning
  const { memSwappiness: _, ...rest } = tuning
  return Object.keys(rest).length === 0 ? undefined : rest
}

function setOf<T>(values: readonly T[]): readonly T[] {
  const byText = new Map(values.map((value) => [JSON.stringify(sorted(value)), value]))
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)
}

/** An absent field and one that is undefined are the same. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (!isObject(value)) return value
  const said = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return Object.fromEntries(said.map(([key, inner]) => [key, plain(inner)]))
}

function sorted(value: unknown): unknown {
  return isObject(value) ? Object.entries(value).sort() : value
}
