import type { StackPlan } from '../model/index.js'
import { foldPlan } from './fold-plan.js'
import type { FoldedStack, PlanRow } from './fold-plan.js'
import { summarise } from './summarise.js'
import { shorten } from './shorten.js'

/** Plans as a comment on a pull request: a table a stack. */
export function formatPlanMarkdown(plans: readonly StackPlan[]): string {
  const stacks = plans
    .filter(({ changes, reroutes = [] }) => changes.length > 0 || reroutes.length > 0)
    .map((plan) => stackSection(foldPlan(plan), plan))
  return `${[`**${summarise(plans)}**`, ...stacks].join('\n\n')}\n`
}

function stackSection({ stack, services, unchanged }: FoldedStack, plan: StackPlan): string {
  const rows = services.flatMap((service) => service.rows.map(tableRow))
  const table =
    rows.length === 0 ? [] : ['| change | slots | where | how | why |\n|---|---|---|---|---|\n' + rows.join('\n')]
  const rest = unchanged.length === 0 ? [] : [`Unchanged: ${escapeText(shorten(unchanged))}`]
  return [`### ${escapeText(stack)}`, ...(services.length > 0 ? [summarise([plan])] : []), ...table, ...rest].join(
    '\n\n',
  )
}

function tableRow(row: PlanRow): string {
  const { obstacle } = row
  const why = [
    ...(obstacle === null
      ? []
      : [
          `**${obstacle.code}** ${escapeText(obstacle.message)}`,
          ...(obstacle.next === '' ? [] : [escapeText(obstacle.next)]),
        ]),
    ...row.causes.map(code),
  ]
  return `| ${[row.verb, code(row.slots), escapeText(row.where.replace(/^on /, '')), row.how.join(', '), why.join('<br>')].join(' | ')} |`
}

/** Values come from the repository: they must not become markup, mentions or another column. */
function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  const pad = longest > 0 ? ' ' : ''
  return `${fence}${pad}${text.replaceAll('|', '\\|')}${pad}${fence}`
}

function escapeText(text: string): string {
  return text.replace(/[\\`*_[\]<>|#~]/g, '\\$&').replaceAll('@', '@\u200b')
}
