import { createHmac } from 'node:crypto'
import { formatProblem } from '../model/index.js'
import type { Problem } from '../model/index.js'
import type { ProposalPlan } from './ports.js'

/** GitHub takes 65,536 characters. */
const BODY_MAX = 60_000
const DESCRIPTION_MAX = 140

/**
 * The first line of our comment on a proposal, which finds it again. Not visible to readers, and different on each proposal: a stranger who could
 * foresee it would write a comment that is taken for ours.
 */
export function markerOf(fleet: string, key: string, secret: string): string {
  const tag = createHmac('sha256', secret).update(`${fleet} ${key}`).digest('hex').slice(0, 20)
  return `<!-- slipway plan ${fleet.replace(/[^\w.-]/g, '_')} ${tag} -->`
}

export interface ProposalNews {
  readonly fleet: string
  readonly marker: string
  readonly head: string
  readonly base: { readonly ref: string; readonly sha: string }
}

/** The plan of a proposal as a comment: what changes, what that costs meanwhile, what stands against it. */
export function renderPlan({ fleet, marker, head, base }: ProposalNews, plan: ProposalPlan): string {
  const title = `### Slipway plan for ${escapeText(fleet)}`
  const of = `If ${code(head.slice(0, 12))} is merged into ${code(base.ref)} (${code(base.sha.slice(0, 12))}):`
  const parts = [
    title,
    of,
    plan.markdown.trim(),
    list('While it rolls out', plan.impact),
    list('Reserved afterwards', plan.capacity),
    plan.pin === null ? '' : `Plan ${code(plan.pin)}`,
    FOOTER,
  ]
  return cut([marker, ...parts.filter((part) => part !== '')].join('\n\n'))
}

/** Why there is no plan: conflicts, files that are wrong. */
export function renderProblems({ fleet, marker, head, base }: ProposalNews, problems: readonly Problem[]): string {
  const title = `### Slipway has no plan for ${escapeText(fleet)}`
  const of = `${code(head.slice(0, 12))} cannot be merged into ${code(base.ref)} and planned:`
  return cut([marker, title, of, block(problems)].join('\n\n'))
}

const FOOTER = '<sub>Only planned: nothing is rolled out before it is merged.</sub>'

function list(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `**${title}**\n\n${lines.map((line) => `- ${escapeText(line)}`).join('\n')}`
}

/** In a code block nothing becomes markup, a mention or a link. */
function block(problems: readonly Problem[]): string {
  const lines = problems.slice(0, 100).map((problem) => oneLine(formatProblem(problem)).replaceAll('`', "'"))
  return `\`\`\`text\n${lines.join('\n')}\n\`\`\``
}

function code(text: string): string {
  return `\`${oneLine(text).replaceAll('`', "'")}\``
}

/** Text from a repository in Markdown: no markup, no HTML, no mention of a person, an issue or a commit. */
export function escapeText(text: string): string {
  return oneLine(text)
    .replace(/[\\`*_[\]<>|#~!&]/g, (sign) => (sign === '<' ? '&lt;' : sign === '&' ? '&amp;' : `\\${sign}`))
    .replaceAll('@', '@\u200b')
    .replace(/\b(https?|www)([:.])/gi, '$1\u200b$2')
}

/** A status line: plain text for every forge. */
export function describe(text: string): string {
  const line = oneLine(text)
  return line.length <= DESCRIPTION_MAX ? line : `${line.slice(0, DESCRIPTION_MAX - 1)}…`
}

function oneLine(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
}

/** Cut at a line, with an open code block closed. */
function cut(body: string): string {
  if (body.length <= BODY_MAX) return `${body}\n`
  const kept = body.slice(0, body.lastIndexOf('\n', BODY_MAX))
  const isOpen = (kept.match(/^```/gm)?.length ?? 0) % 2 === 1
  return `${kept}${isOpen ? '\n```' : ''}\n\n*Cut here: \`slipway plan\` shows all of it.*\n`
}
