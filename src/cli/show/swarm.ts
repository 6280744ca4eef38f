import type { SwarmCondition, SwarmStep } from '../../controller/index.js'
import type { SwarmReport } from '../commands/swarm.js'
import type { Invocation } from '../invocation.js'
import { clean, counted, formatProblemLines, formatReasonLines } from './words.js'

/** Each server as it stands, then what is to be done, or was. */
export function formatSwarm(report: SwarmReport, { colors }: Pick<Invocation, 'colors'>): string {
  const { looks, plan, done, isYes } = report
  const servers = looks.flatMap(([server, look]) =>
    look.ok
      ? [`${colors.green('✓')} ${colors.bold(server)}  ${standing(look.value)}`]
      : [`${colors.red('✗')} ${colors.bold(server)}`, ...formatReasonLines(look.problem).map((line) => `    ${line}`)],
  )
  const strangers = plan.strangers.map(
    ({ hostname, node }) => `node ${clean(hostname)} (${node}) is no server of this fleet; it is left alone`,
  )
  const blocks = [
    servers.join('\n'),
    ...(strangers.length === 0 ? [] : [strangers.join('\n')]),
    ...plan.problems.map((problem) => formatProblemLines(problem).join('\n')),
    ...(plan.problems.length > 0 ? [] : [conclusion(plan.steps, done, isYes)]),
  ]
  return `${blocks.join('\n\n')}\n`
}

function standing({ state, error, isManager, nodes }: SwarmCondition): string {
  const trouble = error === '' ? '' : `: ${clean(error)}`
  switch (state) {
    case 'inactive':
      return 'is in no Swarm'
    case 'pending':
      return `waits for a manager${trouble}`
    case 'locked':
      return 'is locked until somebody gives its key'
    case 'error':
      return `has lost its Swarm${trouble}`
    case 'active':
      return isManager
        ? `is a manager${nodes === null ? `, and nobody leads${trouble}` : ` of ${counted(nodes.length, 'node')}`}`
        : `is a worker${trouble}`
  }
}

function conclusion(steps: readonly SwarmStep[], done: SwarmReport['done'], isYes: boolean): string {
  if (steps.length === 0) return 'nothing to do: these servers are one Swarm'
  if (!isYes) return ['to do, with --yes:', ...steps.map((step) => `  ${formatStep(step)}`)].join('\n')
  const failed = done.filter(({ problem }) => problem !== null).length
  const left = steps.length - done.length
  const rest = [
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(left === 0 ? [] : [`${left} not begun`]),
    ...(failed === 0 ? [] : ['run it again once that is mended']),
  ]
  return [`done: ${done.length - failed} of ${counted(steps.length, 'step')}`, ...rest].join(', ')
}

/** One line for one step. */
export function formatStep(step: SwarmStep): string {
  const at = 'address' in step && step.address !== '' ? ` at ${step.address}` : ''
  switch (step.kind) {
    case 'init':
      return `${step.server} begins a Swarm${at}`
    case 'join':
      return `${step.server} joins it as a ${step.role}${at}`
    case 'leave':
      return `${step.server} leaves the Swarm that it has lost`
    case 'promote':
      return `${clean(step.node.hostname)} becomes a manager`
    case 'forget':
      return `the node ${clean(step.node.hostname)} (${step.node.node}), which is down and no server any more, is removed`
  }
}

export function swarmToJson({ looks, plan, done }: SwarmReport): unknown {
  return {
    servers: looks.map(([server, look]) =>
      look.ok ? { server, ok: true, ...look.value } : { server, ok: false, problem: look.problem },
    ),
    strangers: plan.strangers,
    problems: plan.problems,
    steps: plan.steps.map((step) => {
      const taken = done.find((one) => one.step === step)
      return {
        ...step,
        ...(taken === undefined ? {} : { ok: taken.problem === null }),
        ...(taken?.problem ? { problem: taken.problem } : {}),
      }
    }),
  }
}
