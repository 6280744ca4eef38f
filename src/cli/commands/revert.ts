import { REVERT_AUTHOR, revertBranch, revertMessage, undoRange } from '../../forge/index.js'
import type { FleetStatus, Workshop } from '../../controller/index.js'
import type { Revision } from '../../model/index.js'
import { readTarget, runningController } from '../connect.js'
import { EXIT } from '../exit-code.js'
import { CommandError, usage, valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { withWorkshop } from '../preview.js'
import { formatCommit } from '../show/words.js'

/** Makes the commit that takes another one back, and pushes it: to the branch, or as a branch of its own. */
export async function run(invocation: Invocation): Promise<number> {
  const { settings } = invocation
  if (!('branch' in settings.ref)) throw usage('a tag cannot be reverted: follow a branch with --branch')
  const { branch } = settings.ref
  const [target = ''] = invocation.args
  const name = /^[0-9a-f]{7,40}$/.test(target) ? target : await failedOf(invocation, target)
  return withWorkshop(invocation, (workshop) => revert(invocation, workshop, branch, name))
}

async function revert(
  { io, options, format }: Invocation,
  workshop: Workshop,
  branch: string,
  name: string,
): Promise<number> {
  const { interrupted } = io
  const tip = valueOf(await workshop.bring(`refs/heads/${branch}`, interrupted))
  const revision = valueOf(await workshop.bring(name, interrupted))
  const range = valueOf(await undoRange(workshop, revision.sha, null, '', interrupted))
  const message = revertMessage({ fleet: null, revision, by: io.user, problem: null, evidence: [] })
  const request = { ...range, tip: { ...tip, ref: branch }, message, author: REVERT_AUTHOR, atMs: io.nowMs() }
  const undone = await workshop.undo(request, interrupted)
  if (!undone.ok) throw new CommandError(undone.problem)
  const { sha, paths } = undone.value
  if (paths.length === 0) throw usage(`${formatCommit(revision)} changed nothing in the fleet that is still there`)
  const isBranch = options.pullRequest === true
  const ref = isBranch ? revertBranch(revision.sha) : branch
  const isDry = options.dryRun === true
  if (!isDry) valueOf(await undone.value.push(`refs/heads/${ref}`, isBranch ? null : tip.sha, interrupted))
  if (format === 'json')
    io.out(`${JSON.stringify({ reverted: revision.sha, commit: sha, branch: ref, paths, pushed: !isDry })}\n`)
  else
    io.out(
      `${isDry ? 'would push' : 'pushed'} ${sha.slice(0, 12)} to ${ref}: takes back ${formatCommit(revision)}\n${listed(paths)}`,
    )
  return EXIT.ok
}

function listed(paths: readonly string[]): string {
  return paths.map((path) => `  ${path}\n`).join('')
}

/** The commit that a service failed with, else the one that it runs. */
async function failedOf({ settings }: Invocation, target: string): Promise<string> {
  const running = await runningController(settings)
  if (running === null)
    throw usage(
      `${JSON.stringify(target)} is no commit, and no controller runs that knows what a service runs: give a commit`,
    )
  const revision = revisionOf(running.status, target)
  if (revision === null) throw usage(`there is no service ${target} that a commit could be taken back of`)
  return revision.sha
}

function revisionOf(status: FleetStatus, target: string): Revision | null {
  const { stack: name, service } = readTarget(target) ?? { stack: '' }
  const stack = status.stacks.find((candidate) => candidate.name === name)
  if (stack === undefined) return null
  if (stack.phase === 'rejected' || stack.phase === 'failed' || stack.phase === 'rollback-failed')
    return stack.revisions.attempted
  if (service === undefined) return stack.revisions.applied
  return stack.services.find((candidate) => candidate.name === service)?.revision ?? null
}
