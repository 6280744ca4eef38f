import { fail, ok } from '../../src/model/index.js'
import type {
  Action,
  ActionResult,
  Listing,
  Problem,
  ProblemCode,
  ProxySeen,
  ProxyTable,
  Result,
  Server,
} from '../../src/model/index.js'
import type {
  Balancer,
  Driver,
  Evidence,
  HeldCertificate,
  Readiness,
  ReadinessQuestion,
} from '../../src/controller/index.js'
import type { Box } from './box.js'
import type { SimClock } from './clock.js'
import type { SimEngine } from './engine.js'
import type { FaultId } from './fault-table.js'
import type { SimLink } from './link.js'
import { listing } from './listing.js'
import { never } from './process.js'
import type { SimProcess } from './process.js'
import type { Words } from './releases.js'
import { behaviourOf, isWell } from './workload.js'

/** What a driver reaches, and whom it tells what it felt. */
export interface Network {
  readonly clock: SimClock
  readonly engines: ReadonlyMap<string, SimEngine>
  readonly links: ReadonlyMap<string, SimLink>
  felt(fault: FaultId): void
  performing(process: SimProcess, controller: string, action: Action): void
  performed(process: SimProcess, action: Action, result: Result<ActionResult>): void
  observing(process: SimProcess, server: string): void
  observed(process: SimProcess, server: string, engineId: string): void
  routing(engine: SimEngine, containerId: string, table: ProxyTable): Result<ProxySeen>
  held(engine: SimEngine, containerId: string): readonly HeldCertificate[]
}

/** Deadlines in ms, as the real driver has them; that of a pull is its longest silence. */
const READ_MS = 10_000
const LIST_MS = 15_000
const CHANGE_MS = 60_000
const STOP_MS = 30_000
const PULL_MS = 120_000

/** Gone, or just going: what was asked for. */
const GONE: ReadonlySet<ProblemCode> = new Set(['CONTAINER_GONE', 'CONFLICT'])

const AGAIN: ReadonlySet<ProblemCode> = new Set(['CONNECTION_LOST'])

/** The driver's port over simulated engines and links: the calls of each action in the real driver's order, each with a fate of its own. */
export class SimDriver implements Driver, Balancer {
  private fleet = ''
  private listener: (server: string) => void = () => undefined
  private readonly hinted = new Set<string>()
  private readonly lastEngine = new Map<string, string>()
  private readonly network: Network
  private readonly process: SimProcess
  private readonly controller: string
  private readonly words: Words

  constructor(network: Network, process: SimProcess, controller: string, words: Words) {
    this.network = network
    this.process = process
    this.controller = controller
    this.words = words
  }

  use(fleet: string, _servers: readonly Server[]): void {
    this.fleet = fleet
  }

  onHint(listener: (server: string) => void): void {
    this.listener = listener
  }

  /** Events of an engine come a moment later, gathered. */
  hint(server: string): void {
    const link = this.network.links.get(server)
    if (!this.process.isAlive || link === undefined || link.cut !== null || link.isDeaf || this.hinted.has(server))
      return
    this.hinted.add(server)
    this.network.clock.after(link.delayMs(), () => {
      this.hinted.delete(server)
      this.process.deliver(() => this.listener(server))
    })
  }

  async observe(server: string, closer: readonly string[], _signal: AbortSignal): Promise<Result<Listing>> {
    if (!this.process.isAlive) return never()
    this.network.observing(this.process, server)
    const look = (): Promise<Result<Listing>> =>
      this.call(server, 'read', LIST_MS, (engine) => ok(listing(engine, server, this.fleet, closer)))
    const first = await look()
    const result = !first.ok && AGAIN.has(first.problem.code) ? await look() : first
    if (result.ok) {
      this.lastEngine.set(server, result.value.facts.engineId)
      this.network.observed(this.process, server, result.value.facts.engineId)
    }
    return this.process.gate(result)
  }

  async perform(action: Action, _signal: AbortSignal): Promise<Result<ActionResult>> {
    if (!this.process.isAlive) return never()
    this.network.performing(this.process, this.controller, action)
    if (!this.process.isAlive) return never()
    const result = await this.act(action)
    this.network.performed(this.process, action, result)
    return this.process.gate(result)
  }

  private act(action: Action): Promise<Result<ActionResult>> {
    const { server } = action
    const actor = { controller: this.controller }
    switch (action.kind) {
      case 'pull':
        return this.change(server, PULL_MS, async (engine) => {
          const pulled = await engine.pull(action.image, action.policy)
          return pulled.ok ? ok({ image: pulled.value }) : pulled
        })
      case 'ensure-network':
        return this.change(server, CHANGE_MS, (engine) =>
          done(engine.ensure('networks', action.network.name, this.fleet)),
        )
      case 'ensure-volume':
        return this.change(server, CHANGE_MS, (engine) =>
          done(engine.ensure('volumes', action.volume.name, this.fleet)),
        )
      case 'remove-network':
        return this.change(server, CHANGE_MS, (engine) => done(engine.removeNetwork(action.network)))
      case 'run':
        return this.run(action)
      case 'start':
        return this.change(server, CHANGE_MS, (engine) =>
          engine.boxes.get(action.containerId)?.state === 'created'
            ? fail({ code: 'CONFLICT', server, message: 'was never started and may lack its files' })
            : boxed(engine.start(actor, action.containerId)),
        )
      case 'stop':
        return this.change(server, STOP_MS + action.graceMs, async (engine) =>
          boxed(await engine.stop(actor, action.containerId, action.graceMs)),
        )
      case 'restart':
        return this.change(server, STOP_MS + action.graceMs, async (engine) => {
          const stopped = await engine.stop(actor, action.containerId, action.graceMs)
          return boxed(stopped.ok ? engine.start(actor, action.containerId) : stopped)
        })
      case 'remove':
        return this.change(server, CHANGE_MS, async (engine) => {
          const removed = await engine.remove(actor, action.containerId)
          return !removed.ok && GONE.has(removed.problem.code) ? ok({}) : boxed(removed)
        })
      case 'update':
        return this.change(server, CHANGE_MS, (engine) =>
          boxed(engine.update(actor, action.containerId, action.limits)),
        )
    }
  }

  /** Create, put the files in, start; what fails for sure on the way takes the container away again. */
  private async run(action: Extract<Action, { kind: 'run' }>): Promise<Result<ActionResult>> {
    const { server, identity, spec, image, names } = action
    const actor = { controller: this.controller }
    const written = { name: this.words.containerName(identity), madeLimits: this.words.formatLimits(spec) }
    const given = names === undefined ? {} : { names }
    const created = await this.change(server, CHANGE_MS, (engine) =>
      boxed(engine.create(actor, { identity, spec, image, ...written, ...given })),
    )
    if (!created.ok) return created
    const id = created.value.containerId ?? ''
    const files =
      spec.files.length === 0 ? created : await this.change(server, CHANGE_MS, () => ok({ containerId: id }))
    const started = files.ok ? await this.change(server, CHANGE_MS, (engine) => boxed(engine.start(actor, id))) : files
    if (started.ok || started.problem.code === 'CALL_TIMEOUT' || started.problem.code === 'CONNECTION_LOST') {
      if (!started.ok) this.network.felt('F16')
      return started
    }
    const taken = await this.change(server, CHANGE_MS, async (engine) => boxed(await engine.remove(actor, id)))
    const isLeft = !taken.ok && taken.problem.code === 'CONNECTION_LOST'
    return isLeft ? fail({ ...started.problem, code: 'CONNECTION_LOST' }) : started
  }

  private change(
    server: string,
    deadlineMs: number,
    work: (engine: SimEngine) => Result<ActionResult> | Promise<Result<ActionResult>>,
  ): Promise<Result<ActionResult>> {
    return this.call(server, 'change', deadlineMs, async (engine) => {
      const known = this.lastEngine.get(server)
      if (known !== undefined && known !== engine.engineId)
        return fail({ code: 'ENGINE_CHANGED', server, message: `${server} has another engine than at the last look` })
      return work(engine)
    })
  }

  private async call<T>(
    server: string,
    kind: 'read' | 'change',
    deadlineMs: number,
    work: (engine: SimEngine) => Result<T> | Promise<Result<T>>,
  ): Promise<Result<T>> {
    const { clock, links } = this.network
    const link = links.get(server)
    if (link === undefined) return fail({ code: 'SERVER_UNREACHABLE', server, message: 'the fleet has no such server' })
    if (kind === 'change' && !this.process.pass('before call', server)) return never()
    const endMs = clock.nowMs() + deadlineMs
    const fate = link.draw(kind === 'read')
    await clock.wait(link.delayMs())
    const early = await this.underway(server, link, fate, endMs, false)
    if (early !== null) return this.process.gate(fail(early))
    const engine = this.network.engines.get(link.leadsTo ?? server)
    if (engine === undefined) return fail({ code: 'SERVER_UNREACHABLE', server, message: 'no such host' })
    const outcome = work(engine)
    const result = outcome instanceof Promise ? await this.within(server, endMs, outcome) : outcome
    if (kind === 'change' && !this.process.pass('after effect', server)) return never()
    await clock.wait(link.delayMs())
    const late = await this.underway(server, link, fate, endMs, true)
    return this.process.gate(late === null ? result : fail(late))
  }

  /** What stands in the way of a request, or of its reply; null: nothing. */
  private async underway(
    server: string,
    link: SimLink,
    fate: ReturnType<SimLink['draw']>,
    endMs: number,
    isReply: boolean,
  ): Promise<Problem | null> {
    const about = (code: ProblemCode, message: string): Problem => ({ code, server, message })
    if (link.cut?.kind === 'silent') {
      this.network.felt('F06')
      await this.network.clock.wait(endMs - this.network.clock.nowMs())
      return about('CALL_TIMEOUT', 'did not finish in time')
    }
    if (link.cut?.kind === 'refused')
      return isReply ? about('CONNECTION_LOST', 'lost its connection') : about(link.cut.code, 'does not answer')
    if (!isReply && fate === 'not-sent') {
      this.network.felt('F02')
      return about('SERVER_UNREACHABLE', 'the connection was lost before the request')
    }
    if (!isReply && fate === 'request-lost') {
      this.network.felt('F03')
      return about('CONNECTION_LOST', 'lost its connection')
    }
    if (isReply && fate === 'reply-lost') {
      this.network.felt('F04')
      return about('CONNECTION_LOST', 'lost its connection')
    }
    if (isReply && fate === 'reply-garbled') {
      this.network.felt('F23')
      return about('ENGINE_ANSWER', 'its list ends in the middle')
    }
    if (!isReply || this.network.clock.nowMs() <= endMs) return null
    this.network.felt('F08')
    return about('CALL_TIMEOUT', 'did not finish in time')
  }

  private within<T>(server: string, endMs: number, work: Promise<Result<T>>): Promise<Result<T>> {
    const { clock } = this.network
    return new Promise((resolve) => {
      const late: Problem = { code: 'CALL_TIMEOUT', server, message: 'did not finish in time' }
      const cancel = clock.after(endMs - clock.nowMs(), () => resolve(fail(late)))
      void work.then((result) => {
        cancel()
        resolve(result)
      })
    })
  }

  async ask(server: string, question: ReadinessQuestion, _signal: AbortSignal): Promise<Result<Readiness>> {
    const { containerId } = question.replica
    const answer = await this.call<Readiness>(server, 'read', READ_MS, async (engine) => {
      if (this.network.links.get(server)?.losesExec === true) {
        this.network.felt('F12')
        return ok({ verdict: 'unknown', output: 'ended without an exit code' })
      }
      const box = engine.boxes.get(containerId)
      if (box?.state !== 'running') return ok({ verdict: 'not-ready', output: 'is not running' })
      const behaviour = behaviourOf(box.spec?.image ?? '')
      if (behaviour.hangs === true) {
        await this.network.clock.wait(Math.min(READ_MS / 2, box.spec?.healthcheck?.timeoutMs ?? READ_MS))
        return ok({ verdict: 'not-ready', output: 'did not come back' })
      }
      const well = isWell(behaviour, this.network.clock.nowMs() - box.startedAtMs)
      return ok({ verdict: well ? 'ready' : 'not-ready', output: 'asked' })
    })
    return answer.ok ? answer : ok({ verdict: 'unknown', output: answer.problem.message })
  }

  async balance(
    server: string,
    containerId: string,
    table: ProxyTable,
    _signal: AbortSignal,
  ): Promise<Result<ProxySeen>> {
    if (!this.process.isAlive) return never()
    const tell = (engine: SimEngine): Result<ProxySeen> => this.network.routing(engine, containerId, table)
    return this.process.gate(await this.call(server, 'read', READ_MS, tell))
  }

  async certificates(
    server: string,
    containerId: string,
    _signal: AbortSignal,
  ): Promise<Result<readonly HeldCertificate[]>> {
    if (!this.process.isAlive) return never()
    return this.call(server, 'read', READ_MS, (engine) => ok(this.network.held(engine, containerId)))
  }

  async diagnose(server: string, containerId: string, _signal: AbortSignal): Promise<Result<Evidence>> {
    return this.call(server, 'read', READ_MS, (engine) => {
      const box = engine.boxes.get(containerId)
      if (box === undefined) return fail({ code: 'CONTAINER_GONE', server, message: 'no such container' })
      const health = { healthOutput: '', healthExitCode: null, error: '', logTail: [] }
      return ok({ state: box.state, exitCode: box.exitCode, oomKilled: box.oom, restartCount: box.restarts, ...health })
    })
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the port is asynchronous; worlds read no logs
  async *logs(): AsyncGenerator<never> {
    yield* []
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function done(result: Result<void>): Result<ActionResult> {
  return result.ok ? ok({}) : result
}

function boxed(result: Result<Box>): Result<ActionResult> {
  return result.ok ? ok({ containerId: result.value.id }) : result
}
