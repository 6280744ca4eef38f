import { assertNever } from '../model/index.js'
import type { Fleet, Problem, Revision, Server } from '../model/index.js'
import { EMPTY_STACK_STATE, aborted, foldRollout, promoted } from '../rollout/index.js'
import type { StackState, StackVersion } from '../rollout/index.js'
import { approvalOf } from './approvals.js'
import type { Command, Fact } from './facts.js'

/** The hash that stands for a stack that Git no longer has. */
export const REMOVED = 'removed'
const APPROVALS_KEPT = 50

/** What the controller remembers: the fold of all facts, plain data. Deleting it restarts nothing. */
export interface State {
  readonly accepted: {
    readonly atMs: number
    readonly revision: Revision
    readonly fleet: Fleet
    readonly stacks: Readonly<Record<string, string>>
  } | null
  /** A revision that waits for a person. */
  readonly held: { readonly atMs: number; readonly revision: Revision; readonly problem: Problem } | null
  /** The newest revision, when it cannot be read. */
  readonly refused: { readonly atMs: number; readonly revision: Revision; readonly problems: readonly Problem[] } | null
  /** Read by `isApproved`. */
  readonly approved: readonly string[]
  readonly stacks: Readonly<Record<string, StackState>>
  /** By scope: `*`, `stack`, `stack/service`. */
  readonly suspended: Readonly<Record<string, { readonly atMs: number; readonly by: string; readonly reason: string }>>
  readonly drained: Readonly<Record<string, { readonly atMs: number; readonly by: string }>>
  readonly engines: Readonly<Record<string, string>>
  /** Restart requests, ISO time by `stack/service`. */
  readonly restarts: Readonly<Record<string, string>>
  /** Servers that left the fleet; observed until nothing of ours is on them. */
  readonly retired: Readonly<Record<string, Server>>
  readonly rival: {
    readonly atMs: number
    readonly server: string
    readonly controller: string
    readonly container: string
  } | null
}

export const EMPTY_STATE: State = Object.freeze({
  accepted: null,
  held: null,
  refused: null,
  approved: [],
  stacks: {},
  suspended: {},
  drained: {},
  engines: {},
  restarts: {},
  retired: {},
  rival: null,
})

export function fold(state: State, fact: Fact): State {
  switch (fact.kind) {
    case 'revision-accepted':
      return accept(state, fact)
    case 'revision-held':
      return { ...state, held: { atMs: fact.atMs, revision: fact.revision, problem: fact.problem }, refused: null }
    case 'revision-refused':
      return { ...state, refused: { atMs: fact.atMs, revision: fact.revision, problems: fact.problems }, held: null }
    case 'revision-released':
      return { ...state, held: null, refused: null }
    case 'commanded':
      return obey(state, fact.command, fact.atMs)
    case 'engine-pinned':
      return { ...state, engines: { ...state.engines, [fact.server]: fact.engineId } }
    case 'guard-released':
    case 'server-lost':
    case 'server-returned':
    case 'certificate-issued':
    case 'certificate-failed':
    case 'certificates-restored':
      return state
    case 'server-retired':
      return { ...state, retired: without(state.retired, fact.server) }
    case 'stack-orphaned':
      return {
        ...state,
        stacks: {
          ...state.stacks,
          [fact.stack]: { ...EMPTY_STACK_STATE, desired: { hash: REMOVED, revision: fact.revision } },
        },
      }
    case 'rival-seen':
      return {
        ...state,
        rival: { atMs: fact.atMs, server: fact.server, controller: fact.controller, container: fact.container },
      }
    default:
      return foldStack(
        state,
        fact.stack,
        foldRollout(state.stacks[fact.stack] ?? EMPTY_STACK_STATE, fact),
        fact.kind === 'stack-removed',
      )
  }
}

function foldStack(state: State, name: string, next: StackState, removed: boolean): State {
  return { ...state, stacks: removed ? without(state.stacks, name) : { ...state.stacks, [name]: next } }
}

function accept(state: State, fact: Extract<Fact, { kind: 'revision-accepted' }>): State {
  const names = [...new Set([...Object.keys(state.stacks), ...Object.keys(fact.stacks)])].sort()
  const stacks = Object.fromEntries(
    names.map((name) => {
      const before = state.stacks[name] ?? EMPTY_STACK_STATE
      return [name, { ...before, desired: nextDesired(before.desired, hashOf(fact.stacks, name), fact.revision) }]
    }),
  )
  const current = new Set(fact.fleet.servers.map((server) => server.name))
  const left = (state.accepted?.fleet.servers ?? []).filter((server) => !current.has(server.name))
  const retired = Object.fromEntries(
    [...Object.entries(state.retired), ...left.map((server) => [server.name, server] as const)].filter(
      ([name]) => !current.has(name),
    ),
  )
  return {
    ...state,
    accepted: { atMs: fact.atMs, revision: fact.revision, fleet: fact.fleet, stacks: fact.stacks },
    held: null,
    refused: null,
    stacks,
    retired,
  }
}

/** Names come from outside: `constructor` is no stack of a revision that does not say so. */
function hashOf(stacks: Readonly<Record<string, string>>, name: string): string {
  return (Object.hasOwn(stacks, name) ? stacks[name] : undefined) ?? REMOVED
}

/** A commit that does not touch a stack does not change whose revision the stack runs. */
function nextDesired(before: StackVersion | null, hash: string, revision: Revision): StackVersion {
  return before?.hash === hash ? before : { hash, revision }
}

function obey(state: State, command: Command, atMs: number): State {
  switch (command.kind) {
    case 'approve':
      return { ...state, approved: [...state.approved, approvalOf(command.sha, command.gate)].slice(-APPROVALS_KEPT) }
    case 'retry':
      return retry(state, command.stack)
    case 'promote': {
      const [stack = '', service = null] = command.scope.split('/')
      return changeStack(state, stack, (before) => promoted(before, service, command.to === 'step'))
    }
    case 'abort':
      return changeStack(state, command.stack, (before) => aborted(before, command.by, atMs))
    case 'restart':
      return {
        ...state,
        restarts: { ...state.restarts, [`${command.stack}/${command.service}`]: new Date(atMs).toISOString() },
      }
    case 'suspend':
      return {
        ...state,
        suspended: { ...state.suspended, [command.scope]: { atMs, by: command.by, reason: command.reason } },
      }
    case 'resume':
      return {
        ...state,
        suspended: without(state.suspended, command.scope),
        rival: command.scope === '*' ? null : state.rival,
      }
    case 'drain':
      return { ...state, drained: { ...state.drained, [command.server]: { atMs, by: command.by } } }
    case 'undrain':
      return { ...state, drained: without(state.drained, command.server) }
    case 'sync':
      return state
    default:
      return assertNever(command)
  }
}

function changeStack(state: State, name: string, change: (before: StackState) => StackState): State {
  // Names come from outside: `constructor` is no stack.
  const before = Object.hasOwn(state.stacks, name) ? state.stacks[name] : undefined
  return before === undefined ? state : { ...state, stacks: { ...state.stacks, [name]: change(before) } }
}

/** Forgets what was rejected, so that the newest revision is tried again. */
function retry(state: State, name: string): State {
  return changeStack(state, name, (before) => ({
    ...before,
    rejected: [],
    rollout: null,
    recovering: before.rollout !== null || before.recovering || before.rejected.length > 0,
    heals: {},
  }))
}

function without<T>(entries: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(entries).filter(([other]) => other !== key))
}
