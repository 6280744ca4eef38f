import type { Controller, FleetStatus, ServerStatus, StackStatus } from '../controller/index.js'
import { formatProblem } from '../model/index.js'
import type { Problem, StackPlan } from '../model/index.js'
import { formatPlan, planPin, planToJson, summarise } from '../planner/index.js'
import type { PlanReport } from '../web/index.js'

/** What a controller plans, as it decided last. */
export function reportOf(controller: Controller): PlanReport {
  const plans = controller.plans()
  const { accepted } = controller.snapshot().state
  return planReport(plans, controller.status(), accepted === null ? null : planPin(accepted, plans))
}

/** A plan in all its forms, with what keeps it from being whole or from being carried out. */
export function planReport(plans: readonly StackPlan[], status: FleetStatus, pin: string | null): PlanReport {
  const { source } = status
  const inStacks = status.stacks.flatMap((stack) => stack.problems.map((problem) => within(stack, problem)))
  const errors = [
    ...present(source.problem),
    ...(source.refused?.problems ?? []),
    ...inStacks.filter(isBroken),
    ...(source.accepted === null ? [] : status.servers.flatMap(unseen)),
  ]
  const guards = [
    ...present(source.held?.problem ?? null),
    ...status.problems,
    ...inStacks.filter((problem) => !isBroken(problem)),
    ...status.suspended.map(suspension),
  ]
  return {
    revision: source.accepted,
    changes: plans.reduce((sum, plan) => sum + changesIn(plan), 0),
    summary: summarise(plans),
    text: formatPlan(plans, { format: 'text' }),
    markdown: formatPlan(plans, { format: 'markdown' }) + asMarkdown('not whole', errors) + asMarkdown('held', guards),
    json: planToJson(plans),
    pin: errors.length === 0 ? pin : null,
    errors,
    guards,
  }
}

function changesIn({ changes, reroutes = [] }: StackPlan): number {
  return changes.filter(({ kind }) => kind !== 'unchanged').length + reroutes.length
}

/** The stack is not planned at all, or from an older file; anything else only keeps its plan from being carried out. */
function isBroken(problem: Problem): boolean {
  return problem.code === 'BUG' || problem.place !== undefined
}

function within({ name }: StackStatus, problem: Problem): Problem {
  return problem.stack === undefined && problem.place === undefined ? { ...problem, stack: name } : problem
}

/** What a server that was not looked at holds is not known: the plan leaves it as it was last seen. */
function unseen({ name, phase, problem }: ServerStatus): readonly Problem[] {
  if (phase === 'ready') return []
  return [problem ?? { code: 'SERVER_UNREACHABLE', message: `server ${name} was not seen in time`, server: name }]
}

function suspension({ scope, by, reason }: FleetStatus['suspended'][number]): Problem {
  const what = scope === '*' ? 'the fleet' : scope
  return {
    code: 'SUSPENDED',
    message: `${what} was suspended by ${by}${reason === '' ? '' : `: ${reason}`}`,
    next: { kind: 'stalled', remedy: scope === '*' ? 'slipway resume' : `slipway resume ${scope}` },
  }
}

/** In a code block, so that nothing in a message becomes markup. */
function asMarkdown(title: string, problems: readonly Problem[]): string {
  if (problems.length === 0) return ''
  const lines = problems.map((problem) => formatProblem(problem).replace(/\s+/g, ' ').replaceAll('`', "'"))
  return `\n**${title}**\n\n\`\`\`text\n${lines.join('\n')}\n\`\`\`\n`
}

function present(problem: Problem | null): readonly Problem[] {
  return problem === null ? [] : [problem]
}
