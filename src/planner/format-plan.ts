import type { StackPlan } from '../model/index.js'
import { foldPlan } from './fold-plan.js'
import type { FoldedStack, PlanRow } from './fold-plan.js'
import { formatPlanMarkdown } from './format-markdown.js'
import { shorten } from './shorten.js'
import { summarise } from './summarise.js'

export interface PlanFormat {
  readonly format: 'text' | 'markdown'
}

/**
 * Plans for people: by stack and service, equal changes in one line, their causes below, and for what is blocked what would unblock it.
 * Text has no colours; the same plans give the same bytes.
 */
export function formatPlan(plans: readonly StackPlan[], { format }: PlanFormat): string {
  return format === 'text' ? formatPlanText(plans) : formatPlanMarkdown(plans)
}

function formatPlanText(plans: readonly StackPlan[]): string {
  const stacks = plans
    .filter(({ changes, reroutes = [] }) => changes.length > 0 || reroutes.length > 0)
    .map((plan) => stackLines(foldPlan(plan)))
  return `${[...stacks, [summarise(plans)]].map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function stackLines({ stack, services, unchanged }: FoldedStack): readonly string[] {
  return [
    stack,
    ...services.flatMap(({ service, rows }) => [`  ${service}`, ...rows.flatMap(rowLines)]),
    ...(unchanged.length === 0 ? [] : [`  unchanged: ${shorten(unchanged)}`]),
  ]
}

function rowLines(row: PlanRow): readonly string[] {
  const where = row.where === '' ? '' : ` ${row.where}`
  const how = row.how.map((part) => `, ${part}`).join('')
  const head =
    row.obstacle === null
      ? `    ${row.verb} ${row.slots}${where}${how}`
      : `    ${row.verb} ${row.slots}: ${row.obstacle.code} ${row.obstacle.message}`
  const next = row.obstacle === null || row.obstacle.next === '' ? [] : [`      ${row.obstacle.next}`]
  return [head, ...next, ...row.causes.map((cause) => `      ${cause}`)]
}
