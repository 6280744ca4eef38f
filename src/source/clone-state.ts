import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { diskFailure, isDiskError } from './failure.js'
import { writeWhole } from './files.js'

/** What is known about the clone, on disk beside it: the one ref of ours, moved only after its objects were verified. */
export interface CloneState {
  readonly version: 1
  readonly repository: string
  /** Directory of the current clone. */
  readonly clone: string
  /** Fetches into it since it was made. */
  readonly fetches: number
  /** Verified revisions, newest first, whose contents must stay readable. */
  readonly revisions: readonly string[]
  /** Commits without parents in a shallow repository on this machine. */
  readonly shallow: readonly string[]
  /** Packs that were copied from a repository on this machine. */
  readonly copied: readonly string[]
}

const FILE = 'clone.json'

/** The state on disk, or null when there is none that can be used: then the repository is cloned anew. */
export async function loadState(dir: string): Promise<CloneState | null> {
  try {
    return parseState(await readFile(join(dir, FILE), 'utf8'))
  } catch (error) {
    if (isDiskError(error) && (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw diskFailure(error, dir)
  }
}

export async function saveState(dir: string, state: CloneState): Promise<void> {
  try {
    await writeWhole(join(dir, FILE), `${JSON.stringify(state, null, 1)}\n`)
  } catch (error) {
    throw diskFailure(error, dir)
  }
}

function parseState(text: string): CloneState | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const { version, repository, clone, fetches, revisions, shallow, copied } = value as Record<string, unknown>
  if (version !== 1 || typeof repository !== 'string' || !Number.isSafeInteger(fetches)) return null
  if (typeof clone !== 'string' || !/^clone-[0-9a-f]{12}$/.test(clone)) return null
  if (!isOids(revisions) || !isOids(shallow) || !isStrings(copied)) return null
  return { version, repository, clone, fetches: fetches as number, revisions, shallow, copied }
}

function isOids(value: unknown): value is readonly string[] {
  return isStrings(value) && value.every((oid) => /^[0-9a-f]{40}$/.test(oid))
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
