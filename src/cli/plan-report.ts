import type { FleetStatus } from '../controller/index.js'
import type { Problem, StackPlan } from '../model/index.js'
import { formatPlan, planToJson } from '../planner/index.js'
import type { PlanReport } from '../web/index.js'

/** A plan in all its forms, with what keeps it from being whole or from being carried out. */
export function planReport(plans: readonly StackPlan[], status: FleetStatus): PlanReport {
  const { source, servers, stacks } = status
  return {
    revision: source.accepted,
    changes: plans.flatMap(({ changes }) => changes).filter(({ kind }) => kind !== 'unchanged').length,
    text: formatPlan(plans, { format: 'text' }),
    markdown: formatPlan(plans, { format: 'markdown' }),
    json: planToJson(plans),
    errors: [
      ...present(source.problem),
      ...(source.refused?.problems ?? []),
      ...stacks.filter(({ phase }) => phase === 'invalid').flatMap(({ problems }) => problems),
      ...servers.flatMap(({ problem }) => present(problem)),
    ],
    guards: [...present(source.held?.problem ?? null), ...status.problems],
  }
}

function present(problem: Problem | null): readonly Problem[] {
  return problem === null ? [] : [problem]
}
