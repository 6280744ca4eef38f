import { createHash } from 'node:crypto'
import type { ServiceSpec } from './service-spec.js'
import type { Stack } from './stack.js'

/** 20 hexadecimal digits of a SHA-256. */
export type SpecHash = string

/** Whether a field makes a container what it is. A new field does not compile until this says. */
export const HASHED: Readonly<Record<keyof ServiceSpec, boolean>> = Object.freeze({
  stack: true,
  name: true,
  image: true,
  command: true,
  entrypoint: true,
  environment: true,
  labels: true,
  ports: true,
  mounts: true,
  networks: true,
  networkMode: true,
  files: true,
  healthcheck: true,
  restart: true,
  stopSignal: true,
  stopGraceMs: true,
  user: true,
  workingDir: true,
  init: true,
  readOnly: true,
  capAdd: true,
  capDrop: true,
  ulimits: true,
  sysctls: true,
  extraHosts: true,
  hostname: true,
  logging: true,
  tuning: true,
  isolation: true,
  devices: true,
  naming: true,
  execution: true,
  hooks: true,
  pullPolicy: false,
  mode: false,
  replicas: false,
  limits: false,
  reservations: false,
  placement: false,
  update: false,
  rollback: false,
  rollout: false,
  dependsOn: false,
  probe: false,
  balanced: false,
  routes: false,
  exported: false,
  restartAt: false,
})

const cache = new WeakMap<object, string>()
const serviceHashes = new WeakMap<object, string>()

/** Hash of everything that makes a container of this service what it is, file contents included. Kept by object identity. */
export function specHash(spec: ServiceSpec): SpecHash {
  return cached(spec, () => {
    const hashed = (Object.keys(HASHED) as (keyof ServiceSpec)[]).filter((field) => HASHED[field])
    return hashOf(Object.fromEntries(hashed.map((field) => [field, spec[field]])))
  })
}

/** Hash of all that a manifest says of a service, placement, probe and policies included. */
export function serviceHash(spec: ServiceSpec): string {
  const known = serviceHashes.get(spec)
  if (known !== undefined) return known
  const fresh = hashOf(spec)
  serviceHashes.set(spec, fresh)
  return fresh
}

/** Hash of a whole stack: two revisions with equal hashes want exactly the same of it. */
export function stackHash(stack: Stack): string {
  return cached(stack, () => hashOf({ ...stack, path: '' }))
}

/** First 6 digits of a file's SHA-256, as `sha256sum` prints it: enough to tell two versions apart. */
export function contentHash(contentBase64: string): string {
  return createHash('sha256').update(contentBase64, 'base64').digest('hex').slice(0, 6)
}

/** `cpus=0.5 memory=268435456 pids=100`: the limits a container was made with, readable in its label. */
export function formatLimits(spec: Pick<ServiceSpec, 'limits'>): string {
  const { cpus, memoryBytes, pids, memorySwapBytes, memoryReservedBytes } = spec.limits
  return [
    cpus !== null ? `cpus=${cpus}` : '',
    memoryBytes !== null ? `memory=${memoryBytes}` : '',
    pids !== null ? `pids=${pids}` : '',
    memorySwapBytes !== undefined ? `memswap=${memorySwapBytes}` : '',
    memoryReservedBytes !== undefined ? `reserved=${memoryReservedBytes}` : '',
  ]
    .filter((part) => part !== '')
    .join(' ')
}

/** Object keys sorted at every depth, so that equal values have equal bytes. */
export function canonicalJson(value: unknown): string {
  return written(value) ?? 'null'
}

/** By hand: a replacer would copy every object before it is written. Undefined for what JSON has no word for. */
function written(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item) => written(item) ?? 'null').join(',')}]`
  let text = ''
  for (const { key, quoted } of sortedKeys(value)) {
    const inner = written((value as Readonly<Record<string, unknown>>)[key])
    if (inner !== undefined) text += `${text === '' ? '' : ','}${quoted}:${inner}`
  }
  return `{${text}}`
}

interface Key {
  readonly key: string
  readonly quoted: string
}

/** Thousands of objects have the same few sets of keys: each set is sorted once. */
const sorted = new Map<string, readonly Key[]>()
const MOST_SETS = 4_096

function sortedKeys(value: object): readonly Key[] {
  const keys = Object.keys(value)
  const set = keys.join('\n')
  const known = sorted.get(set)
  // Keys that hold a line break are not kept, so a text with as many keys has the same ones.
  if (known?.length === keys.length) return known
  const fresh = sortKeys(keys).map((key) => ({ key, quoted: JSON.stringify(key) }))
  if (sorted.size >= MOST_SETS) sorted.clear()
  if (!keys.some((key) => key.includes('\n'))) sorted.set(set, fresh)
  return fresh
}

/** Keys that are whole numbers come first, by size, as in every JavaScript object: hashes of what runs depend on it. */
function sortKeys(keys: string[]): readonly string[] {
  keys.sort()
  return keys.some(startsWithDigit) ? Object.keys(Object.fromEntries(keys.map((key) => [key, 0]))) : keys
}

function startsWithDigit(key: string): boolean {
  const code = key.charCodeAt(0)
  return code >= 48 && code <= 57
}

/** Of any value, equal for equal ones: 20 hexadecimal digits. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 20)
}

function cached(key: object, compute: () => string): string {
  const known = cache.get(key)
  if (known !== undefined) return known
  const fresh = compute()
  cache.set(key, fresh)
  return fresh
}
