import { formatLimits, formatSlot } from '../../model/index.js'
import type { RestartPolicy } from '../../model/index.js'
import { formatCause, limitCauses, looksSecret, showText } from '../../planner/index.js'
import { isOfFolder } from '../folder-source.js'
import { restartFor } from '../import-report.js'
import type { Fate, ImportReport, Imported } from '../import-report.js'
import type { Invocation } from '../invocation.js'
import { counted, formatCommit } from './words.js'

/** Server by server what becomes of each container and why, then what to do next. */
export function formatImport(report: ImportReport, { colors }: Pick<Invocation, 'colors'>): string {
  const { desired, stack, plan, containers } = report
  const servers = [...new Set(containers.map(({ adoptee }) => adoptee.server))].sort()
  const blocks = servers.map((server) => {
    const here = containers.filter(({ adoptee }) => adoptee.server === server)
    return [colors.bold(server), ...here.flatMap((one) => linesOf(one).map((line) => `  ${line}`))].join('\n')
  })
  const strangers = plan.strangers.map(({ server, container }) => `${container.name} on ${server}`)
  return [
    `import ${stack.name}, as ${isOfFolder(desired.revision) ? `the files in ${desired.revision.ref} say` : `${formatCommit(desired.revision)} says`}`,
    ...blocks,
    ...(strangers.length === 0 ? [] : [`left alone, since the stack has no such service: ${strangers.join(', ')}`]),
    ...(plan.lookalikes.length === 0 ? [] : [lookalikes(report)]),
    ...(plan.adopted.length === 0 ? [] : [`taken over before: ${counted(plan.adopted.length, 'container')}`]),
    conclusion(report),
  ]
    .join('\n\n')
    .concat('\n')
}

/** What was made by hand is taken over when a person says what it is, never by its looks. */
function lookalikes({ plan: { lookalikes: some } }: ImportReport): string {
  const lines = some.map(
    ({ server, container, service }) =>
      `${container.name} on ${server}: --service ${service}=${server}/${container.name}`,
  )
  return ['left alone, as Compose did not make it; if it is of this stack, say so:', ...lines].join('\n  ')
}

const MARKS: Readonly<Record<Fate, string>> = { kept: '=', replaced: '±', removed: '-' }
const SENTENCES: Readonly<Record<Fate, string>> = {
  kept: 'goes on running as it is',
  replaced: 'is replaced by the next rollout',
  removed: 'goes with the next rollout: the stack wants fewer',
}

function linesOf(one: Imported): readonly string[] {
  const { adoptee, fate, answer, outcome } = one
  const state = adoptee.container.running ? '' : ' (does not run)'
  const failed = outcome !== null && !outcome.ok ? '; not taken over' : ''
  return [
    `${MARKS[fate]} ${formatSlot(adoptee.slot)}  ${adoptee.container.name}${state} ${SENTENCES[fate]}${failed}`,
    ...reasonsOf(one).map((reason) => `    ${reason}`),
    ...answer.notes.map((note) => `    ${note}`),
  ]
}

function reasonsOf(one: Imported): readonly string[] {
  const { adoptee, fate, answer } = one
  if (fate === 'removed') return []
  const { spec } = adoptee
  const limits = answer.limits === formatLimits(spec) ? [] : limitCauses(answer.limits, spec.limits)
  const restart = restartFor(one)
  const inPlace = fate === 'kept' ? ', in place' : ''
  return [
    ...answer.differences.map(({ field, from, to }) =>
      formatCause({ field, from: shown(field, from), to: shown(field, to) }),
    ),
    ...limits.map((cause) => `${formatCause(cause)}${inPlace}`),
    ...(restart === null ? [] : [`restart ${policyText(answer.restart)} → ${policyText(restart)}${inPlace}`]),
    ...(spec.restartAt === null ? [] : [`x-slipway.restart_at asks for a restart at ${spec.restartAt}`]),
  ]
}

/** Values of what looks secret by name are hidden, as in every plan. */
function shown(field: string, value: string | null): string | null {
  if (value === null) return null
  const isOpen = !/^(?:environment|labels|logging)(?:\.|$)/.test(field) || !looksSecret(field)
  return isOpen ? showText(value) : '…'
}

function policyText({ condition, maxAttempts }: RestartPolicy): string {
  return maxAttempts > 0 ? `${condition}:${maxAttempts}` : condition
}

function conclusion({ stack, containers, problems, isDone }: ImportReport): string {
  if (problems.length > 0 && !isDone) return 'nothing is done before the problems are solved'
  if (containers.length === 0)
    return `nothing to take over: docker compose runs no service of ${stack.name} there, and --service names no container`
  const count = (fate: Fate): number => containers.filter((one) => one.fate === fate).length
  const sums = [
    `${counted(count('kept'), 'container')} ${count('kept') === 1 ? 'stays' : 'stay'}`,
    `${count('replaced')} will be replaced`,
    ...(count('removed') === 0 ? [] : [`${count('removed')} will go`]),
  ].join(', ')
  const taken = containers.filter(({ outcome }) => outcome?.ok === true).length
  if (isDone) return `${taken} of ${counted(containers.length, 'container')} taken over: ${sums}`
  return `${sums}; nothing was done yet: \`slipway import ${stack.name} --yes\` does it`
}

/** The same for a program. */
export function importToJson({ desired, stack, plan, containers, isDone }: ImportReport): unknown {
  return {
    stack: stack.name,
    revision: desired.revision,
    isDone,
    containers: containers.map((one) => {
      const { adoptee, fate, answer, outcome } = one
      return {
        server: adoptee.server,
        slot: formatSlot(adoptee.slot),
        container: adoptee.container.name,
        containerId: adoptee.container.containerId,
        fate,
        differences: answer.differences.map(({ field, from, to }) => ({
          field,
          from: shown(field, from),
          to: shown(field, to),
        })),
        notes: answer.notes,
        restart: restartFor(one),
        ...(outcome === null ? {} : { isTakenOver: outcome.ok }),
      }
    }),
    leftAlone: plan.strangers.map(({ server, container }) => ({ server, container: container.name })),
    lookalikes: plan.lookalikes.map(({ server, container, service }) => ({
      server,
      container: container.name,
      service,
    })),
    takenOverBefore: plan.adopted.map(({ server, containerId, slot }) => ({
      server,
      containerId,
      slot: formatSlot(slot),
    })),
  }
}
