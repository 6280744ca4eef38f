import type { Loaded, ManifestTree } from '../manifest/index.js'
import type { Desired, StackEntry } from '../model/index.js'

/** One round: the revision when it is another one than before, and the contents that the last round asked for. */
export interface Round {
  readonly tree: PackedTree | null
  readonly contents: readonly (readonly [oid: string, bytes: Uint8Array])[]
}

/** A hundred thousand entries cost less to hand over as one text. */
export interface PackedTree {
  readonly revision: ManifestTree['revision']
  readonly entries: string
}

/** An entry that was handed over before is named by its number: unchanged stacks cost nothing, and stay the same objects. */
export type PackedEntry = { readonly number: number; readonly entry: StackEntry } | { readonly number: number }

export type Answer =
  | Exclude<Loaded, { readonly kind: 'loaded' }>
  | {
      readonly kind: 'loaded'
      /** The stacks as JSON: a message's own way of copying thousands of objects takes twice as long. */
      readonly desired: Omit<Desired, 'stacks'> & { readonly stacks: string }
    }

export function packStacks(stacks: readonly PackedEntry[]): string {
  return JSON.stringify(stacks)
}

export function unpackStacks(packed: string): readonly PackedEntry[] {
  return JSON.parse(packed) as readonly PackedEntry[]
}

/** No path of a Git tree holds a NUL. */
const SEPARATOR = '\0'

export function packTree({ revision, entries }: ManifestTree): PackedTree {
  const parts = [...entries].flatMap(([path, { kind, oid }]) => [path, kind, oid])
  return { revision, entries: parts.join(SEPARATOR) }
}

export function unpackTree({ revision, entries }: PackedTree): ManifestTree {
  const parts = entries === '' ? [] : entries.split(SEPARATOR)
  const unpacked = new Map<string, { readonly kind: 'file' | 'symlink' | 'submodule'; readonly oid: string }>()
  for (let at = 0; at + 2 < parts.length; at += 3) {
    const [path = '', kind = '', oid = ''] = parts.slice(at, at + 3)
    unpacked.set(path, { kind: kind === 'symlink' || kind === 'submodule' ? kind : 'file', oid })
  }
  return { revision, entries: unpacked }
}
