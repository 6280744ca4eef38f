import { randomBytes } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkpoint } from './deadline.js'
import { loadState, saveState } from './clone-state.js'
import type { CloneState } from './clone-state.js'
import { GitFailure, diskFailure, isDiskError } from './failure.js'
import { isLeftover, makePrivate } from './files.js'
import type { GitObject } from './git-object.js'
import { openObjectStore } from './object-store.js'
import type { ObjectStore } from './object-store.js'
import type { SourceLimits } from './options.js'
import type { Upstream } from './upstream.js'
import { checkFiles, listFiles, peel, walkHistory } from './walk.js'

/** A clone in use. Replaced as a whole, never changed: who reads goes on reading the one he began with. */
export interface Clone {
  readonly state: CloneState
  readonly store: ObjectStore
}

export interface CloneRoom {
  readonly dir: string
  /** The repository's address, without credentials. */
  readonly repository: string
  readonly path: string
  readonly limits: SourceLimits
}

/** A clone that holds a verified revision. */
export interface Accepted {
  readonly clone: Clone
  readonly sha: string
}

/** The clone that was in use before, or null when there is none. Problems: STORE_FAILED. */
export async function openClone({ dir, limits }: CloneRoom): Promise<Clone | null> {
  await onDisk(dir, () => makePrivate(dir))
  const state = await loadState(dir)
  await onDisk(dir, () => removeLeftovers(dir, state?.clone ?? null))
  return state === null ? null : { state, store: await openObjectStore(join(dir, state.clone), limits) }
}

/** Brings `oid` into the clone. Nothing of it is believed before `accept` has verified it. */
export async function bringInto(
  { store, state }: Clone,
  oid: string,
  upstream: Upstream,
  signal: AbortSignal,
): Promise<{ readonly clone: Clone; readonly undo: () => Promise<void> }> {
  const { shallow, copied, undo } = await upstream.bring(oid, store, state, signal)
  return { clone: { state: { ...state, fetches: state.fetches + 1, shallow, copied }, store }, undo }
}

/** Clones into a new directory and changes over when all of it is verified. The old one is left for those who are reading it. */
export async function cloneAnew(
  old: Clone | null,
  oid: string,
  upstream: Upstream,
  room: CloneRoom,
  signal: AbortSignal,
): Promise<Accepted & { readonly lost: readonly string[] }> {
  const name = `clone-${randomBytes(6).toString('hex')}`
  const fresh: CloneState = {
    version: 1,
    repository: room.repository,
    clone: name,
    fetches: 0,
    revisions: [],
    shallow: [],
    copied: [],
  }
  try {
    const store = await openObjectStore(join(room.dir, name), room.limits)
    const { shallow, copied } = await upstream.bring(oid, store, fresh, signal)
    const state = { ...fresh, shallow, copied }
    const sha = await verify({ state, store }, oid, room, signal)
    const kept = await carryOver(old, store, room, signal)
    const clone = { state: { ...state, revisions: newest([sha, ...kept], room) }, store }
    checkpoint(signal)
    await saveState(room.dir, clone.state)
    return { clone, sha, lost: (old?.state.revisions ?? []).filter((revision) => !kept.includes(revision)) }
  } catch (error) {
    await rm(join(room.dir, name), { recursive: true, force: true })
    throw error
  }
}

/** Verifies what the clone holds of `oid` and moves the state to it. */
export async function accept(clone: Clone, oid: string, room: CloneRoom, signal: AbortSignal): Promise<Accepted> {
  const sha = await verify(clone, oid, room, signal)
  const revisions = newest([sha, ...clone.state.revisions], room)
  const state = { ...clone.state, repository: room.repository, revisions }
  checkpoint(signal)
  if (JSON.stringify(state) !== JSON.stringify(clone.state)) await saveState(room.dir, state)
  return { clone: { ...clone, state }, sha }
}

/** Reads the commit, every tree under the followed path and the chain of its parents; files must be there, their content is checked when read. */
async function verify({ state, store }: Clone, oid: string, room: CloneRoom, signal: AbortSignal): Promise<string> {
  const sha = await peel(store, oid)
  const entries = await listFiles(store, sha, room.path, room.limits, signal)
  if (entries !== null) checkFiles(store, entries)
  const question = {
    from: sha,
    closed: new Set(state.revisions),
    shallow: new Set(state.shallow),
    maxCommits: room.limits.maxCommits,
  }
  await walkHistory(store, question, () => false, signal)
  return sha
}

/** Copies the revisions that the new clone does not have (rewritten history) from the old one. Returns those that are readable now. */
async function carryOver(
  old: Clone | null,
  store: ObjectStore,
  room: CloneRoom,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const kept: string[] = []
  for (const sha of old?.state.revisions ?? []) {
    try {
      if (old !== null && !store.has(sha))
        await store.addObjects(await objectsOf(old, sha, store, room, signal), signal)
      kept.push(sha)
    } catch (error) {
      if (!(error instanceof GitFailure) || error.problem.code !== 'GIT_CORRUPT') throw error
      // What the old clone itself cannot read is lost; the caller tells by name.
    }
  }
  return kept
}

/** A revision's files under the followed path, the trees that lead to them, and its history up to what `store` has. */
async function objectsOf(
  { state, store: old }: Clone,
  sha: string,
  store: ObjectStore,
  room: CloneRoom,
  signal: AbortSignal,
): Promise<readonly GitObject[]> {
  const oids = new Set<string>()
  const question = {
    from: sha,
    closed: new Set<string>(),
    shallow: new Set(state.shallow),
    maxCommits: room.limits.maxCommits,
  }
  const noted: ObjectStore = {
    ...old,
    commit: (oid) => {
      oids.add(oid)
      return old.commit(oid)
    },
    tree: (oid) => {
      oids.add(oid)
      return old.tree(oid)
    },
  }
  await walkHistory(noted, question, (commit) => store.has(commit), signal)
  const files = await listFiles(noted, sha, room.path, room.limits, signal)
  for (const { kind, oid } of files?.values() ?? []) if (kind !== 'submodule') oids.add(oid)
  const objects: GitObject[] = []
  for (const oid of oids) if (!store.has(oid)) objects.push(await old.read(oid))
  return objects
}

function newest(revisions: readonly string[], { limits }: CloneRoom): readonly string[] {
  return [...new Set(revisions)].slice(0, limits.keptRevisions)
}

async function removeLeftovers(dir: string, current: string | null): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!/^clone-[0-9a-f]{12}$/.test(name) || name === current) continue
    if (await isLeftover(join(dir, name))) await rm(join(dir, name), { recursive: true, force: true })
  }
}

async function onDisk<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isDiskError(error) ? diskFailure(error, dir) : error
  }
}
