import { createHash } from 'node:crypto'
import { containerName, fail, formatLimits, ok } from '../../src/model/index.js'
import type {
  Action,
  ActionResult,
  EngineHealth,
  ForeignContainer,
  GivenNames,
  Listing,
  NetworkSpec,
  Problem,
  ProxySeen,
  Replica,
  Result,
  Revision,
  Server,
  SignatureVerdict,
} from '../../src/model/index.js'
import { Certificates, Controller, memoryJournal } from '../../src/controller/index.js'
import { FakeBalancer, fakeMesh } from './balancer.js'
import { fakeChecker } from './checker.js'
import type { FakeChecker } from './checker.js'
import { FakeSwarm } from './fake-swarm.js'
import { createLoader } from '../../src/manifest/index.js'
import type {
  Clock,
  ControllerOptions,
  Driver,
  Adopter,
  Balancer,
  Adoption,
  AdoptionAnswer,
  AdoptionQuestion,
  Examiner,
  Evidence,
  Journal,
  LogEvent,
  ManifestLoader,
  NewCommit,
  NewsQuestion,
  Readiness,
  ReadinessQuestion,
  ServerCondition,
  Source,
  CertificatesParts,
  HeldCertificate,
} from '../../src/controller/index.js'

/** As the labels of a container say. */
function namedOf({ address, hosts }: GivenNames): NonNullable<Replica['named']> {
  return { address: address ?? '', knows: hosts.map(({ name }) => name) }
}

/** Virtual time: nothing waits, timers run in order. */
export class VirtualClock implements Clock {
  private now = 1_700_000_000_000
  private seq = 0
  private readonly timers = new Map<number, { atMs: number; fn: () => void }>()

  nowMs(): number {
    return this.now
  }

  after(delayMs: number, fn: () => void): () => void {
    const id = (this.seq += 1)
    this.timers.set(id, { atMs: this.now + Math.max(0, delayMs), fn })
    return () => this.timers.delete(id)
  }

  /** The process stands still, as on a frozen machine: what is due meanwhile runs late. */
  stand(ms: number): void {
    this.now += ms
  }

  /** Runs everything that is due within `ms`, letting promises settle in between. */
  async run(ms: number): Promise<void> {
    const endMs = this.now + ms
    for (;;) {
      await settlePromises()
      const next = [...this.timers]
        .filter(([, timer]) => timer.atMs <= endMs)
        .sort(([a, x], [b, y]) => x.atMs - y.atMs || a - b)[0]
      if (next === undefined) break
      this.timers.delete(next[0])
      this.now = Math.max(this.now, next[1].atMs)
      next[1].fn()
    }
    this.now = endMs
    await settlePromises()
  }
}

async function settlePromises(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve()
  await new Promise((resolve) => setImmediate(resolve))
}

/** How containers of an image behave. */
export interface Behaviour {
  readonly healthyAfterMs?: number
  readonly never?: boolean
  readonly exits?: number
}

interface Container {
  readonly replica: Replica
  readonly startedAtMs: number
  readonly restarts: number
  readonly image: string
  readonly hasHealthcheck: boolean
}

/** Engines in memory, as far as the controller's tests need them. Behaviour is chosen by image. */
export class FakeDriver extends FakeSwarm implements Driver, Examiner, Adopter, Balancer {
  condition: ServerCondition = { clockAheadMs: 0, disk: { path: '/var/lib/docker', freeBytes: 8e9, totalBytes: 2e10 } }
  readonly containers = new Map<string, Container>()
  readonly calls: string[] = []
  /** What others run, by server. */
  readonly foreign = new Map<string, readonly ForeignContainer[]>()
  /** How a container of Compose stands to what is wanted, by its id. Default: equal. */
  readonly answers = new Map<string, Partial<AdoptionAnswer>>()
  readonly adoptions: (Adoption & { readonly server: string })[] = []
  readonly down = new Set<string>()
  /** The machine that a name leads to, where it is not the one of that name. */
  readonly leads = new Map<string, string>()
  readonly behaviours = new Map<string, Behaviour>()
  /** Called before each action; throwing kills the controller there. */
  before: (action: Action) => void = () => undefined
  looks = 0
  private listener: (server: string) => void = () => undefined
  private next = 0
  private readonly clock: VirtualClock

  constructor(clock: VirtualClock) {
    super()
    this.clock = clock
  }

  use(_fleet: string, _servers: readonly Server[]): void {
    this.looks = 0
  }

  onHint(listener: (server: string) => void): void {
    this.listener = listener
  }

  hint(server: string): void {
    this.listener(server)
  }

  async observe(server: string, closer: readonly string[]): Promise<Result<Listing>> {
    this.looks += 1
    await Promise.resolve()
    if (this.down.has(server)) return fail({ code: 'SERVER_UNREACHABLE', server, message: `${server} does not answer` })
    const replicas = [...this.containers.values()]
      .filter((container) => container.replica.server === this.machineOf(server))
      .map((container) => ({ ...this.seen(container, closer), server }))
    const facts = {
      engineId: `engine-${this.machineOf(server)}`,
      engineVersion: '1',
      apiVersion: '1.45',
      os: 'linux',
      arch: 'amd64',
      hostname: server,
      cpus: 4,
      memoryBytes: 8e9,
    }
    return ok({
      facts,
      replicas: replicas.sort((a, b) => (a.containerId < b.containerId ? -1 : 1)),
      foreign: this.foreign.get(server) ?? [],
      volumes: [],
      networks: [],
    })
  }

  private machineOf(server: string): string {
    return this.leads.get(server) ?? server
  }

  private seen(container: Container, closer: readonly string[]): Replica {
    const behaviour = this.behaviours.get(container.image) ?? {}
    const ageMs = this.clock.nowMs() - container.startedAtMs
    const running = container.replica.state === 'running'
    const exited = running && behaviour.exits !== undefined
    const health: EngineHealth = !container.hasHealthcheck
      ? 'none'
      : this.isReady(container)
        ? 'healthy'
        : ageMs > 60_000
          ? 'unhealthy'
          : 'starting'
    const state = exited ? 'exited' : container.replica.state
    const detail = closer.includes(container.replica.containerId)
      ? { startedAtMs: container.startedAtMs, finishedAtMs: 0, restartCount: container.restarts, oomKilled: false }
      : undefined
    return {
      ...container.replica,
      state,
      exitCode: exited ? (behaviour.exits ?? 0) : container.replica.exitCode,
      health: state === 'running' ? health : container.hasHealthcheck ? 'starting' : 'none',
      ...(detail === undefined ? {} : { detail }),
    }
  }

  private isReady(container: Container): boolean {
    const behaviour = this.behaviours.get(container.image) ?? {}
    return behaviour.never !== true && this.clock.nowMs() - container.startedAtMs >= (behaviour.healthyAfterMs ?? 0)
  }

  compare(_server: string, { containerId, spec }: AdoptionQuestion): Promise<Result<AdoptionAnswer>> {
    const equal = { differences: [], notes: [], limits: formatLimits(spec), restart: spec.restart }
    return Promise.resolve(ok({ ...equal, ...this.answers.get(containerId) }))
  }

  checkNetwork(server: string, { name }: NetworkSpec): Promise<Result<null>> {
    const failure = this.failures.get(`network ${name} ${server}`)
    return Promise.resolve(failure === undefined ? ok(null) : fail(failure))
  }

  adopt(server: string, adoption: Adoption): Promise<Result<null>> {
    const failure = this.failures.get(`adopt ${adoption.from}`)
    if (failure !== undefined) return Promise.resolve(fail(failure))
    this.adoptions.push({ server, ...adoption })
    return Promise.resolve(ok(null))
  }

  async perform(action: Action): Promise<Result<ActionResult>> {
    this.before(action)
    await Promise.resolve()
    if (this.down.has(action.server))
      return fail({ code: 'SERVER_UNREACHABLE', server: action.server, message: 'down' })
    const failure =
      this.failures.get(`${action.kind} ${action.server}`) ??
      this.failures.get(`${action.kind} ${'image' in action && typeof action.image === 'string' ? action.image : ''}`)
    if (failure !== undefined) return fail(failure)
    this.calls.push(describe(action))
    return this.apply(action)
  }

  private apply(action: Action): Result<ActionResult> {
    switch (action.kind) {
      case 'pull': {
        const id = `sha256:${createHash('sha256')
          .update(action.image.replace(/.*@sha256:/, ''))
          .digest('hex')}`
        const digest = action.image.includes('@') ? action.image : `${action.image.split(':')[0]}@${id}`
        return ok({ image: { digest, id } })
      }
      case 'run': {
        const name = containerName(action.identity)
        if (
          [...this.containers.values()].some(
            ({ replica }) => replica.server === this.machineOf(action.server) && replica.containerName === name,
          )
        )
          return fail({ code: 'NAME_TAKEN', message: name })
        const containerId = `c${String((this.next += 1)).padStart(4, '0')}`
        const { identity, spec } = action
        const replica: Replica = {
          containerId,
          containerName: name,
          server: this.machineOf(action.server),
          slot: identity.slot,
          specHash: identity.specHash,
          revision: identity.revision,
          image: action.image.digest ?? action.image.id,
          imageId: action.image.id,
          limits: '',
          restart: identity.restart,
          controller: identity.controller,
          state: 'running',
          health: 'none',
          exitCode: null,
          createdAtMs: this.clock.nowMs(),
          ports: [],
          addresses: Object.fromEntries(
            spec.networks.map(({ network }, at) => [network, `172.${18 + at}.0.${this.next}`]),
          ),
          ...(action.names === undefined ? {} : { named: namedOf(action.names) }),
        }
        this.containers.set(containerId, {
          replica,
          startedAtMs: this.clock.nowMs(),
          restarts: 0,
          image: spec.image,
          hasHealthcheck: spec.healthcheck !== null,
        })
        return ok({ containerId })
      }
      case 'start':
      case 'restart':
        return this.patch(action.containerId, (container) => ({
          ...container,
          startedAtMs: this.clock.nowMs(),
          replica: { ...container.replica, state: 'running' },
        }))
      case 'stop':
        return this.patch(action.containerId, (container) => ({
          ...container,
          replica: { ...container.replica, state: 'exited', exitCode: 0 },
        }))
      case 'remove':
        this.containers.delete(action.containerId)
        return ok({})
      case 'update':
      case 'ensure-network':
      case 'ensure-volume':
      case 'remove-network':
        return ok({})
    }
  }

  private patch(id: string, change: (container: Container) => Container): Result<ActionResult> {
    const container = this.containers.get(id)
    if (container === undefined) return fail({ code: 'CONTAINER_GONE', message: id })
    this.containers.set(id, change(container))
    return ok({})
  }

  /** A person kills a container by hand. */
  kill(id: string): void {
    this.patch(id, (container) => ({ ...container, replica: { ...container.replica, state: 'exited', exitCode: 137 } }))
  }

  async ask(server: string, question: ReadinessQuestion): Promise<Result<Readiness>> {
    await Promise.resolve()
    if (this.down.has(server)) return ok({ verdict: 'unknown', output: 'down' })
    const container = this.containers.get(question.replica.containerId)
    return ok({ verdict: container !== undefined && this.isReady(container) ? 'ready' : 'not-ready', output: 'asked' })
  }

  /** See `FakeBalancer`. */
  balance(server: string): Promise<Result<ProxySeen>> {
    return Promise.resolve(fail({ code: 'PROXY_ABSENT', server, message: 'no proxy runs' }))
  }

  /** See `FakeBalancer`. */
  certificates(): Promise<Result<readonly HeldCertificate[]>> {
    return Promise.resolve(ok([]))
  }

  async diagnose(): Promise<Result<Evidence>> {
    await Promise.resolve()
    return ok({
      state: 'running',
      exitCode: null,
      oomKilled: false,
      restartCount: 0,
      error: '',
      healthOutput: 'asked',
      healthExitCode: 1,
      logTail: ['boom'],
    })
  }

  examine(): Promise<Result<ServerCondition>> {
    return Promise.resolve(ok(this.condition))
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the port is asynchronous, this fake has nothing to wait for
  async *logs(): AsyncGenerator<never> {
    yield* []
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function describe(action: Action): string {
  const slot = 'slot' in action ? ` ${action.slot.service}#${action.slot.key}` : ''
  const image = action.kind === 'run' ? ` ${action.spec.image}` : action.kind === 'pull' ? ` ${action.image}` : ''
  return `${action.kind}${slot}${image} ${action.server}`
}

/** A repository in memory: commits are maps of files. */
export class FakeSource implements Source {
  private readonly commits = new Map<
    string,
    { revision: Revision; files: ReadonlyMap<string, string>; parent: string | null }
  >()
  head: string | null = null
  problem: Problem | null = null

  commit(files: Readonly<Record<string, string | null>>, subject: string, parent = this.head): string {
    const before = parent === null ? new Map<string, string>() : new Map(this.commits.get(parent)?.files)
    for (const [path, content] of Object.entries(files)) {
      if (content === null) before.delete(path)
      else before.set(path, content)
    }
    const sha = createHash('sha1')
      .update(`${parent ?? ''} ${subject} ${this.commits.size}`)
      .digest('hex')
    this.commits.set(sha, {
      revision: { ref: 'main', sha, author: 'Ada', committedAtMs: 0, subject },
      files: before,
      parent,
    })
    this.head = sha
    return sha
  }

  poll(): Promise<Result<Revision>> {
    if (this.problem !== null) return Promise.resolve(fail(this.problem))
    return this.revision(this.head ?? '')
  }

  revision(sha: string): Promise<Result<Revision>> {
    const commit = this.commits.get(sha)
    return Promise.resolve(
      commit === undefined ? fail({ code: 'GIT_EMPTY', message: 'no commit' }) : ok(commit.revision),
    )
  }

  tree(sha: string): ReturnType<Source['tree']> {
    const commit = this.commits.get(sha)
    if (commit === undefined) return Promise.resolve(fail({ code: 'GIT_CORRUPT', message: sha }))
    const entries = new Map(
      [...commit.files]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([path, content]) => [path, { kind: 'file', oid: oid(content) } as const]),
    )
    return Promise.resolve(ok({ revision: commit.revision, entries }))
  }

  read(oids: readonly string[]): ReturnType<Source['read']> {
    const all = new Map(
      [...this.commits.values()].flatMap(({ files }) =>
        [...files.values()].map((content) => [oid(content), Buffer.from(content)] as const),
      ),
    )
    return Promise.resolve(ok(new Map(oids.map((id) => [id, new Uint8Array(all.get(id) ?? Buffer.alloc(0))]))))
  }

  isAncestor(ancestor: string, descendant: string): Promise<Result<boolean>> {
    for (let sha: string | null = descendant; sha !== null; sha = this.commits.get(sha)?.parent ?? null)
      if (sha === ancestor) return Promise.resolve(ok(true))
    return Promise.resolve(ok(false))
  }

  /** What the branch names from now on: an older commit, as after a forced push. */
  reset(sha: string): void {
    this.head = sha
  }

  /** Who signed a commit; nobody did unless it is said here. */
  readonly signatures = new Map<string, SignatureVerdict>()
  newsProblem: Problem | null = null

  news({ sha, since, signed }: NewsQuestion): Promise<Result<readonly NewCommit[]>> {
    if (this.newsProblem !== null) return Promise.resolve(fail(this.newsProblem))
    const old = new Set(this.chain(since))
    const shas = since === null ? [sha] : this.chain(sha).filter((one) => !old.has(one))
    const news = shas.map((one, index): NewCommit => {
      const isAsked = signed === 'every' || (signed !== null && index === 0)
      const { revision, parent } = this.commits.get(one) ?? { revision: null, parent: null }
      const lines = (revision?.subject ?? '').split('\n\n').at(-1)?.split('\n') ?? []
      return {
        sha: one,
        author: revision?.author ?? '',
        subject: revision?.subject ?? '',
        isRoot: parent === null,
        trailers: lines.flatMap((line) => {
          const match = /^Slipway-(\w+): (.*)$/.exec(line)
          return match === null ? [] : [{ name: (match[1] ?? '').toLowerCase(), value: match[2] ?? '' }]
        }),
        expected: 'ada@example.com',
        signature: isAsked ? (this.signatures.get(one) ?? { kind: 'unsigned' }) : null,
      }
    })
    return Promise.resolve(ok(news))
  }

  private chain(from: string | null): string[] {
    const shas: string[] = []
    for (let sha = from; sha !== null; sha = this.commits.get(sha)?.parent ?? null) shas.push(sha)
    return shas
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function oid(content: string): string {
  return createHash('sha1').update(content).digest('hex')
}

export interface World {
  readonly clock: VirtualClock
  readonly driver: FakeDriver
  readonly balancer: FakeBalancer
  readonly checker: FakeChecker
  readonly source: FakeSource
  readonly journal: Journal
  readonly events: LogEvent[]
  /** Who gives certificates, and where they are kept. Null: nobody does. */
  papers: CertificatesParts | null
  /** Of the last controller. */
  certificates: Certificates | null
  /** Starts a controller on this world; the journal stays between controllers. */
  boot(options?: Partial<ControllerOptions>, journal?: Journal, loader?: ManifestLoader): Controller
}

export function createWorld(): World {
  const clock = new VirtualClock()
  const driver = new FakeDriver(clock)
  const source = new FakeSource()
  const journal = memoryJournal({ controllerId: 'one' })
  const events: LogEvent[] = []
  const balancer = new FakeBalancer(clock, driver)
  const checker = fakeChecker()
  const world: World = {
    papers: null,
    certificates: null,
    balancer,
    checker,
    clock,
    driver,
    source,
    journal,
    events,
    boot: (options = {}, other = journal, loader: ManifestLoader = createLoader()) => {
      world.certificates = world.papers === null ? null : new Certificates(world.papers)
      const { certificates } = world
      const ingress = { balancer, mesh: fakeMesh, ...(certificates === null ? {} : { certificates }) }
      const controller = new Controller(
        { clock, driver, source, loader, journal: other, log: (event) => void events.push(event), ingress, checker },
        { repository: 'test', ...options },
      )
      controller.start()
      return controller
    },
  }
  return world
}

export const FLEET = `fleet: acme
servers:
  lon-1: { address: 10.0.0.1, host_key: 'SHA256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', labels: { zone: a } }
  lon-2: { address: 10.0.0.2, host_key: 'SHA256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', labels: { zone: a } }
  par-1: { address: 10.0.0.3, host_key: 'SHA256:ccccccccccccccccccccccccccccccccccccccccccc', labels: { zone: b } }
`

export interface ServiceText {
  readonly image: string
  readonly replicas?: number
  readonly more?: string
}

/** A Compose file of services with a healthcheck each. `more` is YAML at the service's indentation. */
export function compose(services: Readonly<Record<string, ServiceText>>): string {
  const texts = Object.entries(services).map(
    ([name, { image, replicas, more }]) =>
      `  ${name}:\n    image: ${image}\n    healthcheck: { test: [CMD, 'true'], interval: 1s }\n    deploy: { replicas: ${replicas ?? 1} }\n${more === undefined ? '' : `${more}\n`}`,
  )
  return `services:\n${texts.join('')}`
}
