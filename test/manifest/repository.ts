import { createHash } from 'node:crypto'
import { MOST_ROUNDS, createLoader } from '../../src/manifest/index.js'
import type { Loaded, Loader, ManifestTree } from '../../src/manifest/index.js'
import { formatProblem } from '../../src/model/index.js'
import type { Desired, Problem, ServiceSpec, Stack, StackEntry } from '../../src/model/index.js'

export type Content = string | Uint8Array | { readonly symlink: string } | { readonly submodule: true }
export type Contents = Readonly<Record<string, Content>>

export const FLEET = 'fleet: acme\nservers:\n  one: { engine: unix:///var/run/docker.sock }\n'
export const COMPOSE = 'stacks/shop/compose.yaml'

/** One loader for all tests of a file: what it remembers of one repository must never show in another. */
const shared = createLoader()

export interface Outcome {
  readonly loaded: Exclude<Loaded, { readonly kind: 'needs' }>
  /** The paths that each round asked for. */
  readonly rounds: readonly (readonly string[])[]
}

/** Loads contents by path, in as many rounds as the loader wants. */
export function loadAll(contents: Contents, loader: Loader = shared): Outcome {
  const { tree, blobs } = revisionOf(contents)
  const read = new Map<string, Uint8Array>()
  const rounds: (readonly string[])[] = []
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const loaded = loader.load(tree, (oid) => read.get(oid))
    if (loaded.kind !== 'needs') return { loaded, rounds }
    rounds.push(loaded.paths)
    for (const oid of loaded.oids) read.set(oid, blobs.get(oid) ?? new Uint8Array())
  }
  throw new Error(`the loader still asks after all its rounds: ${JSON.stringify(rounds)}`)
}

export function revisionOf(contents: Contents): {
  readonly tree: ManifestTree
  readonly blobs: ReadonlyMap<string, Uint8Array>
} {
  const blobs = new Map<string, Uint8Array>()
  const entries = new Map<string, { kind: 'file' | 'symlink' | 'submodule'; oid: string }>()
  for (const [path, content] of Object.entries(contents).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const bytes = bytesOf(content)
    const oid = createHash('sha1').update(bytes).digest('hex')
    blobs.set(oid, bytes)
    const kind =
      typeof content === 'string' || content instanceof Uint8Array
        ? 'file'
        : 'symlink' in content
          ? 'symlink'
          : 'submodule'
    entries.set(path, { kind, oid })
  }
  const revision = { ref: 'main', sha: 'a'.repeat(40), author: 'a', committedAtMs: 0, subject: 's' }
  return { tree: { revision, entries }, blobs }
}

function bytesOf(content: Content): Uint8Array {
  if (content instanceof Uint8Array) return content
  return new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content))
}

export function desiredOf(contents: Contents, loader?: Loader): Desired {
  const { loaded } = loadAll(contents, loader)
  if (loaded.kind === 'refused') throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return loaded.desired
}

/** The one stack of a repository whose Compose file this is. */
export function entryOf(compose: string, others: Contents = {}): StackEntry {
  const [entry] = desiredOf({ 'slipway.yaml': FLEET, [COMPOSE]: compose, ...others }).stacks
  if (entry === undefined) throw new Error('no stack')
  return entry
}

export function stackOf(compose: string, others: Contents = {}): Stack {
  const entry = entryOf(compose, others)
  if (entry.kind === 'invalid') throw new Error(entry.problems.map(formatProblem).join('\n'))
  return entry.stack
}

/** The service `web` with these lines under it, indented by nothing. */
export function composeWith(lines: string, top = ''): string {
  const body = lines
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')
  return `services:\n  web:\n    image: busybox:1.36\n${body}\n${top}`
}

export function webOf(lines: string, top = '', others: Contents = {}): ServiceSpec {
  const web = stackOf(composeWith(lines, top), others).services.find(({ name }) => name === 'web')
  if (web === undefined) throw new Error('no service web')
  return web
}

/** `line:column CODE` of each problem of the stack. */
export function codesOf(compose: string, others: Contents = {}): readonly string[] {
  const entry = entryOf(compose, others)
  return entry.kind === 'valid' ? [] : entry.problems.map(placed)
}

export function warningsOf(compose: string, others: Contents = {}): readonly string[] {
  return desiredOf({ 'slipway.yaml': FLEET, [COMPOSE]: compose, ...others }).warnings.map(placed)
}

export function refusalOf(fleet: string, others: Contents = {}): readonly Problem[] {
  const { loaded } = loadAll({ 'slipway.yaml': fleet, ...others })
  return loaded.kind === 'refused' ? loaded.problems : []
}

export function placed({ code, place }: Problem): string {
  return [place?.line, place?.column].every((part) => part === undefined)
    ? code
    : `${place?.line}:${place?.column} ${code}`
}
