import { ok } from '../model/index.js'
import type { EngineFacts, NetworkSeen, Replica, Result, SwarmFacts } from '../model/index.js'
import type { SwarmCondition } from '../controller/index.js'
import { at, readJson, textAt } from './engine.js'
import type { Engine } from './engine.js'

/** What was last heard of an engine's Swarm. */
export interface SwarmSight {
  readonly atMs: number
  readonly engineId: string
  readonly networks: readonly NetworkSeen[]
  readonly facts: EngineFacts
}

/** No event tells that a worker became a manager, or the other way round. */
const FRESH_MS = 30_000

/** The engine's facts with its Swarm. Asked only where there is a network of one, which every node has. */
export async function factsNow(
  engine: Engine,
  last: SwarmSight | null,
  networks: readonly NetworkSeen[],
  signal: AbortSignal,
): Promise<Result<SwarmSight | null>> {
  if (!networks.some(({ isShared }) => isShared === true)) return ok(null)
  const nowMs = engine.clock.nowMs()
  const { engineId } = engine.facts
  if (last?.networks === networks && last.engineId === engineId && nowMs - last.atMs < FRESH_MS) return ok(last)
  const info = await readJson(engine, { method: 'GET', path: '/info', lane: 'read' }, 'describe its Swarm', signal)
  if (!info.ok) return info
  const swarm = readSwarm(info.value)
  const isSame = last?.engineId === engineId && JSON.stringify(last.facts.swarm ?? null) === JSON.stringify(swarm)
  const facts = isSame ? last.facts : { ...engine.facts, ...(swarm === null ? {} : { swarm }) }
  return ok({ atMs: nowMs, engineId, networks, facts })
}

/** Null: it is in none. What is not `active` has no part in it: it is cut off, locked, or was thrown out. */
function readSwarm(info: unknown): SwarmFacts | null {
  const swarm = at(info, 'Swarm')
  if (textAt(swarm, 'LocalNodeState') !== 'active') return null
  const managers = managersIn(info).map(({ node }) => node)
  return {
    node: textAt(swarm, 'NodeID'),
    isManager: at(swarm, 'ControlAvailable') === true,
    managers: managers.filter((id) => id !== '').sort(),
  }
}

/** The managers that an engine knows, by `GET /info`. */
export function managersIn(info: unknown): SwarmCondition['managers'] {
  const known = at(info, 'Swarm', 'RemoteManagers')
  const all = Array.isArray(known) ? (known as readonly unknown[]) : []
  return all.map((one) => ({ node: textAt(one, 'NodeID'), address: textAt(one, 'Addr') }))
}

/** Networks that are the same on all servers of the Swarm. */
export function sharedIn(sight: Pick<SwarmSight, 'networks'> | null): ReadonlySet<string> {
  return new Set((sight?.networks ?? []).flatMap(({ name, isShared }) => (isShared === true ? [name] : [])))
}

/** Without addresses on networks of a Swarm: a host has no way into those, only its containers have. */
export function reachable(replicas: readonly Replica[], networks: readonly NetworkSeen[]): readonly Replica[] {
  const shared = sharedIn({ networks })
  if (shared.size === 0) return replicas
  return replicas.map((replica) => {
    const own = Object.entries(replica.addresses)
    const kept = own.filter(([network]) => !shared.has(network))
    return kept.length === own.length ? replica : { ...replica, addresses: Object.fromEntries(kept) }
  })
}
