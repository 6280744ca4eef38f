import { specHash } from '../model/index.js'
import type { Replica, Revision, Stack } from '../model/index.js'
import type { FleetUsage } from '../planner/index.js'
import { slotKey } from '../rollout/index.js'
import type { RolloutFact } from '../rollout/index.js'
import type { Follower } from './follower.js'
import type { Memory } from './memory.js'
import type { Ports } from './ports.js'
import { REMOVED } from './state.js'

/** Revisions tried for one stack. */
const CANDIDATES = 5

/**
 * After the journal was lost: what runs and is not what Git's newest wants was proven by the controller before. Its commit is on the containers, so it
 * is read from Git again and becomes what a failure goes back to. Without it the first rollout would have nothing to fall back on.
 */
export class ProvenRecovery {
  private readonly done = new Set<string>()
  private readonly running = new Set<string>()
  private readonly ports: Ports
  private readonly memory: Memory
  private readonly follower: Follower
  private readonly recovered: (stack: string) => void

  private readonly signal: AbortSignal

  constructor(
    ports: Ports,
    memory: Memory,
    follower: Follower,
    signal: AbortSignal,
    recovered: (stack: string) => void,
  ) {
    this.signal = signal
    this.ports = ports
    this.memory = memory
    this.follower = follower
    this.recovered = recovered
  }

  get isReading(): boolean {
    return this.running.size > 0
  }

  /** True while decisions about the stack must wait for what Git says of its past. Starts reading when that is needed. */
  isNeeded(name: string, usage: FleetUsage): boolean {
    if (this.running.has(name)) return true
    const state = this.memory.state.stacks[name]
    if (
      this.done.has(name) ||
      state === undefined ||
      state.proven !== null ||
      state.rollout !== null ||
      state.desired === null
    )
      return false
    const desired = state.desired.hash === REMOVED ? null : this.memory.stack(state.desired.hash, name)
    const wanted = new Set((desired?.services ?? []).map(specHash))
    const services = [...(usage.replicas.get(name)?.values() ?? [])]
    const replicas = services.flatMap(({ listed, held }) => [...listed, ...held.map(({ replica }) => replica)])
    if (!replicas.some((replica) => !wanted.has(replica.specHash))) return false
    this.running.add(name)
    void this.recover(name, replicas, this.signal).finally(() => {
      this.running.delete(name)
      this.done.add(name)
      this.recovered(name)
    })
    return true
  }

  private async recover(name: string, replicas: readonly Replica[], signal: AbortSignal): Promise<void> {
    for (const sha of byFrequency(replicas).slice(0, CANDIDATES)) {
      const revision = await this.ports.source.revision(sha, signal)
      if (!revision.ok) continue
      const desired = await this.follower.read(revision.value)
      const entry = desired.ok ? desired.value.stacks.find((candidate) => candidate.name === name) : undefined
      if (entry?.kind !== 'valid' || !describes(entry.stack, replicas, sha)) continue
      if (!this.memory.keep(entry.hash, entry.stack)) return
      this.memory.record([adoption(name, entry.hash, revision.value, entry.stack, replicas, this.ports.clock.nowMs())])
      return
    }
  }
}

/** Commits on the containers, the most frequent on healthy ones first. */
function byFrequency(replicas: readonly Replica[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const replica of replicas)
    counts.set(
      replica.revision,
      (counts.get(replica.revision) ?? 0) + (replica.health === 'unhealthy' || replica.state !== 'running' ? 0.01 : 1),
    )
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([sha]) => sha)
}

/** A loader of another release may read the same commit differently; then it is no description of what runs. */
function describes(stack: Stack, replicas: readonly Replica[], sha: string): boolean {
  const hashes = new Set(stack.services.map(specHash))
  return replicas.filter((replica) => replica.revision === sha).every((replica) => hashes.has(replica.specHash))
}

function adoption(
  name: string,
  hash: string,
  revision: Revision,
  stack: Stack,
  replicas: readonly Replica[],
  atMs: number,
): RolloutFact {
  const hashes = new Map(stack.services.map((spec) => [spec.name, specHash(spec)]))
  const matching = replicas.filter((replica) => hashes.get(replica.slot.service) === replica.specHash)
  return {
    kind: 'stack-adopted',
    atMs,
    stack: name,
    revision,
    hash,
    pins: matching.map((replica) => ({
      service: replica.slot.service,
      specHash: replica.specHash,
      image: stack.services.find((spec) => spec.name === replica.slot.service)?.image ?? '',
      pin: { digest: replica.image.includes('@sha256:') ? replica.image : null, id: replica.imageId },
      server: replica.server,
    })),
    specs: stack.services.map((spec) => ({
      service: spec.name,
      specHash: specHash(spec),
      revision: {
        ...revision,
        sha: matching.find((replica) => replica.slot.service === spec.name)?.revision ?? revision.sha,
      },
    })),
    replicas: Object.fromEntries(
      matching
        .filter((replica) => replica.state === 'running' && replica.health !== 'unhealthy')
        .map((replica) => [slotKey(replica.slot), replica.containerId]),
    ),
  }
}
