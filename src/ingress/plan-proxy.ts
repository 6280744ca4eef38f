import { createHash } from 'node:crypto'
import { canonicalJson } from '../model/index.js'
import type { ProxySeen, ProxyTable, TargetSeen } from '../model/index.js'
import { liveCommands } from './commands.js'
import { isTarget, layOut, localBackend, seatKey, wholeBackend } from './layout.js'
import type { Layout, Listener } from './layout.js'
import type { ProxyState, SlotSeen } from './read-state.js'
import {
  AUTHORITY_FILE,
  CERTIFICATE_FILE,
  MESH_MAP_FILE,
  PEERS_FILE,
  frontendName,
  renderConfig,
  renderMeshMap,
  renderPeers,
} from './render.js'

export const CONFIG_FILE = 'haproxy.cfg'

export interface ProxyFile {
  readonly name: string
  readonly content: string
  /** Holds a private key. */
  readonly isSecret: boolean
}

/** How a proxy is brought to a table. */
export interface ProxyPlan {
  /** Of all files; a proxy that has them comes up right by itself. */
  readonly digest: string
  readonly files: readonly ProxyFile[]
  /** Of what only a reload can change. */
  readonly structure: string
  /** For one that runs with this structure; null: it must be reloaded. */
  readonly commands: readonly string[] | null
  readonly listeners: readonly Listener[]
  /** Those where it does not listen yet. */
  readonly newListeners: readonly Listener[]
}

/** `state` null: nobody knows what runs there. */
export function planProxy(table: ProxyTable, state: ProxyState | null): ProxyPlan {
  const layout = layOut(table, state)
  const beside = [
    ...(table.mesh === null
      ? []
      : [
          { name: AUTHORITY_FILE, content: table.mesh.authority, isSecret: false },
          { name: CERTIFICATE_FILE, content: table.mesh.certificate, isSecret: true },
        ]),
    { name: MESH_MAP_FILE, content: renderMeshMap(layout), isSecret: false },
    { name: PEERS_FILE, content: renderPeers(layout), isSecret: false },
  ]
  const listeners = listenersOf(layout)
  const structure = hash([renderConfig(emptied(layout), ''), beside.map(({ name, content }) => [name, content])])
  const files = [{ name: CONFIG_FILE, content: renderConfig(layout, structure), isSecret: false }, ...beside]
  return {
    digest: hash(files.map(({ name, content }) => [name, content])),
    files,
    structure,
    commands: state?.structure === structure ? liveCommands(layout, state) : null,
    listeners,
    newListeners: listeners.filter((listener) => state?.frontends.includes(frontendName(listener)) !== true),
  }
}

function listenersOf({ services, mesh }: Layout): readonly Listener[] {
  const own = services.flatMap(({ listen }) => listen)
  return mesh === null ? own : [...own, { address: '', port: mesh.port }]
}

/** What the runtime interface can change, taken away. */
function emptied(layout: Layout): Layout {
  const services = layout.services.map((service) => ({
    ...service,
    slots: service.slots.map(() => null),
    remotes: service.remotes.map(({ peer }) => ({ peer, weight: 0 })),
  }))
  return { ...layout, services }
}

function hash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 20)
}

/**
 * How the replicas of a table stand. `former` are processes that a reload left to finish what they had begun: their connections count, but who is
 * up is the word of the one that serves now.
 */
export function seenBy(table: ProxyTable, now: ProxyState, former: readonly ProxyState[]): ProxySeen {
  const layout = layOut(table, now)
  const services = new Map(layout.services.map((service) => [service.key, service]))
  const targets = table.services.flatMap(({ key, local }) => {
    const service = services.get(key)
    if (service === undefined) return []
    const [own, whole] = [localBackend(service), wholeBackend(service)]
    const backends = service.listen.length === 0 ? [own] : [own, whole]
    return local.map(({ containerId, ...target }): TargetSeen => {
      const address = isTarget(target) ? seatKey(target) : ''
      const seen = backends.map((backend) => slotAt(now, backend, address))
      const sessions = [now, ...former].flatMap((state) => [own, whole].map((name) => slotAt(state, name, address)))
      return { key, containerId, state: stateOf(seen), sessions: sum(sessions.map((slot) => slot?.sessions ?? 0)) }
    })
  })
  return { targets }
}

function slotAt(state: ProxyState, backend: string, address: string): SlotSeen | undefined {
  if (address === '') return undefined
  const slots = [...(state.servers.get(backend)?.values() ?? [])].filter((slot) => slot.address === address)
  return slots.find((slot) => !slot.isFree) ?? slots[0]
}

/** Up where every backend has it up; what drains in one is not given more by the other. */
function stateOf(seen: readonly (SlotSeen | undefined)[]): TargetSeen['state'] {
  if (seen.some((slot) => slot?.isUp !== true)) return 'down'
  return seen.some((slot) => slot?.weight === 0) ? 'drain' : 'up'
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
