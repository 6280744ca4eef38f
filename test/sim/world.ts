import { Certificates } from '../../src/controller/index.js'
import type { Command, Fact, HeldCertificate, MeshAuthority } from '../../src/controller/index.js'
import { formatAction, formatSlot, ok } from '../../src/model/index.js'
import type { Action, ActionResult, ProxySeen, ProxyTable, Result } from '../../src/model/index.js'
import type { Actor, Box, BoxEvent } from './box.js'
import { SimChecks } from './checks.js'
import { SimClock } from './clock.js'
import { MemoryDisk } from './disk.js'
import type { Disk } from './disk.js'
import { SimDriver } from './driver.js'
import type { Network } from './driver.js'
import { filesOf } from './draft-files.js'
import type { Draft } from './drafts.js'
import { SimEngine } from './engine.js'
import type { FaultId } from './fault-table.js'
import { SimGit } from './git.js'
import type { Letter } from './git.js'
import { Harm } from './harm.js'
import { Watchers } from './invariants.js'
import { tappedJournal } from './journal.js'
import { Ledger } from './ledger.js'
import type { Phase } from './ledger.js'
import { SimLink } from './link.js'
import { Oracle } from './oracle.js'
import { SimPapers } from './papers.js'
import type { AuthorityEvent } from './papers.js'
import { SimProcess } from './process.js'
import { SimProxies } from './proxies.js'
import { randomOf } from './random.js'
import type { Random } from './random.js'
import { SimRegistry } from './registry.js'
import { PRESENT } from './releases.js'
import type { Release } from './releases.js'
import { Reviews } from './reviews.js'
import { isCalm } from './safety-ingress.js'
import { seatOf } from './seat.js'
import type { Seat } from './seat.js'
import { isReachable, proxiesOn } from './truth.js'

export const FLEET = 'acme'

const MESH: MeshAuthority = {
  renew: () => Promise.resolve(ok(false)),
  identity: () => ({ authority: '', certificate: '' }),
}

export interface Violation {
  readonly id: string
  readonly atMs: number
  readonly what: string
}

export interface WorldOptions {
  readonly seed: number | string
  readonly servers: readonly string[]
  readonly disk?: Disk
  /** Who runs the controllers until an upgrade; absent: what is in `src`. */
  readonly release?: Release
  /** What servers have; absent: more than anybody takes. */
  readonly memoryBytes?: readonly number[]
}

/** A data directory as it was. */
interface Backup {
  readonly restore: () => void
  readonly ledger: Ledger
  readonly papers: string | null
}

/** Everything around the controllers, and what truly happens in it. */
export class World implements Network {
  readonly clock = new SimClock()
  readonly random: Random
  readonly registry = new SimRegistry()
  readonly proxies = new SimProxies(() => this.clock.nowMs())
  readonly checks = new SimChecks(this.clock)
  readonly engines = new Map<string, SimEngine>()
  readonly links = new Map<string, SimLink>()
  readonly git: SimGit
  readonly oracle: Oracle
  ledger = new Ledger()
  readonly seats: Seat[] = []
  /** By seat: its account at the certificate authority, and what it keeps of it. */
  readonly papers = new Map<string, SimPapers>()
  readonly trace: string[] = []
  readonly violations: Violation[] = []
  /** Every container that was ever created. */
  readonly made: Box[] = []
  readonly coverage = new Map<FaultId, Set<Phase>>()
  readonly counts = { creates: 0, removes: 0, starts: 0, stops: 0, writes: 0, looks: 0 }
  /** Called at every crash point of every process. */
  onPoint: SimProcess['onPoint'] = () => undefined
  draft: Draft
  backup: Backup | null = null
  wallOffsetMs = 0
  lastKillMs = -Infinity
  release: Release
  /** What the older release was in when this one took over; null: there was none. */
  upgraded: 'at rest' | 'on the way' | null = null
  convergedAfterMs: number | null = null
  /** What people meant by each commit. */
  readonly drafts = new Map<string, Draft>()
  /** Every revision that was ever accepted. */
  readonly accepted = new Set<string>()
  /** What was done to servers, containers and the journal. */
  readonly harm: Harm
  readonly watchers: Watchers
  readonly reviews: Reviews
  private containers = 0

  constructor(options: WorldOptions, draft: Draft) {
    this.random = randomOf(options.seed)
    this.draft = draft
    this.release = options.release ?? PRESENT
    this.git = new SimGit(this.clock, (fault) => this.felt(fault))
    this.oracle = new Oracle(this.git)
    this.watchers = new Watchers(this)
    this.harm = new Harm(this)
    this.reviews = new Reviews(this)
    for (const [at, server] of options.servers.entries()) this.addServer(server, options.memoryBytes?.[at])
    this.seats.push(seatOf('one', options.disk ?? new MemoryDisk()))
  }

  addServer(server: string, memoryBytes = 16e9): void {
    this.links.set(server, new SimLink(this.random.fork(`link ${server}`)))
    const nextId = (): string => `b${String((this.containers += 1)).padStart(4, '0')}`
    const events = {
      acting: (actor: Actor, what: string, box: Box) => this.acting(actor, what, box),
      changed: (event: BoxEvent, box: Box) => this.changed(event, box),
      starved: (box: Box, isOfServer: boolean) => this.starved(box, isOfServer),
    }
    const engine = new SimEngine(server, this.clock, this.registry, nextId, events)
    engine.memoryBytes = memoryBytes
    engine.controlGroups = this.engines.size % 2 === 0 ? 2 : 1
    this.engines.set(server, engine)
  }

  get main(): Seat {
    return this.seats[0] as Seat
  }

  boxes(): readonly Box[] {
    return [...this.engines.values()].flatMap((engine) => [...engine.boxes.values()])
  }

  say(line: string): void {
    this.trace.push(`${this.clock.nowMs() - 1_700_000_000_000} ${line}`)
  }

  /** Of an older release nothing is demanded any more: what it does wrong is mended since, or is found in this one too. */
  blame(id: string, what: string): void {
    if (this.release !== PRESENT) return
    this.say(`VIOLATION ${id} ${what}`)
    this.violations.push({ id, atMs: this.clock.nowMs(), what })
  }

  felt(fault: FaultId): void {
    const phases = this.coverage.get(fault) ?? new Set<Phase>()
    phases.add(this.ledger.phase())
    this.coverage.set(fault, phases)
  }

  commit(draft: Draft, subject: string, letter = this.letterFor(draft)): string {
    this.draft = draft
    const sha = this.git.commit(filesOf(draft), subject, letter)
    this.drafts.set(sha, draft)
    this.oracle.of(sha)
    this.say(`commit ${sha.slice(0, 8)} ${subject}`)
    return sha
  }

  /** Where something is asked of commits, most do it. */
  private letterFor({ guards }: Draft): Letter {
    if (guards === undefined) return { isSigned: false, trailers: [] }
    const random = this.random.fork(`letter ${this.git.commits.size}`)
    const trailers = [
      ...(random.chance(0.15) ? [{ name: 'override', value: 'it burns' }] : []),
      ...(random.chance(0.15) ? [{ name: 'approve', value: 'prune' }] : []),
    ]
    return { isSigned: random.chance(0.75), trailers }
  }

  boot(seat = this.main): void {
    // What does not end when asked to is killed before it is started again.
    if (seat.isStopping) this.kill(seat)
    if (seat.process?.isAlive === true || seat.isDamaged) return
    seat.isStopping = false
    const process = new SimProcess(this.clock, this.wallOffsetMs)
    const { release } = this
    const opened = seat.disk.open(release.sqliteJournal)
    process.onPoint = (point, about) => this.onPoint(point, about, process)
    const { died, ...papers } = this.papersOf(seat).portsFor(process, seat.faults, this.wallOffsetMs)
    process.onDeath = () => {
      opened.close()
      died()
    }
    const driver = new SimDriver(this, process, seat.name, release)
    const journal = tappedJournal(opened, process, seat.faults, {
      facts: (facts) => this.noted(seat, facts),
      intended: (intents) => {
        for (const intent of intents) seat.openIntents.set(JSON.stringify(intent.action), intent)
      },
      wrote: (what) => {
        // A certificate may be due at any time.
        if (!what.startsWith('certificate-')) this.counts.writes += 1
        this.say(`${seat.name} wrote ${what}`)
      },
      failed: () => this.felt('F53'),
    })
    const ports = {
      clock: process.clock,
      driver,
      source: this.git.portFor(process),
      loader: release === PRESENT ? this.oracle.loader : release.createLoader(),
      journal,
      checker: this.checks.portFor(process),
      log: () => undefined,
      ingress: { balancer: driver, mesh: MESH, certificates: new Certificates({ clock: process.clock, ...papers }) },
    }
    seat.process = process
    seat.driver = driver
    seat.openIntents = new Map()
    this.say(`boot ${seat.name}`)
    if (this.lastKillMs > 0 && this.clock.nowMs() - this.lastKillMs > 60_000) this.papersOf(seat).trouble()
    this.watchers.booted(process)
    const pins = this.draft.guards?.pinned === true ? this.reviews.pinsFor(seat, process) : null
    seat.controller = new release.Controller(ports, { repository: 'test', pins })
    seat.controller.start()
  }

  papersOf({ name }: Pick<Seat, 'name'>): SimPapers {
    const authority = (event: AuthorityEvent): void => this.orders(name, event)
    const about = { clock: this.clock, authority, deafTo: (token: string) => this.deafTo(token) }
    const papers = this.papers.get(name) ?? new SimPapers(about, this.random.fork(`papers ${name}`))
    this.papers.set(name, papers)
    return papers
  }

  private orders(seat: string, event: AuthorityEvent): void {
    this.say(`${seat} authority ${Object.values(event).join(' ')}`)
    if (seat === this.main.name) this.watchers.authority(event)
  }

  /** Servers whose proxies serve routes and do not answer for a token. */
  deafTo(token: string): readonly string[] {
    return [...this.engines.keys()].filter((server) =>
      proxiesOn(this, server).some((proxy) => {
        const front = this.proxies.tableOf(proxy)?.front
        return front !== undefined && front.challenges.every((one) => one.token !== token)
      }),
    )
  }

  kill(seat = this.main): void {
    if (seat.process?.isAlive !== true) return
    this.say(`kill ${seat.name}`)
    this.lastKillMs = this.clock.nowMs()
    seat.process.kill()
    seat.controller = null
  }

  /** The host's journal is another one from now on: what was known is what that one says. */
  forget(backup: Backup | null): void {
    this.harm.forget()
    this.ledger = backup?.ledger.copy() ?? new Ledger()
    this.papersOf(this.main).restore(backup?.papers ?? null)
  }

  /** Copies the data directory, as a nightly job would. */
  saveBackup(): void {
    const papers = this.papersOf(this.main).backup()
    this.backup = { restore: this.main.disk.backup(), ledger: this.ledger.copy(), papers }
  }

  /** SIGTERM, while the world goes on. */
  stopSoon(seat = this.main): void {
    const { controller, process } = seat
    if (controller === null || process?.isAlive !== true) return
    this.say(`stop ${seat.name}`)
    seat.isStopping = true
    void controller.stop().then(() => {
      if (seat.process === process) this.kill(seat)
    })
  }

  /** SIGTERM: what is under way is awaited. */
  async stop(seat = this.main): Promise<void> {
    const { controller } = seat
    if (controller === null || seat.process?.isAlive !== true) return
    this.say(`stop ${seat.name}`)
    await Promise.all([controller.stop(), this.clock.run(35_000)])
    this.kill(seat)
  }

  command(command: Command, seat = this.main): Result<string> | null {
    if (seat.process?.isAlive !== true || seat.controller === null) return null
    this.say(`command ${JSON.stringify(command)}`)
    return seat.controller.command(command)
  }

  private noted(seat: Seat, facts: readonly Fact[]): void {
    for (const fact of facts) {
      const about = 'stack' in fact ? ` ${fact.stack}` : 'server' in fact ? ` ${fact.server}` : ''
      this.say(`${seat.name} fact ${fact.kind}${about}`)
      if (seat !== this.main) continue
      this.watchers.fact(fact)
      this.checks.note(fact)
      if (fact.kind === 'certificate-failed' && this.isDisturbed()) this.papersOf(seat).trouble()
      if (fact.kind === 'revision-accepted') this.accepted.add(fact.revision.sha)
      this.ledger.note(fact)
      if (fact.kind === 'server-lost' || fact.kind === 'server-returned') this.harm.noteLost(fact.server)
    }
  }

  /** Proxies may be out of reach. */
  private isDisturbed(): boolean {
    return !isCalm(this) || [...this.engines.keys()].some((server) => !isReachable(this, server))
  }

  private acting(actor: Actor, what: string, box: Box): void {
    if (typeof actor === 'object') this.watchers.acting(what, box)
  }

  private changed(event: BoxEvent, box: Box): void {
    this.say(`${box.server} ${event} ${box.name} ${box.id} ${box.state}`)
    if (event === 'create') {
      this.counts.creates += 1
      this.made.push(box)
    }
    if (event === 'remove') this.counts.removes += 1
    if (event === 'start') this.counts.starts += 1
    if (event === 'die') this.counts.stops += 1
    this.harm.remember(event, box)
    if (event === 'create') this.harm.lostVolumes()
    this.watchers.changed(event, box)
    for (const [name, link] of this.links)
      if ((link.leadsTo ?? name) === box.server) for (const seat of this.seats) seat.driver?.hint(name)
  }

  private starved(box: Box, isOfServer: boolean): void {
    this.say(`${box.server} has no memory for ${box.name} ${box.id}`)
    this.felt('F59')
    if (!isOfServer) return
    this.harm.shake()
    this.harm.harm(box)
  }

  performing(process: SimProcess, controller: string, action: Action): void {
    this.say(`${controller} ${formatAction(action)}`)
    this.watchers.performing(process, controller, action)
  }

  performed(process: SimProcess, action: Action, result: Result<ActionResult>): void {
    this.say(`done ${formatAction(action)} ${result.ok ? 'ok' : result.problem.code}`)
    this.watchers.performed(process, action, result)
  }

  observing(process: SimProcess, server: string): void {
    this.counts.looks += 1
    this.watchers.observing(process, server)
  }

  observed(process: SimProcess, server: string, engineId: string): void {
    this.watchers.observed(process, server, engineId)
  }

  routing(engine: SimEngine, containerId: string, table: ProxyTable): Result<ProxySeen> {
    const result = this.proxies.balance(engine, containerId, table)
    const box = engine.boxes.get(containerId)
    const said = table.services.map(({ key, local, remote }) => {
      const here = local.map((one) => `${one.containerId}${one.state === 'drain' ? '!' : ''}`)
      return [key, ...here, ...remote.map((one) => `${one.server}:${one.weight}`)].join(' ')
    })
    this.say(`${engine.server} routes ${containerId} ${said.join(', ')}`)
    if (result.ok && box !== undefined) this.watchers.routed(box, engine.server)
    return result
  }

  held(engine: SimEngine, containerId: string): readonly HeldCertificate[] {
    const box = engine.boxes.get(containerId)
    return (box === undefined ? null : this.proxies.tableOf(box))?.front?.certificates ?? []
  }

  dispose(): void {
    for (const seat of this.seats) {
      seat.process?.kill()
      seat.disk.dispose()
    }
  }
}

/** `shop/web#1 b0003 on s1`. */
export function nameBox(box: Box): string {
  return `${box.identity === null ? box.name : formatSlot(box.identity.slot)} ${box.id} on ${box.server}`
}
