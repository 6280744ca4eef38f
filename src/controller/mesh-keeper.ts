import { ok } from '../model/index.js'
import type { MeshIdentity, Problem, ProxyPeer } from '../model/index.js'
import type { Clock, MeshAuthority } from './ports.js'
import { peersOf } from './proxy-place.js'
import type { BalancedFleet } from './proxy-place.js'

/** Certificates are looked at this often. */
const RENEW_MS = 3_600_000
const RETRY_MS = 30_000

export interface MeshKeeperParts {
  readonly mesh: MeshAuthority
  readonly clock: Clock
  /** Tables can be made, or are to be made anew. */
  readonly renewed: () => void
  readonly failed: (server: string, problem: Problem) => void
}

/** Whom the proxies of a fleet reach, and by which certificates. */
export class MeshKeeper {
  private readonly parts: MeshKeeperParts
  private fleet: BalancedFleet | null = null
  /** All that others can reach; and, by server, those but itself. */
  private meshed: readonly ProxyPeer[] = []
  private readonly peers = new Map<string, readonly ProxyPeer[]>()
  private cancel: () => void = () => undefined
  problem: Problem | null = null

  constructor(parts: MeshKeeperParts) {
    this.parts = parts
  }

  use(fleet: BalancedFleet | null): void {
    this.fleet = fleet
    const meshed = fleet === null ? [] : peersOf(fleet)
    // What a commit leaves as it was stays the same object, or each proxy would be told anew for nothing.
    if (JSON.stringify(meshed) !== JSON.stringify(this.meshed)) this.peers.clear()
    this.meshed = meshed
    this.cancel()
    if (fleet === null) this.problem = null
    else void this.renew(fleet)
  }

  close(): void {
    this.fleet = null
    this.cancel()
  }

  peersFor(server: string): readonly ProxyPeer[] {
    const known = this.peers.get(server) ?? this.meshed.filter((peer) => peer.server !== server)
    this.peers.set(server, known)
    return known
  }

  /** Null: alone in its fleet. Undefined: it has none yet, and is told nothing before. */
  identityOf(server: string, { servers, ingress }: BalancedFleet): MeshIdentity | null | undefined {
    if (servers.length < 2) return null
    const identity = this.parts.mesh.identity(server)
    return identity === null ? undefined : { ...identity, port: ingress.meshPort }
  }

  /** Certificates first: whoever has none is told nothing. */
  private async renew(fleet: BalancedFleet): Promise<void> {
    const { mesh, clock } = this.parts
    const names = fleet.servers.map(({ name }) => name)
    const result = names.length > 1 ? await mesh.renew(fleet.name, names) : ok(false)
    if (this.fleet !== fleet) return
    this.problem = result.ok ? null : result.problem
    if (!result.ok) this.parts.failed('', result.problem)
    this.parts.renewed()
    this.cancel()
    this.cancel = clock.after(result.ok ? RENEW_MS : RETRY_MS, () => void this.renew(fleet))
  }
}
