import { specHash } from '../model/index.js'
import type { CanaryStep, Change, Replica, ServiceSpec, Strategy } from '../model/index.js'
import type { Facts } from './advice.js'
import { byService, isProven, isProvenSpec, isServerLost, servingReplica } from './progress.js'
import { slotKey } from './state.js'
import type { StageState } from './state.js'

/** Where a service stands on the way that its strategy takes. */
export interface Stage {
  readonly spec: ServiceSpec
  readonly strategy: Strategy
  readonly specHash: string
  readonly steps: readonly CanaryStep[]
  /** Null: nothing has begun. */
  readonly state: StageState | null
  /** Keys of slots that have a new replica beside the old one, or may get it now. */
  readonly slots: ReadonlySet<string>
  /** All that the step needs are proven, serve, and are in the proxies. */
  readonly isStanding: boolean
  /** One of them is where nobody can look just now: unknown is not ill, and no judgement either. */
  readonly isSeen: boolean
  /** What the new replicas get now, in percent. */
  readonly percent: number
  /** The old ones leave. */
  readonly isOver: boolean
}

/** What comes after the last step that the manifest says is everything, to all. */
const EVERYTHING: CanaryStep = Object.freeze({ percent: 100, holdMs: 0 })
const BESIDE: CanaryStep = Object.freeze({ percent: 0, holdMs: 0 })

export function stepsOf(strategy: Strategy): readonly CanaryStep[] {
  switch (strategy.kind) {
    case 'canary':
      return strategy.steps.at(-1)?.percent === 100 ? strategy.steps : [...strategy.steps, EVERYTHING]
    case 'blue-green':
      return [BESIDE, { percent: 100, holdMs: strategy.keepMs }]
  }
}

/**
 * The stages of a stack, for services that come to a spec that nobody has proven yet while old replicas serve. All else goes the rolling way: a first
 * deployment, a revert, what is new, restarts.
 */
export function stagesOf(facts: Facts): readonly Stage[] {
  const { services } = facts.target.stack
  if (facts.state.rollout === null || services.every(({ rollout }) => rollout.strategy === undefined)) return []
  const changes = byService(facts.plan.changes)
  return services.flatMap((spec) => stageOf(facts, spec, changes.get(spec.name) ?? []) ?? [])
}

export function stageOf(facts: Facts, spec: ServiceSpec, changes: readonly Change[]): Stage | null {
  const { rollout } = facts.state
  const { strategy } = spec.rollout
  if (rollout === null || strategy === undefined || !bringsNewSpec(facts, spec)) return null
  const hash = specHash(spec)
  const known = rollout.stages?.[spec.name]
  const state = known?.specHash === hash ? known : null
  const own = changes.filter((change) => change.kind !== 'remove' && !isLost(facts, change))
  if (state === null && !own.some(isOutdated)) return null
  if (own.some((change) => change.kind === 'replace' && change.order === 'stop-first')) return null
  const steps = stepsOf(strategy)
  const step = state?.step ?? -1
  const isOver = step >= steps.length
  const needed = slotsNeeded(strategy, steps[step], own.length)
  const fresh = own.filter((change) => isFresh(facts, change))
  const well = fresh.filter((change) => isStanding(facts, change))
  const stands = state !== null && fresh.length >= needed && well.length === fresh.length
  return {
    spec,
    strategy,
    specHash: hash,
    steps,
    state,
    slots: state === null ? new Set() : chosenSlots(facts, own, needed),
    isStanding: stands,
    isSeen: fresh.every((change) => change.kind !== 'blocked'),
    percent: isOver
      ? 100
      : stands
        ? (steps[step]?.percent ?? 0)
        : well.length > 0
          ? (steps[step - 1]?.percent ?? 0)
          : 0,
    isOver,
  }
}

function bringsNewSpec(facts: Facts, spec: ServiceSpec): boolean {
  const before = facts.proven?.services.find(({ name }) => name === spec.name)
  return before !== undefined && specHash(before) !== specHash(spec) && !isProvenSpec(facts, spec)
}

function isLost(facts: Facts, change: Change): boolean {
  return change.kind === 'blocked' && isServerLost(facts, change)
}

function isOutdated(change: Change): boolean {
  return change.kind === 'replace' && change.from.specHash !== specHash(change.spec)
}

/** A canary has as many as its share, one at least; at the end, and beside blue, each slot has a new one. */
function slotsNeeded({ kind }: Strategy, step: CanaryStep | undefined, all: number): number {
  if (kind === 'blue-green' || step === undefined || step.percent === 100) return all
  return Math.min(all, Math.max(1, Math.ceil((step.percent * all) / 100)))
}

/** The new replica of a slot, where it can be seen. */
export function freshReplica(change: Change): Replica | null {
  switch (change.kind) {
    case 'replace':
      return change.successor
    case 'unchanged':
    case 'update-in-place':
    case 'restart':
      return change.replica
    case 'create':
    case 'remove':
    case 'blocked':
      return null
  }
}

/** It has a new replica, or had a proven one where nobody can look now. */
function isFresh(facts: Facts, change: Change): boolean {
  return freshReplica(change) !== null || (change.kind === 'blocked' && wasProvenHere(facts, change))
}

function wasProvenHere(facts: Facts, { slot }: Change): boolean {
  return facts.state.rollout?.proven[slotKey(slot)] !== undefined
}

function isStanding(facts: Facts, change: Change): boolean {
  const fresh = freshReplica(change)
  if (fresh === null) return isFresh(facts, change)
  const isServing = servingReplica(facts, change)?.containerId === fresh.containerId
  return isProven(facts, change.slot, fresh) && isServing && facts.rotation.get(fresh.containerId)?.phase !== 'entering'
}

/** Those that have begun, then others in the order of the plan; slots that nobody serves in yet come last. */
function chosenSlots(facts: Facts, own: readonly Change[], needed: number): ReadonlySet<string> {
  const isBegun = (change: Change): boolean =>
    isFresh(facts, change) || wasProvenHere(facts, change) || facts.busySlots.has(slotKey(change.slot))
  const begun = own.filter(isBegun)
  const open = own.filter((change) => !isBegun(change))
  const next = [
    ...open.filter(({ kind }) => kind === 'replace'),
    ...open.filter(({ kind }) => kind === 'create'),
  ].slice(0, Math.max(0, needed - begun.length))
  return new Set([...begun, ...next].map(({ slot }) => slot.key))
}
