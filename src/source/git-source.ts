import type { Source, SourceTree } from '../controller/index.js'
import { fail, formatRevision, ok } from '../model/index.js'
import type { Problem, Result, Revision, SigningKey } from '../model/index.js'
import { signingKeyOf } from '../ssh/index.js'
import { readSigners } from '../trust/index.js'
import type { AllowedSigners } from '../trust/index.js'
import { parseAddress, parseRef } from './address.js'
import type { FollowedRef } from './address.js'
import type { Clone, CloneRoom } from './clone.js'
import { checkpoint, withDeadline } from './deadline.js'
import { GitFailure, foreignText, settle, stalled } from './failure.js'
import { LiveClone } from './live-clone.js'
import type { SourceLog } from './live-clone.js'
import type { ObjectStore } from './object-store.js'
import { SOURCE_LIMITS } from './options.js'
import type { GitSourceOptions, SourceLimits } from './options.js'
import { readNews } from './news.js'
import { upstreamOf } from './upstream.js'
import type { Upstream } from './upstream.js'
import { listFiles, walkHistory } from './walk.js'

/** What is followed, once its address and ref have been found to make sense. */
export interface Following {
  readonly upstream: Upstream
  readonly ref: FollowedRef
  readonly room: CloneRoom
  readonly log: SourceLog
  readonly signers: AllowedSigners
  readonly signing: SigningKey | null
  readonly now: () => number
}

/**
 * Follows one branch or tag of a Git repository, over http(s), ssh or on this machine, by a clone of its own in `options.dir`.
 * A revision is returned only when its commit, its trees under `path` and the chain of its history were read and hashed, and every file is
 * there. Whatever fails, and whatever the other side sends, revisions returned before stay readable.
 * An address or ref that cannot be followed is told by the first call, as GIT_URL_REFUSED. Every call ends within its deadline.
 */
export function gitSource(options: GitSourceOptions): Source {
  const following = prepare(options)
  return following.ok ? openSource(following.value) : refusingSource(following.problem)
}

export function prepare(options: GitSourceOptions): Result<Following> {
  const address = parseAddress(options.url, options)
  if (!address.ok) return address
  const ref = parseRef(options.ref)
  if (!ref.ok) return ref
  const path = (options.path ?? '').split('/').filter((part) => part !== '' && part !== '.')
  if (path.includes('..'))
    return fail(
      stalled('GIT_URL_REFUSED', 'the path leads out of the repository', 'name a directory inside it').problem,
    )
  const { signers, problems } = readSigners(options.signers?.allowed ?? '', options.signers?.revoked ?? '')
  if (problems.length > 0)
    return fail(stalled('SETTING_INVALID', problems.join('; '), 'mend SLIPWAY_ALLOWED_SIGNERS and start again').problem)
  const signing = options.signing === undefined ? null : signingKeyOf(options.signing)
  if (typeof signing === 'string')
    return fail(
      stalled(
        'SETTING_INVALID',
        `the signing key ${options.signing?.name ?? ''} cannot be used: ${signing}`,
        'mend SLIPWAY_SIGNING_KEY and start again',
      ).problem,
    )
  const limits: SourceLimits = { ...SOURCE_LIMITS, ...options.limits }
  const now = options.now ?? Date.now
  return ok({
    upstream: upstreamOf(address.value, options, limits, now),
    ref: ref.value,
    signers,
    signing,
    now,
    room: { dir: options.dir, repository: address.value.display, path: path.join('/'), limits },
    log: (level, message, fields) =>
      options.log?.({ atMs: now(), level, message, fields: { repository: address.value.display, ...fields } }),
  })
}

function openSource(following: Following): Source {
  const { upstream, room, log } = following
  const { limits } = room
  const closing = new AbortController()
  const polling: Polling = { live: new LiveClone(upstream, room, log), last: Promise.resolve(), tip: null }
  const { live } = polling
  const late = timeout(upstream, 'been read', limits.fetchDeadlineMs)

  function reading<T>(signal: AbortSignal, work: (clone: Clone, cut: AbortSignal) => Promise<T>): Promise<Result<T>> {
    const all = AbortSignal.any([signal, closing.signal])
    const watched = async (cut: AbortSignal): Promise<T> =>
      live.watch(await current(live, upstream), (clone) => work(clone, cut))
    return settle(() => withDeadline(all, limits.fetchDeadlineMs, late, watched))
  }

  return {
    poll(signal) {
      // One after the other: two polls at once would bring the same objects twice.
      const all = AbortSignal.any([signal, closing.signal])
      const next = polling.last.then(() => settle(() => poll(following, polling, all)))
      polling.last = next.catch(() => undefined)
      return next
    },
    revision: (sha, signal) =>
      reading(signal, async (clone, cut) =>
        revisionOf(following, clone, await fullSha(following, clone, polling.tip?.sha ?? null, sha, cut)),
      ),
    tree: (sha, signal) => reading(signal, (clone, cut) => treeOf(following, clone, sha, cut)),
    read: (oids, signal) => reading(signal, ({ store }, cut) => contentsOf(store, oids, limits.maxBlobBytes, cut)),
    isAncestor: (ancestor, descendant, signal) =>
      reading(signal, (clone, cut) => isAncestor(following, clone, ancestor, descendant, cut)),
    news: (question, signal) =>
      reading(signal, (clone, cut) => {
        checkFetched(following, clone, question.sha)
        const tagOid = following.ref.noun === 'tag' && polling.tip?.sha === question.sha ? polling.tip.oid : null
        const { store, state } = clone
        const { signers, now } = following
        return readNews({ store, shallow: new Set(state.shallow), signers, nowMs: now(), tagOid }, question, cut)
      }),
    async close() {
      closing.abort()
      upstream.close()
      await polling.last
    },
  }
}

interface Polling {
  readonly live: LiveClone
  last: Promise<unknown>
  /** What the ref named last, and the commit that it led to. */
  tip: { readonly oid: string; readonly sha: string } | null
}

async function poll(following: Following, polling: Polling, signal: AbortSignal): Promise<Revision> {
  const { upstream, ref, room } = following
  const { live } = polling
  const { pollDeadlineMs, fetchDeadlineMs } = room.limits
  const silent = timeout(upstream, 'answered', pollDeadlineMs)
  const oid = await withDeadline(signal, pollDeadlineMs, silent, (cut) => upstream.tip(ref, cut))
  const known = polling.tip?.oid === oid && !(await live.isBroken()) ? polling.tip : null
  const slow = timeout(upstream, 'delivered', fetchDeadlineMs)
  const sha = known?.sha ?? (await withDeadline(signal, fetchDeadlineMs, slow, (cut) => live.follow(oid, cut)))
  polling.tip = { oid, sha }
  return live.watch(await current(live, upstream), (clone) => revisionOf(following, clone, sha))
}

export async function current(live: LiveClone, upstream: Upstream): Promise<Clone> {
  const clone = await live.current()
  if (clone === null) throw new GitFailure('GIT_REF_MISSING', `nothing was fetched from ${upstream.name} yet`)
  return clone
}

function checkFetched({ upstream }: Following, { store }: Clone, sha: string): void {
  if (!/^[0-9a-f]{40}$/.test(sha) || !store.has(sha))
    throw new GitFailure('GIT_REF_MISSING', `no commit ${foreignText(sha)} was fetched from ${upstream.name}`)
}

export async function revisionOf(following: Following, clone: Clone, sha: string): Promise<Revision> {
  checkFetched(following, clone, sha)
  const { author, committedAtMs, subject } = await clone.store.commit(sha)
  return { ref: following.ref.short, sha, author, committedAtMs, subject }
}

/** People give the first digits of a hash. They mean a commit of the history that is followed, so no other is looked at. */
export async function fullSha(
  following: Following,
  clone: Clone,
  tip: string | null,
  sha: string,
  signal: AbortSignal,
): Promise<string> {
  if (tip === null || !/^[0-9a-f]{7,39}$/.test(sha)) return sha
  const found: string[] = []
  const isEnough = (one: string): boolean => {
    if (one.startsWith(sha)) found.push(one)
    return found.length > 1
  }
  await walkHistory(clone.store, historyFrom(following, clone, tip), isEnough, signal)
  if (found.length > 1)
    throw stalled('GIT_REF_MISSING', `more than one commit begins with ${sha}`, 'give more of its digits')
  return found[0] ?? sha
}

function historyFrom({ room }: Following, clone: Clone, sha: string): Parameters<typeof walkHistory>[1] {
  return {
    from: sha,
    closed: new Set<string>(),
    shallow: new Set(clone.state.shallow),
    maxCommits: room.limits.maxCommits,
  }
}

async function treeOf(following: Following, clone: Clone, sha: string, signal: AbortSignal): Promise<SourceTree> {
  const { path, limits } = following.room
  const revision = await revisionOf(following, clone, sha)
  const entries = await listFiles(clone.store, sha, path, limits, signal)
  if (entries === null)
    throw stalled(
      'FILE_MISSING',
      `there is no directory ${path} in ${formatRevision(revision)}`,
      'commit it, or follow another path',
    )
  return { revision, entries }
}

export async function contentsOf(
  store: ObjectStore,
  oids: readonly string[],
  maxBytes: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>()
  for (const oid of oids) {
    checkpoint(signal)
    contents.set(oid, await fileOf(store, oid, maxBytes))
  }
  return contents
}

async function isAncestor(
  following: Following,
  clone: Clone,
  ancestor: string,
  descendant: string,
  signal: AbortSignal,
): Promise<boolean> {
  checkFetched(following, clone, descendant)
  let found = false
  await walkHistory(clone.store, historyFrom(following, clone, descendant), (sha) => (found = sha === ancestor), signal)
  return found
}

async function fileOf(store: ObjectStore, oid: string, maxBytes: number): Promise<Uint8Array> {
  const { type, content } = await store.read(oid)
  if (type !== 'blob') throw new GitFailure('GIT_CORRUPT', `object ${oid} is a ${type}, not a file`)
  if (content.byteLength > maxBytes)
    throw stalled(
      'FILE_TOO_LARGE',
      `the file with object id ${oid} has ${content.byteLength} bytes`,
      `keep files that Slipway reads under ${maxBytes} bytes`,
    )
  return content
}

export function timeout(upstream: Upstream, what: string, ms: number): () => GitFailure {
  const message = `${upstream.name} has not ${what} within ${Math.round(ms / 1000)} s; the last good revision stays`
  return () => new GitFailure('GIT_TIMEOUT', message)
}

function refusingSource(problem: Problem): Source {
  const refuse = (): Promise<Result<never>> => Promise.resolve(fail(problem))
  return {
    poll: refuse,
    revision: refuse,
    tree: refuse,
    read: refuse,
    isAncestor: refuse,
    news: refuse,
    close: () => Promise.resolve(),
  }
}
