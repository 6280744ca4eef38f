import { planStack } from '../planner/index.js'
import type { StackEndpoints } from '../ingress/index.js'
import type { FleetUsage, SeenReplicas } from '../planner/index.js'
import { EMPTY_STACK_STATE, NOTHING, advance, isGoingBack, slotKey, standing, targetOf } from '../rollout/index.js'
import type { Advice, Facts, StackState, Target } from '../rollout/index.js'
import { INGRESS_SERVICE, INGRESS_STACK } from '../model/index.js'
import type { Fleet, Observation, Replica, StackPlan } from '../model/index.js'
import type { Asker } from './asker.js'
import type { CheckBook } from './check-book.js'
import type { Memory } from './memory.js'
import { endpointsOf } from './endpoints.js'
import { stoppedBy } from './performer.js'
import type { Performer } from './performer.js'
import type { Proxies } from './proxies.js'
import { REMOVED } from './state.js'

/** Everything but the stack that a decision leans on. */
export interface DecisionInput {
  readonly nowMs: number
  readonly awakeSinceMs: number
  readonly controllerId: string
  readonly fleet: Fleet
  readonly observation: Observation
  readonly usage: FleetUsage
  readonly memory: Memory
  readonly performer: Performer
  readonly asker: Asker
  readonly proxies: Proxies | null
  readonly checks: CheckBook
}

export interface Decision {
  readonly plan: StackPlan
  readonly target: Target
  readonly advice: Advice
  /** What it was decided on. A status of anything newer is not known yet. */
  readonly basis: DecisionBasis
}

/** Compared by identity: a fold that changes neither keeps both. */
export type DecisionBasis = Pick<StackState, 'desired' | 'rejected'>

/** Turning points in a row that one decision may pass (superseded, started, prepared, slots proven…). */
const TURNS_AT_ONCE = 10_000

/**
 * What one stack does now. Facts are journaled and folded here, turn by turn, until nothing turns any more; actions are returned. Null: there is
 * nothing to run and nothing to compare with.
 */
export function decideStack(input: DecisionInput, name: string, held: boolean): Decision | null {
  const decided = decide(input, name, held)
  if (decided === null) {
    input.proxies?.decided(name, [], new Set(), [])
    input.checks.decided(name, [])
    return null
  }
  const state = input.memory.state.stacks[name] ?? EMPTY_STACK_STATE
  tellProxies(input, name, state, decided)
  input.checks.decided(name, decided.advice.checks)
  return { ...decided, basis: state }
}

/** Replicas that are being stopped get nothing new either, until it is seen that they were. */
function tellProxies(
  input: DecisionInput,
  name: string,
  state: StackState,
  { target, advice }: Omit<Decision, 'basis'>,
): void {
  if (input.proxies === null) return
  const drained = advice.drains.map(({ containerId }) => containerId)
  const leaving = new Set([...drained, ...stoppedBy(advice.actions), ...input.performer.stopping(name)])
  const { shares } = advice
  const { proxies } = input
  proxies.decided(name, endpoints(input, proxies, name, state, target, { leaving, shares }), leaving, shares)
}

function endpoints(
  input: DecisionInput,
  proxies: Proxies,
  name: string,
  state: StackState,
  target: Target,
  { leaving, shares }: { readonly leaving: ReadonlySet<string>; readonly shares: Advice['shares'] },
): StackEndpoints {
  const proven = state.proven !== null ? input.memory.stack(state.proven.hash, name) : null
  const replicas = input.usage.replicas.get(name) ?? new Map<string, SeenReplicas>()
  const { names } = proxies
  const { specOf } = input.memory
  const { tracks } = input.asker
  return endpointsOf({ state, target: target.stack, proven, replicas, tracks, leaving, names, shares, specOf })
}

function rotationOf(input: DecisionInput, name: string, state: StackState, target: Target): Facts['rotation'] {
  const { proxies } = input
  if (proxies === null) return new Map()
  const replicas = [...(input.usage.replicas.get(name)?.values() ?? [])].flatMap(({ listed }) => listed)
  const running = replicas.filter((replica) => replica.state === 'running').map(({ containerId }) => containerId)
  const about = { leaving: proxies.leaving(name), shares: [] }
  return proxies.rotation(name, endpoints(input, proxies, name, state, target, about), running)
}

function decide(input: DecisionInput, name: string, held: boolean): Omit<Decision, 'basis'> | null {
  for (let turn = 0; turn < TURNS_AT_ONCE; turn += 1) {
    const facts = gather(input, name)
    if (facts === null) return null
    const untouched = { plan: facts.plan, target: facts.target, advice: { ...NOTHING, ...standing(facts) } }
    if (held) return untouched
    const advice = watchNew(input, facts)
    if (!input.memory.record(advice.facts)) return untouched
    if (!advice.again) return { plan: facts.plan, target: facts.target, advice }
  }
  throw new Error(`broken invariant: deciding on ${name} ends`)
}

/** A replica that is new to us gets its track before it is judged. */
function watchNew(input: DecisionInput, facts: Facts): Advice {
  const advice = advance(facts)
  for (const replica of advice.watched) {
    const isKnown = facts.state.provenReplicas[slotKey(replica.slot)] === replica.containerId
    input.asker.begin(replica, isProbed(facts, replica), isKnown)
  }
  return advice
}

export function isProbed(facts: Pick<Facts, 'target'>, replica: Replica): boolean {
  return (facts.target.stack.services.find((spec) => spec.name === replica.slot.service)?.probe ?? null) !== null
}

/** A fleet that gives up ingress: nobody binds what the proxies still listen on, until they are gone. */
export function proxiesLeave(name: string, { state }: Memory, { replicas }: FleetUsage): boolean {
  if (name === INGRESS_STACK || state.stacks[INGRESS_STACK]?.desired?.hash !== REMOVED) return false
  const proxies = replicas.get(INGRESS_STACK)?.get(INGRESS_SERVICE)?.listed ?? []
  return proxies.some(({ state: engine }) => engine === 'running')
}

export function stackTarget(
  memory: Memory,
  name: string,
): { readonly state: StackState; readonly target: Target | null } {
  const state = memory.state.stacks[name] ?? EMPTY_STACK_STATE
  const desired = state.desired !== null ? memory.stack(state.desired.hash, name) : null
  const proven = state.proven !== null ? memory.stack(state.proven.hash, name) : null
  const target = targetOf(state, desired, proven)
  if (target !== null && target.version.hash !== REMOVED) memory.keep(target.version.hash, target.stack)
  return { state, target }
}

function gather(input: DecisionInput, name: string): Facts | null {
  const { memory, performer, observation } = input
  const { state, target } = stackTarget(memory, name)
  if (target === null) return null
  return {
    nowMs: input.nowMs,
    nowIso: new Date(input.nowMs).toISOString(),
    awakeSinceMs: input.awakeSinceMs,
    suspended: suspendedServices(memory, name),
    fleet: input.fleet.name,
    controller: input.controllerId,
    state,
    target,
    proven: state.proven !== null ? memory.stack(state.proven.hash, name) : null,
    plan: planStack(planInput(input, state, target)),
    observation,
    tracks: input.asker.tracks,
    busySlots: performer.busySlots(name),
    preparing: performer.preparing(),
    prepared: performer.prepared,
    restarts: restartTokens(memory, name, state),
    runFailures: new Map(
      [...performer.runFailures]
        .filter(([key]) => key.startsWith(`${name}/`))
        .map(([key, failure]) => [key.slice(name.length + 1), failure]),
    ),
    evidence: input.asker.evidence,
    rotation: rotationOf(input, name, state, target),
    shares: input.proxies?.shares(name) ?? new Map(),
    checks: input.checks.seen(name),
  }
}

/** What `planStack` is asked with: the same for deciding and for showing. */
export function planInput(
  input: Pick<DecisionInput, 'fleet' | 'observation' | 'usage' | 'memory'>,
  state: StackState,
  target: Target,
): Parameters<typeof planStack>[0] {
  const { memory } = input
  return {
    fleet: input.fleet,
    stack: target.stack,
    proven: state.proven !== null ? memory.stack(state.proven.hash, target.stack.name) : null,
    observation: input.observation,
    isGoingBack: isGoingBack(state, target),
    usage: input.usage,
    specOf: memory.specOf,
    // Where replicas leave one by one, their server's proxy is the last to go.
    drained: new Set(isOwn(input.fleet, target) ? [] : Object.keys(memory.state.drained)),
    restarts: restartTokens(memory, target.stack.name, state),
    limitsInPlace: new Map(Object.entries(state.limits)),
    jobsDone: new Set(state.jobsDone),
    recentFailures: recentFailures(state),
  }
}

function isOwn({ ingress }: Fleet, { stack }: Target): boolean {
  return ingress !== undefined && stack.name === INGRESS_STACK
}

/** Failures of this stack's replicas that are remembered, by server. */
function recentFailures(state: StackState): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const failure of Object.values(state.failures)) counts.set(failure.server, (counts.get(failure.server) ?? 0) + 1)
  return counts
}

/** By `stack/service`: the later of what a person asked for and what an updated dependency asks for. */
function restartTokens(memory: Memory, stack: string, state: StackState): ReadonlyMap<string, string> {
  const tokens = new Map(Object.entries(memory.state.restarts))
  for (const [service, token] of Object.entries(state.restarts)) {
    const key = `${stack}/${service}`
    if ((tokens.get(key) ?? '') < token) tokens.set(key, token)
  }
  return tokens
}

function suspendedServices(memory: Memory, stack: string): ReadonlySet<string> {
  const scopes = Object.keys(memory.state.suspended).filter((scope) => scope.startsWith(`${stack}/`))
  return new Set(scopes.map((scope) => scope.slice(stack.length + 1)))
}
