import type { Commit, Merge, Proposal, Source, UndoRequest, Undone, Workshop } from '../controller/index.js'
import { compareText, fail, ok } from '../model/index.js'
import type { Problem, Result, Revision } from '../model/index.js'
import type { Clone } from './clone.js'
import { makePause, withDeadline } from './deadline.js'
import { foreignText, settle, stalled } from './failure.js'
import type { GitFailure } from './failure.js'
import { contentsOf, current, fullSha, prepare, revisionOf, timeout } from './git-source.js'
import type { Following } from './git-source.js'
import { LiveClone } from './live-clone.js'
import { mergeBase } from './merge-base.js'
import { mergeFiles } from './merge-files.js'
import type { Conflict, Files } from './merge-files.js'
import type { GitSourceOptions } from './options.js'
import { readNews } from './news.js'
import { makeUndoing } from './undo.js'
import { findTree, listFiles, walkHistory } from './walk.js'

/** One of many clones: a proposal must not cost what the followed branch may. */
const FETCH_DEADLINE_MS = 2 * 60_000

/**
 * Commits beside the followed ref, brought into a clone of their own in `options.dir`.
 * An address that cannot be followed is told by the first call, as GIT_URL_REFUSED. Every call ends within its deadline.
 */
export function gitWorkshop(options: GitSourceOptions): Workshop {
  const limits = { fetchDeadlineMs: FETCH_DEADLINE_MS, ...options.limits }
  const following = prepare({ ...options, limits })
  return following.ok ? openWorkshop(following.value) : refusingWorkshop(following.problem)
}

interface Bench {
  readonly following: Following
  readonly live: LiveClone
  run<T>(signal: AbortSignal, work: (cut: AbortSignal) => Promise<T>): Promise<Result<T>>
}

function openWorkshop(following: Following): Workshop {
  const { upstream, room, log } = following
  const closing = new AbortController()
  const live = new LiveClone(upstream, room, log)
  let last: Promise<unknown> = Promise.resolve()
  const bench: Bench = {
    following,
    live,
    // One after the other: two at once would bring the same objects twice.
    run<T>(signal: AbortSignal, work: (cut: AbortSignal) => Promise<T>): Promise<Result<T>> {
      const all = AbortSignal.any([signal, closing.signal])
      const slow = timeout(upstream, 'delivered', room.limits.fetchDeadlineMs)
      const next = last.then(() => settle(() => withDeadline(all, room.limits.fetchDeadlineMs, slow, work)))
      last = next.catch(() => undefined)
      return next
    },
  }
  return {
    proposals: (patterns, signal) => bench.run(signal, (cut) => proposals(bench, patterns, cut)),
    bring: (name, signal) => bench.run(signal, (cut) => bring(bench, name, cut)),
    at: (revision) => sourceOf(bench, { revision, parents: [revision.sha], files: null, written: new Map() }),
    merge: (base, head, signal) => merge(bench, base, head, signal),
    commit: (sha, signal) => bench.run(signal, () => commitOf(bench, sha)),
    undo: (request, signal) => undo(bench, request, signal),
    async close() {
      closing.abort()
      upstream.close()
      await last
    },
  }
}

async function proposals(
  { following: { upstream } }: Bench,
  patterns: readonly string[],
  signal: AbortSignal,
): Promise<readonly Proposal[]> {
  const found = new Map<string, Proposal>()
  for (const pattern of patterns) {
    const [before = '', after = ''] = pattern.split('*', 2)
    for (const { ref, oid } of await upstream.refs(before, signal)) {
      const isMatch = ref.startsWith(before) && ref.endsWith(after) && ref.length > before.length + after.length
      if (isMatch) found.set(ref, { key: ref.slice(before.length, ref.length - after.length), ref, head: oid })
    }
  }
  // Numbers by their size: 7 before 12.
  const order = ({ key, ref }: Proposal): string => `${/^\d+$/.test(key) ? key.padStart(20, '0') : `~${key}`} ${ref}`
  return [...found.values()].sort((a, b) => compareText(order(a), order(b)))
}

async function bring({ following, live }: Bench, name: string, signal: AbortSignal): Promise<Revision> {
  const { upstream, ref } = following
  const isCommit = /^[0-9a-f]{40}$/.test(name)
  const isHere = isCommit && (await live.current())?.store.has(name) === true
  const sha = isHere ? name : await fetched(following, live, name === 'HEAD' ? ref.full : name, signal)
  const revision = await live.watch(await current(live, upstream), (clone) => revisionOf(following, clone, sha))
  return isCommit || name === 'HEAD' ? revision : { ...revision, ref: name.replace(/^refs\/(heads|tags)\//, '') }
}

async function fetched(following: Following, live: LiveClone, name: string, signal: AbortSignal): Promise<string> {
  const { upstream, ref } = following
  if (/^[0-9a-f]{40}$/.test(name)) return live.follow(name, signal)
  // A full name is asked for alone: forges list tens of thousands.
  const refs = await upstream.refs(name.startsWith('refs/') ? name : 'refs/', signal)
  const choices = [name, `refs/heads/${name}`, `refs/tags/${name}`]
  const found = choices.map((full) => refs.find((seen) => seen.ref === full)).find((seen) => seen !== undefined)
  if (found !== undefined) return live.follow(found.oid, signal)
  const tip = refs.find((seen) => seen.ref === ref.full)
  if (!/^[0-9a-f]{7,39}$/.test(name) || tip === undefined) throw unknownRef(upstream.name, name)
  const from = await live.follow(tip.oid, signal)
  const clone = await current(live, upstream)
  const sha = await fullSha(following, clone, from, name, signal)
  if (sha === name) throw unknownRef(upstream.name, name)
  return sha
}

function unknownRef(where: string, name: string): GitFailure {
  return stalled(
    'GIT_REF_MISSING',
    `${where} has no branch, tag or commit ${foreignText(name)}`,
    'push it, or give its full name or the 40 digits of a commit',
  )
}

async function commitOf({ following, live }: Bench, sha: string): Promise<Commit> {
  return live.watch(await current(live, following.upstream), async (clone) => {
    const revision = await revisionOf(following, clone, sha)
    const { parents, tree } = await clone.store.commit(sha)
    const here = parents.filter((parent) => clone.store.has(parent))
    return {
      revision,
      message: await messageOf(clone, sha),
      parents: here,
      folder: await findTree(clone.store, tree, following.room.path),
    }
  })
}

const MESSAGE_MAX = 16_384

async function messageOf({ store }: Clone, sha: string): Promise<string> {
  const text = Buffer.from((await store.read(sha)).content).toString('utf8')
  const start = text.indexOf('\n\n')
  return start < 0 ? '' : text.slice(start + 2, start + 2 + MESSAGE_MAX)
}

/** Files that a source stands for; null: those of the revision itself. */
interface Standing {
  readonly revision: Revision
  readonly parents: readonly string[]
  readonly files: Files | null
  readonly written: ReadonlyMap<string, Uint8Array>
}

function sourceOf(bench: Bench, { revision, parents, files, written }: Standing): Source {
  const { following, live } = bench
  const { limits, path } = following.room
  const reading = <T>(signal: AbortSignal, work: (clone: Clone, cut: AbortSignal) => Promise<T>): Promise<Result<T>> =>
    bench.run(signal, async (cut) => live.watch(await current(live, following.upstream), (clone) => work(clone, cut)))
  const theOne = (): Promise<Result<Revision>> => Promise.resolve(ok(revision))
  return {
    poll: theOne,
    // What is on the servers may come from any commit of the history.
    revision: (sha, signal) =>
      sha === revision.sha ? theOne() : reading(signal, (clone) => revisionOf(following, clone, sha)),
    tree: (sha, signal) =>
      reading(signal, async (clone, cut) => {
        const own = sha === revision.sha
        const entries = (own ? files : null) ?? (await listFiles(clone.store, sha, path, limits, cut))
        if (entries === null) throw stalled('FILE_MISSING', `there is no directory ${path} there`, 'commit it')
        return { revision: own ? revision : await revisionOf(following, clone, sha), entries }
      }),
    read: (oids, signal) =>
      reading(signal, async ({ store }, cut) => {
        const rest = oids.filter((oid) => !written.has(oid))
        return new Map([...(await contentsOf(store, rest, limits.maxBlobBytes, cut)), ...pickFrom(written, oids)])
      }),
    isAncestor: (ancestor, _descendant, signal) =>
      reading(signal, async (clone, cut) => {
        let isFound = false
        for (const from of parents)
          await walkHistory(clone.store, history(following, clone, from), (sha) => (isFound ||= sha === ancestor), cut)
        return isFound
      }),
    // A merge that was not made yet has no signature of its own: it is judged by what it would bring.
    news: (question, signal) =>
      reading(signal, ({ store, state }, cut) => {
        const sha = files === null ? revision.sha : (parents.at(-1) ?? revision.sha)
        const { signers, now } = following
        const room = { store, shallow: new Set(state.shallow), signers, nowMs: now(), tagOid: null }
        return readNews(room, { ...question, sha }, cut)
      }),
    close: () => Promise.resolve(),
  }
}

function pickFrom(
  written: ReadonlyMap<string, Uint8Array>,
  oids: readonly string[],
): readonly (readonly [string, Uint8Array])[] {
  return oids.flatMap((oid) => {
    const content = written.get(oid)
    return content === undefined ? [] : [[oid, content] as const]
  })
}

async function merge(
  bench: Bench,
  base: Revision,
  head: Revision,
  signal: AbortSignal,
): Promise<Result<Merge, readonly Problem[]>> {
  const { following, live } = bench
  const worked = await bench.run(signal, async (cut) => {
    const clone = await current(live, following.upstream)
    return live.watch(clone, (watched) => mergeIn(bench, watched, base, head, cut))
  })
  if (!worked.ok) return fail([worked.problem])
  return 'conflicts' in worked.value
    ? fail(worked.value.conflicts.map((conflict) => conflictProblem(conflict, base, head)))
    : ok(worked.value)
}

async function undo(
  bench: Bench,
  request: UndoRequest,
  signal: AbortSignal,
): Promise<Result<Undone, readonly Problem[]>> {
  const { following, live } = bench
  const { upstream, room } = following
  const worked = await bench.run(signal, async (cut) =>
    live.watch(await current(live, upstream), ({ store }) => makeUndoing(store, request, room, following.signing, cut)),
  )
  if (!worked.ok) return fail([worked.problem])
  if ('conflicts' in worked.value) return fail(worked.value.conflicts.map((one) => undoProblem(one, request)))
  const { sha, paths, objects } = worked.value
  return ok({
    sha,
    paths,
    push: (ref, expected, cut) => bench.run(cut, (inner) => upstream.push({ ref, expected, sha, objects }, inner)),
  })
}

function undoProblem({ path, line, why }: Conflict, { from, tip }: UndoRequest): Problem {
  const message = `${from.slice(0, 8)} cannot be taken back from ${foreignText(tip.ref)}: ${why}`
  const remedy = 'revert it by hand'
  return {
    code: 'MERGE_CONFLICT',
    message: `${message}; ${remedy}`,
    place: line === null ? { path } : { path, line },
    next: { kind: 'stalled', remedy },
  }
}

async function mergeIn(
  bench: Bench,
  clone: Clone,
  base: Revision,
  head: Revision,
  signal: AbortSignal,
): Promise<Merge | { readonly conflicts: readonly Conflict[] }> {
  const { following } = bench
  const { store } = clone
  const { limits, path } = following.room
  const met = await mergeBase(store, (sha) => history(following, clone, sha), base.sha, head.sha, signal)
  if (met === null)
    throw stalled(
      'MERGE_CONFLICT',
      `${foreignText(head.ref)} has no history in common with ${foreignText(base.ref)}`,
      'make the change on top of it',
    )
  if (met === head.sha) return { isContained: true, source: sourceOf(bench, standing(base)) }
  const revision = { ...head, ref: base.ref }
  if (met === base.sha) return { isContained: false, source: sourceOf(bench, standing(revision)) }
  const [old, ours, theirs] = await Promise.all(
    [met, base.sha, head.sha].map(async (sha) => (await listFiles(store, sha, path, limits, signal)) ?? new Map()),
  )
  const read = async (oid: string): Promise<Uint8Array> =>
    (await contentsOf(store, [oid], limits.maxBlobBytes, signal)).get(oid) ?? new Uint8Array()
  const none: Files = new Map()
  const pause = makePause(signal)
  const { files, written, conflicts } = await mergeFiles(old ?? none, ours ?? none, theirs ?? none, read, pause)
  if (conflicts.length > 0) return { conflicts }
  const parents = [base.sha, head.sha]
  return { isContained: false, source: sourceOf(bench, { revision, parents, files, written }) }
}

function standing(revision: Revision): Standing {
  return { revision, parents: [revision.sha], files: null, written: new Map() }
}

function history({ room }: Following, clone: Clone, from: string): Parameters<typeof walkHistory>[1] {
  const shallow = new Set(clone.state.shallow)
  return { from, closed: new Set<string>(), shallow, maxCommits: room.limits.maxCommits }
}

function conflictProblem({ path, line, why }: Conflict, base: Revision, head: Revision): Problem {
  const remedy = `merge ${foreignText(base.ref)} into the change, or rebase it`
  return {
    code: 'MERGE_CONFLICT',
    message: `${head.sha.slice(0, 8)} does not merge into ${foreignText(base.ref)}: ${why}; ${remedy}`,
    place: line === null ? { path } : { path, line },
    next: { kind: 'stalled', remedy },
  }
}

function refusingWorkshop(problem: Problem): Workshop {
  const refuse = (): Promise<Result<never>> => Promise.resolve(fail(problem))
  return {
    proposals: refuse,
    bring: refuse,
    at: () => {
      throw new Error('broken invariant: only revisions that were brought have files')
    },
    commit: refuse,
    undo: () => Promise.resolve(fail([problem])),
    merge: () => Promise.resolve(fail([problem])),
    close: () => Promise.resolve(),
  }
}
