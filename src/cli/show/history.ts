import { formatSlot } from '../../model/index.js'
import type { Problem } from '../../model/index.js'
import type { Command, Fact, FactKind, Gate } from '../../controller/index.js'
import { hang } from './layout.js'
import type { Look } from './status.js'
import { clean, counted, formatCommit, formatSpan, formatTime } from './words.js'

type FactOf<Kind extends FactKind> = Extract<Fact, { readonly kind: Kind }>

/** What each fact says to a person. */
const SENTENCES: { readonly [Kind in FactKind]: (fact: FactOf<Kind>) => string } = {
  'revision-accepted': ({ revision, rewound }) =>
    `${formatCommit(revision)} was accepted${rewound ? ', although the history was rewritten' : ''}`,
  'revision-held': ({ revision, problem }) => `${formatCommit(revision)} is held: ${said([problem])}`,
  'revision-refused': ({ revision, problems }) => `${formatCommit(revision)} was refused: ${said(problems)}`,
  'revision-released': () => 'the held revision is held no more',
  'guard-released': ({ revision, guard, commit, author, reason }) =>
    `${formatCommit(revision)} was let past ${GUARDS[guard]} by ${clean(author)} in ${commit.slice(0, 7)}: ${clean(reason)}`,
  commanded: ({ command }) => commandSentence(command),
  'engine-pinned': ({ server, engineId }) => `${server} has the engine ${engineId}`,
  'server-lost': ({ server }) => `${server} is lost: its replicas are placed elsewhere`,
  'server-returned': ({ server }) => `${server} is back`,
  'server-retired': ({ server }) => `${server} left the fleet, and nothing of ours is on it`,
  'stack-orphaned': ({ stack, revision }) => `${stack}: runs, but ${formatCommit(revision)} has no such stack`,
  'rival-seen': ({ server, controller, container }) =>
    `another controller (${controller}) made container ${container.slice(0, 12)} on ${server}`,
  'certificate-issued': ({ host, untilMs }) => `${clean(host)} has a new certificate, until ${formatTime(untilMs)}`,
  'certificate-failed': ({ host, problem, untilMs }) =>
    `no new certificate for ${clean(host)}, ` +
    `${untilMs === null ? 'which has none' : `whose own ends ${formatTime(untilMs)}`}: ${said([problem])}`,
  'certificates-restored': ({ hosts }) =>
    `certificates that were lost here were read back from the proxies: ${hosts.map(clean).join(', ')}`,
  'rollout-started': ({ stack, revision, direction, slots, services, fast }) =>
    `${stack}: ${direction === 'back' ? 'rolling back to' : 'rolling out'} ${formatCommit(revision)}, ` +
    `${counted(slots, 'slot')} of ${Object.keys(services).sort().join(', ') || 'no service'}${fast ? ', known to be good' : ''}`,
  'rollout-blocked': ({ stack, problems, attempt }) =>
    `${stack}: nothing was touched, preparing failed (attempt ${attempt}): ${said(problems)}`,
  'image-pinned': ({ stack, service, image, digest }) =>
    `${stack}/${service}: ${image} is ${digest ?? 'a local image'}`,
  'rollout-prepared': ({ stack }) => `${stack}: everything needed is on the servers`,
  'slot-proven': ({ slot, server }) => `${formatSlot(slot)} is healthy on ${server}`,
  'step-begun': ({ stack, service, step, steps, percent, promoted }) =>
    `${stack}/${service}: ${promoted ? 'promoted, ' : ''}` +
    (step === steps
      ? 'the old replicas leave'
      : `step ${step + 1} of ${steps} begins, ${percent} % to the new replicas`),
  'step-reached': ({ stack, service, step, percent, holdMs }) =>
    `${stack}/${service}: step ${step + 1} is reached, ${percent} % go to the new replicas` +
    (holdMs === null ? ' until somebody promotes it' : holdMs === 0 ? '' : ` for ${formatSpan(holdMs)}`),
  'replica-failed': ({ slot, server, problem }) => `${formatSlot(slot)} failed on ${server}: ${said([problem])}`,
  'job-finished': ({ stack, service, server, exitCode }) =>
    `${stack}/${service} finished on ${server} with exit code ${exitCode}`,
  'rollout-completed': ({ stack, revision, direction, failedSlots }) =>
    `${stack}: ${direction === 'back' ? 'rolled back to' : 'runs'} ${formatCommit(revision)}` +
    (failedSlots > 0 ? `, with ${counted(failedSlots, 'failed slot')}` : ''),
  'rollout-failed': ({ stack, service, revision, problem, then }) =>
    `${stack}: ${formatCommit(revision)} failed at ${service} (${said([problem])}); ${AFTER_FAILURE[then]}`,
  'rollout-delayed': ({ stack }) => `${stack}: nobody could go on for a while, deadlines begin anew`,
  'rollout-superseded': ({ stack, revision, by }) =>
    `${stack}: ${formatCommit(revision)} gave way to ${formatCommit(by)}`,
  'stack-adopted': ({ stack, revision }) => `${stack}: what runs is what ${formatCommit(revision)} wants`,
  'stack-removed': ({ stack, revision }) => `${stack}: removed by ${formatCommit(revision)}`,
  'replica-healed': ({ slot, server, how, reason }) => `${formatSlot(slot)} was ${how} on ${server}: ${clean(reason)}`,
  'limits-updated': ({ stack, service, limits }) => `${stack}/${service}: limits set in place to ${limits || 'none'}`,
}

const GUARDS: Readonly<Record<Gate, string>> = {
  history: 'guards.history',
  signature: 'guards.signed_by',
  prune: 'guards.prune',
  plan: 'guards.plan',
  window: 'the windows',
}

const AFTER_FAILURE: Readonly<Record<FactOf<'rollout-failed'>['then'], string>> = {
  rollback: 'rolling back',
  pause: 'paused, a person must act',
  stop: 'stopped, a person must act',
}

/** One fact as a sentence. */
export function factSentence(fact: Fact): string {
  const sentence = SENTENCES[fact.kind] as (fact: Fact) => string
  return sentence(fact)
}

/** Newest last, as a log is read on a terminal. */
export function formatHistory(facts: readonly Fact[], look: Look): string {
  const lines = [...facts]
    .reverse()
    .flatMap((fact) => hang(`${look.colors.dim(formatTime(fact.atMs))}  `, factSentence(fact), look.columns))
  return lines.length === 0 ? 'nothing has happened yet\n' : `${lines.join('\n')}\n`
}

export interface CommitHistory {
  readonly sha: string
  readonly subject: string
  readonly author: string
  /** Newest first. */
  readonly facts: readonly Fact[]
}

/** Each commit with what became of it, newest last. */
export function formatCommits(commits: readonly CommitHistory[], look: Look): string {
  const lines = [...commits].reverse().flatMap((commit) => {
    const told = [...commit.facts]
      .reverse()
      .flatMap((fact) => hang(`  ${look.colors.dim(formatTime(fact.atMs))}  `, factSentence(fact), look.columns))
    const title = look.colors.bold(formatCommit(commit))
    return [
      title,
      ...(told.length === 0
        ? ['  nothing is remembered of it: it came with a later one, or before the journal begins']
        : told),
    ]
  })
  return lines.length === 0 ? 'no commit is between them\n' : `${lines.join('\n')}\n`
}

function commandSentence(command: Command): string {
  const by = `${clean(command.by)} `
  switch (command.kind) {
    case 'approve':
      return `${by}approved ${command.sha.slice(0, 7)}${command.gate === undefined ? '' : ` past ${GUARDS[command.gate]}`}`
    case 'promote':
      return `${by}promoted ${command.scope}${command.to === 'step' ? ' past its step' : ''}`
    case 'abort':
      return `${by}gave up the rollout of ${command.stack}`
    case 'retry':
      return `${by}had ${command.stack} tried again`
    case 'restart':
      return `${by}restarted ${command.stack}/${command.service}${because(command.reason)}`
    case 'suspend':
      return `${by}suspended ${scopeName(command.scope)}${because(command.reason)}`
    case 'resume':
      return `${by}resumed ${scopeName(command.scope)}`
    case 'drain':
      return `${by}drained ${command.server}`
    case 'undrain':
      return `${by}gave ${command.server} back`
    case 'sync':
      return `${by}asked for a look at Git and the servers`
  }
}

function scopeName(scope: string): string {
  return scope === '*' ? 'the fleet' : scope
}

function because(reason: string): string {
  return reason === '' ? '' : `: ${clean(reason)}`
}

function said(problems: readonly Problem[]): string {
  return problems.map(({ code, message }) => `${code} ${clean(message)}`).join('; ')
}
