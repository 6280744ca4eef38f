import type { Commit, UndoRequest, Workshop } from '../controller/index.js'
import type { Problem, Result, Revision } from '../model/index.js'
import { describe } from './render.js'

export const REVERT_AUTHOR = Object.freeze({ name: 'Slipway', email: 'noreply@slipway.invalid' })

/** Why a commit is taken back. */
export interface RevertReason {
  readonly fleet: string | null
  readonly revision: Revision
  /** Who asked for it; null: the controller, after a rollback. */
  readonly by: string | null
  readonly problem: Problem | null
  /** `lon-1, exit code 137, out of memory`: what was seen, without a word that a container printed. */
  readonly evidence: readonly string[]
}

/** What containers print may be secret and a commit is for ever, so the log itself is left to `slipway status`. */
export function revertMessage({ fleet, revision, by, problem, evidence }: RevertReason): string {
  const why =
    by === null
      ? `This reverts commit ${revision.sha},\nwhich failed and was rolled back.`
      : `This reverts commit ${revision.sha}.`
  const where = problem === null ? '' : [problem.stack, problem.service].filter(Boolean).join('/')
  const told = problem === null ? [] : [`${where === '' ? '' : `${where}: `}${problem.code} ${problem.message}`]
  const facts = [...told, ...evidence].map((line) => `- ${line.replace(/[\p{C}\s]+/gu, ' ').slice(0, 500)}`)
  const trailers = [
    `${REVERTS}: ${revision.sha}`,
    ...(fleet === null ? [] : [`Slipway-Fleet: ${fleet}`]),
    ...(by === null ? [] : [`Slipway-Requested-By: ${by.replace(/[\p{C}\s]+/gu, ' ')}`]),
  ]
  const parts = [`Revert "${describe(revision.subject)}"`, why, facts.join('\n'), trailers.join('\n')]
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`
}

const REVERTS = 'Slipway-Reverts'

/** The commit that a commit of ours takes back; null when it is none of ours. */
export function revertedBy({ message }: Pick<Commit, 'message'>): string | null {
  return new RegExp(`^${REVERTS}: ([0-9a-f]{40})$`, 'm').exec(message)?.[1] ?? null
}

export type UndoRange = Pick<UndoRequest, 'from' | 'to' | 'within'>

/**
 * What a failed revision changed. Where it alone changed the stack since it was last good, that is its own change, of a merge all that came in with it.
 * Where several commits came at once, it is what all of them changed in the folder of the stack, because nobody knows which of them it was.
 */
export async function undoRange(
  workshop: Workshop,
  failed: string,
  good: string | null,
  folder: string,
  signal: AbortSignal,
): Promise<Result<UndoRange>> {
  const commit = await workshop.commit(failed, signal)
  if (!commit.ok) return commit
  const [parent] = commit.value.parents
  if (parent === undefined)
    return {
      ok: false,
      problem: { code: 'PUSH_REFUSED', message: `${failed.slice(0, 8)} is the first commit: nothing was before it` },
    }
  const alone = { from: failed, to: parent, within: null }
  if (good === null || good === parent || folder === '') return { ok: true, value: alone }
  const [then, before] = [
    await folderAt(workshop, good, folder, signal),
    await folderAt(workshop, parent, folder, signal),
  ]
  // A revision that cannot be read any more (a rewritten history) says nothing.
  if (then === null || then === before) return { ok: true, value: alone }
  return { ok: true, value: { from: failed, to: good, within: [folder] } }
}

async function folderAt(workshop: Workshop, sha: string, folder: string, signal: AbortSignal): Promise<string | null> {
  const commit = await workshop.commit(sha, signal)
  if (!commit.ok) return null
  const tree = await workshop.at(commit.value.revision).tree(sha, signal)
  if (!tree.ok) return null
  return [...tree.value.entries]
    .filter(([path]) => path.startsWith(folder))
    .map(([path, { oid }]) => `${oid} ${path}`)
    .join('\n')
}
