import { checkpoint } from './deadline.js'
import { walkHistory } from './walk.js'
import type { HistoryQuestion } from './walk.js'
import type { ObjectStore } from './object-store.js'

/** Of one commit, how its history is walked. */
export type HistoryOf = (sha: string) => HistoryQuestion

/**
 * The commit that two others have in common and that neither has a newer one of; null where their histories never met. Of several (branches
 * that were merged into each other crosswise) the newest by date, then by name.
 */
export async function mergeBase(
  store: ObjectStore,
  historyOf: HistoryOf,
  ours: string,
  theirs: string,
  signal: AbortSignal,
): Promise<string | null> {
  const common = await ancestorsOf(store, historyOf(ours), signal)
  if (common.has(theirs)) return theirs
  const met = new Set<string>()
  // What lies behind a common commit is common too, and older: not looked at.
  const question = { ...historyOf(theirs), closed: common }
  await walkHistory(store, question, (sha) => noted(met, sha, common.has(sha)), signal)
  const candidates = [...met]
  if (candidates.length === 1) return candidates[0] ?? null
  for (const candidate of candidates) {
    checkpoint(signal)
    const behind = await ancestorsOf(store, historyOf(candidate), signal)
    for (const other of candidates) if (other !== candidate && behind.has(other)) met.delete(other)
  }
  const dated = await Promise.all([...met].map(async (sha) => ({ sha, atMs: (await store.commit(sha)).committedAtMs })))
  return dated.sort((a, b) => b.atMs - a.atMs || (a.sha < b.sha ? -1 : 1))[0]?.sha ?? null
}

async function ancestorsOf(
  store: ObjectStore,
  question: HistoryQuestion,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const seen = new Set<string>()
  await walkHistory(store, question, (sha) => noted(seen, sha, true), signal)
  return seen
}

/** The walk goes on in any case. */
function noted(seen: Set<string>, sha: string, counts: boolean): false {
  if (counts) seen.add(sha)
  return false
}
