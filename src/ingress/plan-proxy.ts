import { hashOf } from '../model/index.js'
import type { ProxySeen, ProxyTable, ProxyTarget, TargetSeen } from '../model/index.js'
import { frontendName } from './bind.js'
import { liveCommands } from './commands.js'
import { TIMES_FILE, figuresTable, timesMap } from './figures.js'
import { frontCommands } from './front-commands.js'
import { frontFiles } from './front-files.js'
import { layOutFront } from './front-layout.js'
import type { FrontLayout } from './front-layout.js'
import { isTarget, layOut, localBackend, routeBackend, seatKey, wholeBackend, wholeBackends } from './layout.js'
import type { Layout, Listener, ServiceLayout } from './layout.js'
import type { ProxyState, SlotSeen } from './read-state.js'
import { nameFiles } from './render-names.js'
import {
  AUTHORITY_FILE,
  CERTIFICATE_FILE,
  MESH_MAP_FILE,
  PEERS_FILE,
  frameLines,
  renderConfig,
  renderMeshMap,
  renderPeers,
  renderService,
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
  /** Those of names where it does not listen yet. */
  readonly newNames: readonly Listener[]
}

/** `state` null: nobody knows what runs there. */
export function planProxy(table: ProxyTable, state: ProxyState | null): ProxyPlan {
  const layout = layOut(table, state)
  const front = layOutFront(table, layout)
  const beside = [
    ...(table.mesh === null
      ? []
      : [
          { name: AUTHORITY_FILE, content: table.mesh.authority, isSecret: false },
          { name: CERTIFICATE_FILE, content: table.mesh.certificate, isSecret: true },
        ]),
    { name: MESH_MAP_FILE, content: renderMeshMap(layout), isSecret: false },
    { name: PEERS_FILE, content: renderPeers(layout), isSecret: false },
    ...nameFiles(layout).map((file) => ({ ...file, isSecret: false })),
    ...(figuresTable(layout.services).length === 0 ? [] : [{ name: TIMES_FILE, content: timesMap(), isSecret: false }]),
  ]
  const listeners = listenersOf(layout, front)
  const services = layout.services.map(renderService)
  const structure = hashOf([
    frameLines(layout, front, ''),
    services.map((service) => service.structure),
    beside.map(({ name, content }) => [name, content]),
  ])
  // It says how the passwords of those who may ask are hashed.
  const isSecret = layout.services.some(({ manners }) => manners.some(({ users }) => users.length > 0))
  const config = { name: CONFIG_FILE, content: renderConfig(layout, front, structure), isSecret }
  const live = frontFiles(front)
  const known = new Set(state?.frontends)
  const isNew = (listener: Listener): boolean => !known.has(frontendName(listener))
  return {
    // Whatever else is in the files is in the structure.
    digest: hashOf([structure, services.map(({ digest }) => digest), live.map(({ name, content }) => [name, content])]),
    files: [config, ...beside, ...live],
    structure,
    commands: state?.structure === structure ? allCommands(layout, front, state) : null,
    listeners,
    newListeners: listeners.filter(isNew),
    newNames: layout.services.flatMap(({ name }) => (name !== null && isNew(name) ? [name] : [])),
  }
}

/** Replicas that come before clients are sent to them; what goes, after. */
function allCommands(layout: Layout, front: FrontLayout | null, state: ProxyState): readonly string[] | null {
  const told = frontCommands(front, state.front)
  return told === null ? null : [...liveCommands(layout, state), ...told]
}

function listenersOf({ services, mesh }: Layout, front: FrontLayout | null): readonly Listener[] {
  const routed = [front?.http, front?.https].filter((listener) => listener !== null && listener !== undefined)
  const own = [...routed, ...services.flatMap(({ listen }) => listen)]
  return mesh === null ? own : [...own, { address: '', port: mesh.port }]
}

/** Maps and certificates that a proxy was told of and has not taken, one of them in words. Null: none. */
export function notTaken(table: ProxyTable, now: ProxyState): string | null {
  const left = frontCommands(layOutFront(table, layOut(table, now)), now.front) ?? []
  return left[0]?.split('\n')[0] ?? null
}

/**
 * How the replicas of a table stand. `former` are processes that a reload left to finish what they had begun: their connections count, those too that
 * wait for nothing and could ask once more where nobody else would answer. Who is up is the word of the one that serves now.
 */
export function seenBy(table: ProxyTable, now: ProxyState, former: readonly ProxyState[]): ProxySeen {
  const layout = layOut(table, now)
  const services = new Map(layout.services.map((service) => [service.key, service]))
  const targets = table.services.flatMap(({ key, local }) => {
    const service = local.length === 0 ? undefined : services.get(key)
    if (service === undefined) return []
    const backends = [localBackend(service), ...wholeBackends(service)]
    const open = [now, ...former].map((state) => ({ state, names: backendsIn(state, service) }))
    const ready = local.filter((target) => target.state === 'ready').map(addressOf)
    // HAProxy takes no word on servers for a process that ends: it goes on with those it knew.
    const outdated = former.filter((state) => !ready.some((address) => sendsTo(state, service, address)))
    return local.map((target): TargetSeen => {
      const address = addressOf(target)
      const seen = backends.map((backend) => slotAt(now, backend, address))
      const sessions = open.flatMap(({ state, names }) =>
        names.map((name) => slotAt(state, name, address)?.sessions ?? 0),
      )
      const asking = target.state === 'drain' ? outdated.filter((state) => sendsTo(state, service, address)) : []
      const idle = asking.map((state) => state.idle)
      const isHeld = target.state === 'ready' && target.weight === 0
      const state = stateOf(seen, isHeld)
      return { key, containerId: target.containerId, state, sessions: sum([...sessions, ...idle]) }
    })
  })
  return { targets }
}

/** Empty: it has none that could be reached. */
function addressOf(target: ProxyTarget): string {
  return isTarget(target) ? seatKey(target) : ''
}

function sendsTo(state: ProxyState, service: ServiceLayout, address: string): boolean {
  const slot = slotAt(state, localBackend(service), address)
  return slot !== undefined && !slot.isFree && slot.weight > 0
}

/** Also those that a former process had. */
function backendsIn(state: ProxyState, service: ServiceLayout): readonly string[] {
  const routed = routedIn(state).get(routeBackend(service, { suffix: '' })) ?? []
  return [localBackend(service), wholeBackend(service), ...routed].filter((name) => state.servers.has(name))
}

const routedBackends = new WeakMap<ProxyState, ReadonlyMap<string, readonly string[]>>()

/** Backends of routes, by their names without the manner. */
function routedIn(state: ProxyState): ReadonlyMap<string, readonly string[]> {
  const known = routedBackends.get(state)
  if (known !== undefined) return known
  const routed = new Map<string, string[]>()
  for (const name of state.servers.keys()) {
    if (!name.startsWith('to_')) continue
    const [service = ''] = name.slice('to_'.length).split('_')
    const own = routed.get(`to_${service}`) ?? []
    own.push(name)
    routed.set(`to_${service}`, own)
  }
  routedBackends.set(state, routed)
  return routed
}

function slotAt(state: ProxyState, backend: string, address: string): SlotSeen | undefined {
  if (address === '') return undefined
  const slots = [...(state.servers.get(backend)?.values() ?? [])].filter((slot) => slot.address === address)
  return slots.find((slot) => !slot.isFree) ?? slots[0]
}

/** Up where every backend has it up; what drains in one is not given more by the other. Who is held is to have nothing, and does not drain. */
function stateOf(seen: readonly (SlotSeen | undefined)[], isHeld: boolean): TargetSeen['state'] {
  if (seen.some((slot) => slot?.isUp !== true)) return 'down'
  return !isHeld && seen.some((slot) => slot?.weight === 0) ? 'drain' : 'up'
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
