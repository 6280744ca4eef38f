import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { Waiting } from './approvals.js'
import type { Command } from './facts.js'
import type { Memory } from './memory.js'

/** What a command may name, from what is remembered. */
type Known = Pick<Memory, 'state' | 'stack'>

/**
 * The command with names completed, or why it cannot be obeyed. `waiting` are the revisions that wait for approval. Problems: REFERENCE_UNKNOWN,
 * SETTING_INVALID, SIGNATURE_*.
 */
export function checkCommand(memory: Known, waiting: readonly Waiting[], command: Command): Result<Command> {
  const { state } = memory
  const stacks = Object.keys(state.stacks)
  switch (command.kind) {
    case 'approve':
      return checkApproval(waiting, command)
    case 'retry':
      return oneOf(stacks, command.stack, 'stack', command)
    case 'promote':
    case 'abort':
      return checkRollout(state, command)
    case 'restart':
      return oneOf(servicesOf(memory), `${command.stack}/${command.service}`, 'service', command)
    case 'suspend':
      return oneOf(['*', ...stacks, ...servicesOf(memory)], command.scope, 'scope', command)
    case 'resume': {
      const suspended = Object.keys(state.suspended)
      const endsRivalry = command.scope === '*' && state.rival !== null
      return endsRivalry ? ok(command) : oneOf(suspended, command.scope, 'suspended scope', command)
    }
    case 'drain':
    case 'undrain': {
      const servers = state.accepted?.fleet.servers.map((server) => server.name) ?? []
      return oneOf(servers, command.server, 'server', command)
    }
    case 'sync':
      return ok(command)
  }
}

/** What is not under way can be neither promoted nor given up. */
function checkRollout({ stacks }: Memory['state'], command: PromoteOrAbort): Result<Command> {
  const [name = '', service] = (command.kind === 'abort' ? command.stack : command.scope).split('/')
  const known = oneOf(Object.keys(stacks), name, 'stack', command)
  if (!known.ok) return known
  const rollout = stacks[name]?.rollout ?? null
  if (rollout === null) return refused(`no rollout of ${name} is under way`)
  if (command.kind === 'abort') {
    if (rollout.direction === 'back') return refused(`${name} is being rolled back already`)
    return stacks[name]?.proven === null ? refused(`there is nothing that ${name} could go back to`) : ok(command)
  }
  if (rollout.phase === 'paused' || rollout.phase === 'stopped')
    return refused(`the rollout of ${name} has failed and waits; run slipway retry or slipway abort`)
  const begun = Object.keys(rollout.stages ?? {})
  if (begun.length === 0) return refused(`no step of a canary or blue-green rollout has begun in ${name}`)
  return service === undefined || begun.includes(service)
    ? ok(command)
    : refused(`${name}/${service} is at no step; there are ${begun.map((one) => `${name}/${one}`).join(', ')}`)
}

type PromoteOrAbort = Extract<Command, { readonly kind: 'promote' | 'abort' }>

function refused(message: string): Result<never> {
  return fail({ code: 'SETTING_INVALID', message })
}

function checkApproval(
  waiting: readonly Waiting[],
  command: Extract<Command, { readonly kind: 'approve' }>,
): Result<Command> {
  const found = waiting.find(({ revision }) => command.sha.length >= 7 && revision.sha.startsWith(command.sha))
  if (found !== undefined && found.refusal !== null) return fail(found.refusal)
  if (found !== undefined) return ok({ ...command, sha: found.revision.sha, gate: found.gate })
  const message =
    waiting.length === 0
      ? 'no revision waits for approval'
      : `${waiting.map(({ revision }) => revision.sha.slice(0, 12)).join(' and ')} waits for approval, not ${command.sha}`
  return fail({ code: 'SETTING_INVALID', message })
}

function servicesOf(memory: Known): readonly string[] {
  return Object.entries(memory.state.stacks).flatMap(([name, state]) => {
    const hash = state.desired?.hash ?? state.proven?.hash
    const services = hash === undefined ? [] : (memory.stack(hash, name)?.services ?? [])
    return services.map((spec) => `${name}/${spec.name}`)
  })
}

function oneOf(choices: readonly string[], name: string, what: string, command: Command): Result<Command> {
  if (choices.includes(name)) return ok(command)
  const list = choices.length === 0 ? 'there is none' : `there are ${choices.slice(0, 10).join(', ')}`
  return fail({ code: 'REFERENCE_UNKNOWN', message: `no ${what} ${name}; ${list}` })
}
