import { setTimeout as sleep } from 'node:timers/promises'
import { settlementOf } from '../src/controller/index.js'
import type { FleetStatus, Settlement } from '../src/controller/index.js'
import { formatProblem } from '../src/model/index.js'
import type { DemoController } from './controller.js'
import type { Commit, FleetRepository } from './git.js'
import type { Screen } from './screen.js'
import type { Visitors, Visits } from './visitors.js'
import type { Step, Verdict } from './steps.js'

const LOOK_AGAIN_MS = 100
/** Lines of a commit; the demo's own have four. */
const CHANGES_SHOWN = 8

export interface Play {
  readonly screen: Screen
  readonly controller: DemoController
  readonly repository: FleetRepository
  /** Where the shop answers. */
  readonly shop: readonly string[]
  readonly visitors: Visitors
}

/** How a step ended. `superseded`: a newer commit came before its end. */
export type StepEnd =
  | (Verdict & { readonly ms: number })
  | { readonly kind: 'superseded' }
  | { readonly kind: 'nothing'; readonly text: string }

/** Makes the step's commit and waits for what becomes of it, while the journal tells what happens. */
export async function playStep(
  { screen, controller, repository, visitors }: Play,
  step: Step,
  signal: AbortSignal,
): Promise<StepEnd> {
  screen.title(step.title)
  for (const line of step.intent) screen.say(line)
  screen.say()
  const before = await controller.status()
  const startedMs = performance.now()
  const commit = await step.commit(repository)
  if (commit === undefined && step.nothing !== '') return { kind: 'nothing', text: step.nothing }
  if (commit !== undefined) showCommit(screen, commit)
  const visited = visitors.visits()
  const { settlement, status } = await settled(controller, commit?.sha ?? null, startedMs + step.deadlineMs, signal)
  if (settlement === 'superseded') return { kind: 'superseded' }
  const verdict = withVisits(judge(step, settlement, before, status), visited, visitors.visits())
  const ms = performance.now() - startedMs
  const mark = verdict.kind === 'as-told' ? screen.colors.green('✓') : screen.colors.red('✗')
  screen.say(`\n${mark} ${screen.colors.bold(verdict.text)}  ${screen.colors.dim(`${(ms / 1_000).toFixed(1)} s`)}`)
  visitors.welcome()
  return { ...verdict, ms }
}

function showCommit({ say, colors }: Screen, { sha, subject, changes }: Commit): void {
  say(`${colors.bold(sha.slice(0, 7))} ${subject}`)
  for (const line of changes.slice(0, CHANGES_SHOWN)) {
    say(`    ${line.startsWith('-') ? colors.red(line) : line.startsWith('+') ? colors.green(line) : line}`)
  }
  say()
}

interface Settled {
  readonly settlement: Settlement | 'superseded'
  readonly status: FleetStatus
}

/** Waits until the controller is done with a commit (null: with whatever Git says), or the time is over. */
async function settled(
  controller: DemoController,
  sha: string | null,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<Settled> {
  let wasFetched = false
  for (;;) {
    signal.throwIfAborted()
    const status = await controller.status()
    const isFetched = sha === null || status.source.fetched?.sha === sha
    if (wasFetched && !isFetched) return { settlement: 'superseded', status }
    wasFetched = isFetched
    const settlement = settlementOf(status, sha)
    if (settlement.kind !== 'pending' || performance.now() > deadlineMs) return { settlement, status }
    await sleep(LOOK_AGAIN_MS, undefined, { signal })
  }
}

function judge(step: Step, settlement: Settlement | 'superseded', before: FleetStatus, after: FleetStatus): Verdict {
  if (settlement === 'superseded' || settlement.kind === step.end) return step.verdict(before, after)
  const problems = 'problems' in settlement ? settlement.problems.map(formatProblem) : []
  const what = settlement.kind === 'pending' ? `not done within ${step.deadlineMs / 1_000} s` : settlement.kind
  return { kind: 'otherwise', text: [`${what} instead of ${step.end}`, ...problems].join(': ') }
}

/** Whoever opened the shop meanwhile must have got it. */
function withVisits(verdict: Verdict, before: Visits, after: Visits): Verdict {
  const [first, ...more] = after.failed.slice(before.failed.length)
  if (first !== undefined) {
    const others = more.length === 0 ? '' : ` and ${more.length} more`
    return { kind: 'otherwise', text: `${verdict.text}; requests of visitors failed: ${first}${others}` }
  }
  const answered = after.answered - before.answered
  return answered === 0 ? verdict : { ...verdict, text: `${verdict.text}; ${answered} requests of visitors, 0 failed` }
}
