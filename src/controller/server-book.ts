import type { Observation, Replica, ServerView } from '../model/index.js'
import type { Memory } from './memory.js'
import type { Inventory, Ports } from './ports.js'
import { findRival } from './rivals.js'

/** Keeps the books on servers: comings and goings, engines, what was last seen, replicas that somebody else made. */
export class ServerBook {
  readonly inventories: Map<string, Inventory>
  private readonly firstListed = new Map<string, number>()
  /** Servers of which it is written down. */
  private readonly lost = new Set<string>()
  private readonly ports: Ports
  private readonly memory: Memory
  private readonly rivalGraceMs: number

  constructor(ports: Ports, memory: Memory, inventories: readonly Inventory[], rivalGraceMs: number) {
    this.ports = ports
    this.memory = memory
    this.rivalGraceMs = rivalGraceMs
    this.inventories = new Map(inventories.map((inventory) => [inventory.server, inventory]))
  }

  /** Writes down what a changed view says. Answers whether the server has left the fleet and nothing of ours is on it any more. */
  note(view: ServerView, before: ServerView | undefined): 'retired' | 'kept' {
    return view.kind === 'unreachable' ? this.noteAway(view, before) : this.noteListed(view, before)
  }

  private noteAway(view: Extract<ServerView, { kind: 'unreachable' }>, before: ServerView | undefined): 'kept' {
    const { server, phase, problem } = view
    const was = before?.kind === 'unreachable' ? before.phase : null
    const fields = { server, phase, code: problem.code, problem: problem.message }
    if (was !== phase) this.ports.log({ atMs: this.now(), level: 'warn', message: 'server unreachable', fields })
    return 'kept'
  }

  /** Before anything is decided on it: a journal that could not be written when the server was lost may be again now. */
  noteLost(observation: Observation): void {
    for (const { server, ...view } of observation.values()) {
      if (view.kind !== 'unreachable' || view.phase !== 'lost') this.lost.delete(server)
      else if (!this.lost.has(server) && this.memory.record([{ kind: 'server-lost', atMs: this.now(), server }]))
        this.lost.add(server)
    }
  }

  private noteListed(
    view: Extract<ServerView, { kind: 'listed' }>,
    before: ServerView | undefined,
  ): 'retired' | 'kept' {
    const { server } = view
    if (!this.firstListed.has(server)) this.firstListed.set(server, this.now())
    if (before?.kind === 'unreachable') {
      this.ports.log({ atMs: this.now(), level: 'info', message: 'server back', fields: { server } })
      if (before.phase === 'lost') this.memory.record([{ kind: 'server-returned', atMs: this.now(), server }])
    }
    this.noteEngine(server, view.listing.facts.engineId)
    const replicas = view.listing.replicas.map(withoutDetail)
    this.noteInventory({ server, engineId: view.listing.facts.engineId, replicas })
    this.noteRival(view, before)
    return this.isRetired(server, replicas) ? 'retired' : 'kept'
  }

  /** Which containers are there matters to a controller that starts while the server is away; how they are does not. */
  private noteInventory(inventory: Inventory): void {
    const before = this.inventories.get(inventory.server)
    this.inventories.set(inventory.server, inventory)
    if (before !== undefined && sameContainers(before, inventory)) return
    this.memory.write(() => this.ports.journal.putInventory(inventory))
  }

  /** The host key says that it is the same host; its engine may have been installed anew, and then is empty. */
  private noteEngine(server: string, engineId: string): void {
    const pinned = this.memory.state.engines[server]
    if (pinned === engineId) return
    this.memory.record([{ kind: 'engine-pinned', atMs: this.now(), server, engineId }])
    const fields = { server, code: 'ENGINE_CHANGED', engine: engineId }
    if (pinned !== undefined) this.ports.log({ atMs: this.now(), level: 'warn', message: 'engine changed', fields })
  }

  private noteRival(view: Extract<ServerView, { kind: 'listed' }>, before: ServerView | undefined): void {
    if (this.memory.state.rival !== null) return
    const { controllerId } = this.ports.journal
    const firstListedAtMs = this.firstListed.get(view.server) ?? this.now()
    const rival = findRival(view, before, { controllerId, firstListedAtMs, graceMs: this.rivalGraceMs }, this.now())
    if (rival !== null) this.memory.record([{ kind: 'rival-seen', atMs: this.now(), server: view.server, ...rival }])
  }

  private isRetired(server: string, replicas: readonly Replica[]): boolean {
    return this.memory.state.retired[server] !== undefined && replicas.length === 0 && this.letGo(server)
  }

  /** Nothing of ours is on a server that left the fleet, or it is in the fleet under another name. */
  letGo(server: string): boolean {
    if (!this.memory.record([{ kind: 'server-retired', atMs: this.now(), server }])) return false
    this.memory.write(() => this.ports.journal.dropInventory(server))
    this.inventories.delete(server)
    return true
  }

  private now(): number {
    return this.ports.clock.nowMs()
  }
}

function sameContainers(a: Inventory, b: Inventory): boolean {
  return (
    a.engineId === b.engineId &&
    a.replicas.length === b.replicas.length &&
    a.replicas.every((replica, index) => replica.containerId === b.replicas[index]?.containerId)
  )
}

function withoutDetail(replica: Replica): Replica {
  if (replica.detail === undefined) return replica
  const { detail: _forgotten, ...rest } = replica
  return rest
}
