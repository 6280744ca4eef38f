import { formatRevision } from '../../model/index.js'
import type { Problem, Revision } from '../../model/index.js'
import type {
  FleetStatus,
  ServerStatus,
  ServicePhase,
  ServiceStatus,
  SourceStatus,
  StackStatus,
} from '../../controller/index.js'
import type { Colors } from '../io.js'
import { formatFailure } from './failure.js'
import { formatRows, hang } from './layout.js'
import { stageLines } from './stage.js'
import {
  clean,
  counted,
  formatAgo,
  formatCommit,
  formatProblemLines,
  formatReasonLines,
  formatSpan,
  formatTime,
} from './words.js'

export interface Look {
  readonly colors: Colors
  readonly columns: number
}

type Mood = 'good' | 'busy' | 'bad' | 'still'

/** How each phase is marked: by a sign first, by colour only in addition. */
export const MOODS: Readonly<Record<ServicePhase, Mood>> = {
  synced: 'good',
  done: 'good',
  progressing: 'busy',
  'rolling-back': 'busy',
  healing: 'busy',
  blocked: 'bad',
  paused: 'bad',
  rejected: 'bad',
  'rollback-failed': 'bad',
  unhealthy: 'bad',
  invalid: 'bad',
  failed: 'bad',
  unknown: 'still',
  suspended: 'still',
}

/** The whole fleet for a person: one sentence a service, and whatever is wrong where it is wrong. */
export function formatStatus(
  status: FleetStatus,
  look: Look,
  only?: { readonly stack: string; readonly service?: string },
): string {
  const stacks = status.stacks.filter((stack) => only === undefined || stack.name === only.stack)
  const lines = [
    ...(only === undefined ? [...head(status, look), ''] : []),
    ...stacks.flatMap((stack) => [...formatStack(stack, status.atMs, look, only?.service), '']),
    ...(only === undefined ? [...certificates(status, look), ...servers(status.servers, look)] : []),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}

function head(status: FleetStatus, look: Look): readonly string[] {
  const { colors } = look
  const name = colors.bold(status.fleet ?? 'no fleet yet')
  const up = status.controller === null ? '' : `, controller up since ${formatTime(status.controller.startedAtMs)}`
  return [
    `${name}  follows ${status.source.repository} ${status.source.ref}${up}`,
    ...source(status.source, status.atMs, look),
    ...status.problems.flatMap((problem) => marked('bad', formatProblemLines(problem), look)),
    ...status.suspended.flatMap(({ scope, by, reason, sinceMs }) => {
      const what = scope === '*' ? 'the fleet' : scope
      const because = reason === '' ? '' : `: ${clean(reason)}`
      const text = `${what} was suspended by ${clean(by)} ${formatAgo(sinceMs, status.atMs)}${because}`
      return marked('still', [text, `→ slipway resume ${scope === '*' ? '' : scope}`.trimEnd()], look)
    }),
  ]
}

function source(git: SourceStatus, atMs: number, look: Look): readonly string[] {
  const polled =
    git.lastPollAtMs === null ? 'Git was not asked yet' : `Git was asked ${formatAgo(git.lastPollAtMs, atMs)}`
  const accepted =
    git.accepted === null
      ? 'no revision is accepted yet'
      : `in force is ${formatCommit(git.accepted)}, ${formatAgo(git.accepted.committedAtMs, atMs)}`
  const since = git.problemSinceMs === null ? '' : ` (since ${formatTime(git.problemSinceMs)})`
  return [
    ...hang('', `${accepted}; ${polled}`, look.columns),
    ...(git.problem === null ? [] : marked('bad', withFirst(formatProblemLines(git.problem), since), look)),
    ...(git.held === null
      ? []
      : marked('bad', [`${formatCommit(git.held.revision)} is held`, ...formatProblemLines(git.held.problem)], look)),
    ...(git.refused === null
      ? []
      : marked(
          'bad',
          [`${formatCommit(git.refused.revision)} is refused`, ...git.refused.problems.flatMap(formatProblemLines)],
          look,
        )),
  ]
}

export function formatStack(stack: StackStatus, atMs: number, look: Look, service?: string): readonly string[] {
  const { colors } = look
  const services = stack.services.filter(({ name }) => service === undefined || name === service)
  const start = `${mark(MOODS[stack.phase], colors)} ${colors.bold(stack.name)}  `
  return [
    ...hang(start, stack.sentence, look.columns),
    ...stack.problems.flatMap((problem) => indented(unsaid(problem, [stack.sentence]), '    ', look)),
    ...services.flatMap((one) => formatService(one, stack, atMs, look)),
  ]
}

function formatService(service: ServiceStatus, stack: StackStatus, atMs: number, look: Look): readonly string[] {
  const width = Math.max(...stack.services.map(({ name }) => name.length))
  const count = service.mode === 'job' ? 'job' : `${service.healthy}/${service.wanted}`
  const start = `  ${mark(MOODS[service.phase], look.colors)} ${service.name.padEnd(width)}  ${count.padStart(5)}  `
  // What is well again needs no post-mortem; history has it.
  const failure = MOODS[service.phase] === 'good' ? null : service.failure
  const said = [service.sentence, stack.sentence, failure?.problem.message ?? '']
  return [
    ...hang(start, service.sentence, look.columns),
    ...(service.problem === null ? [] : indented(unsaid(service.problem, said), '      ', look)),
    ...indented(stageLines(service, atMs), '      ', look),
    ...(failure === null ? [] : formatFailure(failure, atMs, look)),
    ...indented(unknownNames(service, stack), '      ', look),
  ]
}

/** What was made before a name knows it when it is made anew. */
function unknownNames({ name, unknownNames: names = [] }: ServiceStatus, stack: StackStatus): readonly string[] {
  const [first, ...more] = names
  if (first === undefined) return []
  const others = more.length === 0 ? '' : ` and ${more.length} more`
  return [`does not know ${first}${others} across servers yet`, `→ slipway restart ${stack.name}/${name}`]
}

/** What a problem says beyond the sentences around it. */
function unsaid(problem: Problem, said: readonly string[]): readonly string[] {
  const isSaid = (text: string): boolean => said.some((sentence) => sentence.includes(text))
  const [first = '', next] = formatProblemLines(problem)
  const remedy = problem.next?.kind === 'stalled' ? problem.next.remedy : null
  const isNextSaid = next === undefined || (remedy === null ? isSaid(problem.message) : isSaid(remedy))
  return [...(isSaid(problem.message) ? [] : [first]), ...(isNextSaid ? [] : [next])]
}

function certificates({ certificates: list, atMs }: FleetStatus, look: Look): readonly string[] {
  const { colors } = look
  const rows = list.map(({ host, untilMs, nextOrderAtMs, failures }) => {
    const next =
      nextOrderAtMs <= atMs
        ? 'ordered as soon as it is its turn'
        : untilMs !== null && failures === 0
          ? `renewed in ${formatSpan(nextOrderAtMs - atMs)}`
          : `tried again in ${formatSpan(nextOrderAtMs - atMs)}`
    const says = [
      untilMs === null ? 'none yet' : `${untilMs <= atMs ? 'ended' : 'until'} ${formatTime(untilMs)}`,
      failures === 0 ? '' : `${counted(failures, 'order')} failed`,
      next,
    ]
    const isGood = untilMs !== null && untilMs > atMs && failures === 0
    const mood: Mood = isGood ? 'good' : failures > 0 ? 'bad' : 'busy'
    return [`${mark(mood, colors)} ${clean(host)}`, says.filter((part) => part !== '').join(', ')]
  })
  return rows.length === 0 ? [] : [colors.bold('certificates'), ...formatRows(rows, look.columns, '  '), '']
}

function servers(list: readonly ServerStatus[], look: Look): readonly string[] {
  const { colors } = look
  const rows = list.map((server) => {
    const since = server.sinceMs === null || server.phase === 'ready' ? '' : ` since ${formatTime(server.sinceMs)}`
    const says = [
      `${server.phase}${server.drained ? ', drained' : ''}${since}`,
      server.engineVersion === null ? '' : `Docker ${server.engineVersion}`,
      counted(server.replicas, 'replica'),
      server.problem === null ? '' : formatReasonLines(server.problem).join(' '),
    ]
    const mood: Mood = server.phase === 'ready' ? 'good' : server.phase === 'connecting' ? 'busy' : 'bad'
    return [`${mark(mood, colors)} ${server.name}`, says.filter((part) => part !== '').join(', ')]
  })
  return rows.length === 0 ? [] : [colors.bold('servers'), ...formatRows(rows, look.columns, '  ')]
}

function marked(mood: Mood, lines: readonly string[], { colors, columns }: Look): readonly string[] {
  return lines.flatMap((line, i) => hang(i === 0 ? `${mark(mood, colors)} ` : '  ', line, columns))
}

function indented(lines: readonly string[], indent: string, { columns }: Look): readonly string[] {
  return lines.flatMap((line) => hang(indent, line, columns))
}

function withFirst([first = '', ...rest]: readonly string[], suffix: string): readonly string[] {
  return [`${first}${suffix}`, ...rest]
}

function mark(mood: Mood, colors: Colors): string {
  switch (mood) {
    case 'good':
      return colors.green('✓')
    case 'busy':
      return colors.cyan('…')
    case 'bad':
      return colors.red('✗')
    case 'still':
      return colors.yellow('–')
  }
}

/** Which commit is where in the way from Git to proven, for `status --revisions`. */
export function formatRevisions(stack: StackStatus, look: Look): readonly string[] {
  const stages: readonly (readonly [string, Revision | null])[] = Object.entries(stack.revisions)
  const rows = stages.map(([stage, revision]) => [
    stage,
    revision === null ? 'none yet' : `${formatRevision(revision)} ${formatCommit(revision)}`,
  ])
  return formatRows(rows, look.columns, '    ')
}
