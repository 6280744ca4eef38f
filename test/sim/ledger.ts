import type { Fact } from '../../src/controller/index.js'
import type { ServiceSpec } from '../../src/model/index.js'

/** What the journal's facts say of one stack, kept apart from the code under test. */
export interface StackLedger {
  desired: string | null
  proven: string | null
  rollout: { readonly hash: string; readonly direction: 'forward' | 'back'; readonly atMs: number } | null
  phase: Phase
  /** By service: the spec that comes by a strategy, until its old replicas may leave. */
  readonly stages: Map<string, string>
  /** What failed, until Git or a person takes that back. */
  rejections: readonly Rejected[]
  /** Hashes wanted lately, the newest first. */
  recent: readonly string[]
  /** Forward rollouts begun for the stack that is wanted now, and how many there may be. */
  begun: number
  allowed: number
}

export interface Rejected {
  readonly service: string
  readonly serviceHash: string
  readonly scope: 'stack' | 'service'
}

export type Phase = 'none' | 'idle' | 'preparing' | 'updating' | 'rolling back' | 'paused' | 'stopped'

/** The journal's history as an outsider reads it: what was accepted, what is proven, what failed. */
export class Ledger {
  accepted: string | null = null
  /** Revisions with the gate that a person let each through. */
  readonly approved = new Set<string>()
  readonly stacks = new Map<string, StackLedger>()
  readonly suspended = new Set<string>()
  readonly drained = new Set<string>()
  readonly restarts = new Map<string, number>()
  readonly lost = new Set<string>()
  /** `stack/service:specHash` that completed a rollout. */
  readonly provenSpecs = new Set<string>()
  hasRival = false

  stack(name: string): StackLedger {
    const known = this.stacks.get(name)
    if (known !== undefined) return known
    const fresh: StackLedger = {
      desired: null,
      proven: null,
      rollout: null,
      phase: 'none',
      stages: new Map(),
      rejections: [],
      recent: [],
      begun: 0,
      allowed: 1,
    }
    this.stacks.set(name, fresh)
    return fresh
  }

  isProvenSpec(stack: string, service: string, specHash: string): boolean {
    return this.provenSpecs.has(`${stack}/${service}:${specHash}`)
  }

  /** Slots of a service that may be in flight, by any revision that was wanted lately. */
  mostInFlight(stack: string, serviceIn: (hash: string) => ServiceSpec | null): number {
    const { desired, proven, recent } = this.stack(stack)
    const specs = [desired, proven, ...recent].map((hash) => (hash === null ? null : serviceIn(hash)))
    const most = ({ update, rollout }: ServiceSpec): number =>
      rollout.strategy === undefined ? update.parallelism || Infinity : Infinity
    return Math.max(1, ...specs.map((spec) => (spec === null ? 0 : most(spec))))
  }

  copy(): Ledger {
    const copy = new Ledger()
    copy.accepted = this.accepted
    copy.hasRival = this.hasRival
    for (const sha of this.approved) copy.approved.add(sha)
    for (const [name, stack] of this.stacks) copy.stacks.set(name, { ...stack, stages: new Map(stack.stages) })
    for (const scope of this.suspended) copy.suspended.add(scope)
    for (const server of this.drained) copy.drained.add(server)
    for (const server of this.lost) copy.lost.add(server)
    for (const key of this.provenSpecs) copy.provenSpecs.add(key)
    for (const [key, atMs] of this.restarts) copy.restarts.set(key, atMs)
    return copy
  }

  /** The most eventful phase of any stack: where a fault struck. */
  phase(): Phase {
    const order: readonly Phase[] = ['rolling back', 'updating', 'preparing', 'paused', 'stopped', 'idle']
    const phases = new Set([...this.stacks.values()].map((stack) => stack.phase))
    return order.find((phase) => phases.has(phase)) ?? 'none'
  }

  note(fact: Fact): void {
    switch (fact.kind) {
      case 'revision-accepted':
        return this.accept(fact)
      case 'commanded':
        return this.obey(fact)
      case 'rival-seen':
        this.hasRival = true
        return
      case 'server-lost':
        this.lost.add(fact.server)
        return
      case 'server-returned':
        this.lost.delete(fact.server)
        return
      case 'stack-orphaned':
        this.stack(fact.stack).desired = 'removed'
        return
      case 'rollout-started': {
        const stack = this.stack(fact.stack)
        stack.stages.clear()
        stack.rollout = { hash: fact.hash, direction: fact.direction, atMs: fact.atMs }
        stack.phase = fact.direction === 'back' ? 'rolling back' : 'preparing'
        if (fact.direction === 'forward' && fact.hash === stack.desired) stack.begun += 1
        return
      }
      case 'step-begun': {
        const { stages } = this.stack(fact.stack)
        if (fact.step < fact.steps) stages.set(fact.service, fact.specHash)
        else stages.delete(fact.service)
        return
      }
      case 'rollout-prepared': {
        const stack = this.stack(fact.stack)
        if (stack.phase === 'preparing') stack.phase = 'updating'
        return
      }
      case 'rollout-superseded':
        return this.superseded(this.stack(fact.stack))
      case 'rollout-completed':
      case 'stack-adopted':
        for (const { service, specHash } of fact.specs) this.provenSpecs.add(`${fact.stack}/${service}:${specHash}`)
        return this.completed(this.stack(fact.stack), fact.hash)
      case 'rollout-failed':
        return this.failed(fact)
      case 'stack-removed':
        this.stacks.delete(fact.stack)
        return
      default:
    }
  }

  private accept(fact: Extract<Fact, { kind: 'revision-accepted' }>): void {
    this.accepted = fact.revision.sha
    for (const name of new Set([...this.stacks.keys(), ...Object.keys(fact.stacks)])) {
      const stack = this.stack(name)
      const next = fact.stacks[name] ?? 'removed'
      if (stack.desired === next) continue
      stack.recent = [...(stack.desired === null ? [] : [stack.desired]), ...stack.recent].slice(0, 4)
      stack.desired = next
      stack.begun = 0
      stack.allowed = 1
      if (stack.phase === 'none') stack.phase = 'idle'
    }
  }

  private obey({ command, atMs }: Extract<Fact, { kind: 'commanded' }>): void {
    if (command.kind === 'approve') this.approved.add(`${command.sha} ${command.gate}`)
    if (command.kind === 'suspend') this.suspended.add(command.scope)
    if (command.kind === 'resume') {
      this.suspended.delete(command.scope)
      if (command.scope === '*') this.hasRival = false
    }
    if (command.kind === 'drain') this.drained.add(command.server)
    if (command.kind === 'undrain') this.drained.delete(command.server)
    if (command.kind === 'restart') this.restarts.set(`${command.stack}/${command.service}`, atMs)
    if (command.kind !== 'retry') return
    const stack = this.stack(command.stack)
    stack.rejections = []
    stack.rollout = null
    stack.allowed = stack.begun + 1
  }

  /** A roll-back that a commit overtakes, or that is overtaken by a removal, leaves the way forward open once more. */
  private superseded(stack: StackLedger): void {
    if (stack.rollout?.hash === stack.desired) stack.allowed += 1
    stack.rollout = null
    stack.phase = 'idle'
  }

  private completed(stack: StackLedger, hash: string): void {
    stack.proven = hash
    stack.rollout = null
    stack.phase = 'idle'
    // What is drained, lost or moved later is brought to the same stack by rollouts of its own.
    if (hash === stack.desired) {
      stack.rejections = []
      stack.begun = 0
    }
  }

  private failed(fact: Extract<Fact, { kind: 'rollout-failed' }>): void {
    const stack = this.stack(fact.stack)
    const direction = stack.rollout?.direction ?? 'forward'
    if (fact.then === 'rollback' || (fact.then === 'stop' && direction === 'forward'))
      stack.rejections = [...stack.rejections, fact]
    stack.phase = fact.then === 'pause' ? 'paused' : fact.then === 'stop' ? 'stopped' : 'idle'
    if (fact.then === 'rollback') stack.rollout = null
  }
}
