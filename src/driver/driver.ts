import { setMaxListeners } from 'node:events'
import PQueue from 'p-queue'
import { canonicalJson, fail, ok } from '../model/index.js'
import type { Action, ActionResult, Guards, Listing, Result, Server } from '../model/index.js'
import { ALL_ALLOWED } from '../payload/index.js'
import type {
  Adopter,
  Swarmer,
  Balancer,
  Driver,
  Evidence,
  Examiner,
  LogLine,
  LogOptions,
  Readiness,
  ReadinessQuestion,
  ServerCondition,
} from '../controller/index.js'
import { loginsFor } from '../ssh/index.js'
import type { Scratch } from './container-list.js'
import { adoptContainer, compareForeign } from './adopt.js'
import { diagnose } from './diagnose.js'
import { checkNetwork } from './ensure-objects.js'
import { examine } from './examine.js'
import type { Engine } from './engine.js'
import { heldCertificates } from './held-certificates.js'
import type { HealthMemory } from './healthcheck.js'
import { localRoute } from './local-route.js'
import { readLogs } from './logs.js'
import { DRIVER_LIMITS } from './options.js'
import type { DriverLimits, DriverOptions } from './options.js'
import { performOn } from './perform.js'
import { problemError } from './problem-error.js'
import { balanceProxy } from './proxy.js'
import type { ProxyMemory } from './proxy.js'
import { askReplica } from './readiness.js'
import { sharedIn } from './swarm.js'
import { swarmerOn } from './swarm-calls.js'
import type { Route } from './route.js'
import { ServerLink } from './server-link.js'
import { SshRoute } from './ssh-route.js'
import { httpWay } from './way.js'
import type { Way } from './way.js'

interface Entry {
  readonly key: string
  readonly link: ServerLink
  readonly health: HealthMemory
  readonly proxies: ProxyMemory
}

/**
 * The way to the servers, over one ssh connection each or a local socket. Does nothing until `use` names servers; then it connects on its own
 * and keeps connected.
 */
export function dockerDriver(options: DriverOptions): Driver & Examiner & Adopter & Balancer & Swarmer {
  const limits: DriverLimits = Object.freeze({ ...DRIVER_LIMITS, ...options.limits })
  const logins = new PQueue({ concurrency: limits.logins })
  const scratch: Scratch = { buffer: Buffer.alloc(0) }
  const entries = new Map<string, Entry>()
  let guardsOf = (_stack: string): Guards | null => null
  const listeners: ((server: string) => void)[] = []
  const hint = (server: string): void => {
    for (const listener of listeners) listener(server)
  }
  const withEngine: WithEngine = async (server, signal, work) => {
    const entry = entries.get(server)
    if (entry === undefined) return fail(notInFleet(server))
    // One tick's signal is listened to by each of its calls: that is no leak, and not worth a warning.
    setMaxListeners(0, signal)
    const engine = await entry.link.engine(signal)
    return engine.ok ? work(engine.value, entry) : engine
  }
  return {
    use(fleet: string, servers: readonly Server[], guards?: Guards, ownStack?: string): void {
      guardsOf = (stack) => (stack === ownStack ? ALL_ALLOWED : (guards ?? null))
      const wanted = new Map(servers.map((server) => [server.name, { server, key: keyOf(fleet, server) }]))
      for (const [name, entry] of entries) {
        if (wanted.get(name)?.key === entry.key) continue
        entries.delete(name)
        void entry.link.close()
      }
      for (const [name, { server, key }] of wanted) {
        if (entries.has(name)) continue
        const way = options.ways?.(server) ?? wayTo(server, options, limits, logins)
        const link = new ServerLink({ ...options, limits, server, fleet, way, onHint: () => hint(name), scratch })
        entries.set(name, { key, link, health: { commands: new Map(), hanging: new Map() }, proxies: new Map() })
      }
    },
    observe(server: string, closer: readonly string[], signal: AbortSignal): Promise<Result<Listing>> {
      return withEngine(server, signal, (engine, { link }) => link.look(engine, closer, signal))
    },
    perform(action: Action, signal: AbortSignal): Promise<Result<ActionResult>> {
      return withEngine(action.server, signal, (engine, { link }) =>
        performOn(engine, link.sightings, action, guardsOf(action.stack), signal),
      )
    },
    ask(server: string, question: ReadinessQuestion, signal: AbortSignal): Promise<Result<Readiness>> {
      return withEngine(server, signal, async (engine, { link, health }) =>
        ok(
          await askReplica(engine, { way: link.way, health, shared: sharedIn(link.sightings.swarm) }, question, signal),
        ),
      )
    },
    diagnose(server: string, containerId: string, signal: AbortSignal): Promise<Result<Evidence>> {
      return withEngine(server, signal, (engine) => diagnose(engine, containerId, signal))
    },
    examine(server: string, signal: AbortSignal): Promise<Result<ServerCondition>> {
      return withEngine(server, signal, (engine, { link }) => examine(engine, link.way, signal))
    },
    ...balancerOn(withEngine),
    ...adopterOn(withEngine),
    ...swarmerOn(withEngine),
    logs: (server, containerId, wanted, signal) => logsOf(entries.get(server), server, containerId, wanted, signal),
    onHint(listener: (server: string) => void): void {
      listeners.push(listener)
    },
    async close(): Promise<void> {
      const open = [...entries.values()]
      entries.clear()
      await Promise.all(open.map((entry) => entry.link.close()))
    },
  }
}

/** Does something with the engine of a server, once there is a way to it. */
type WithEngine = <T>(
  server: string,
  signal: AbortSignal,
  work: (engine: Engine, entry: Entry) => Promise<Result<T>>,
) => Promise<Result<T>>

function balancerOn(withEngine: WithEngine): Balancer {
  return {
    balance: (server, containerId, table, signal) =>
      withEngine(server, signal, (engine, { link, proxies: memory }) =>
        balanceProxy({ engine, way: link.way, memory, containerId }, table, signal),
      ),
    certificates: (server, containerId, signal) =>
      withEngine(server, signal, (engine) => heldCertificates(engine, containerId, signal)),
  }
}

function adopterOn(withEngine: WithEngine): Adopter {
  return {
    compare: (server, question, signal) =>
      withEngine(server, signal, (engine) => compareForeign(engine, question, signal)),
    checkNetwork: (server, network, stack, signal) =>
      withEngine(server, signal, (engine) => checkNetwork(engine, network, stack, signal)),
    adopt: (server, adoption, signal) =>
      withEngine(server, signal, (engine) => adoptContainer(engine, adoption, signal)),
  }
}

async function* logsOf(
  entry: Entry | undefined,
  server: string,
  containerId: string,
  wanted: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  if (entry === undefined) throw problemError(notInFleet(server))
  const engine = await entry.link.engine(signal)
  if (!engine.ok) throw problemError(engine.problem)
  yield* readLogs(engine.value, containerId, wanted, signal)
}

/** What a connection depends on: a server whose labels change keeps its connection. */
function keyOf(fleet: string, server: Server): string {
  return canonicalJson({ fleet, address: server.address, hostKey: server.hostKey })
}

function wayTo(server: Server, options: DriverOptions, limits: DriverLimits, logins: PQueue): Way {
  const route = routeTo(server, options, limits, logins)
  return httpWay({ server: server.name, route, clock: options.clock, errorBytes: limits.errorBytes })
}

function routeTo(server: Server, options: DriverOptions, limits: DriverLimits, logins: PQueue): Route {
  const { name, address, hostKey } = server
  if (address.kind === 'local') return localRoute(name, address.socketPath, limits.connectMs)
  const target = {
    server: name,
    address,
    hostKey,
    limits,
    dialHost: options.hosts?.[address.host]?.hostName ?? address.host,
    logins: loginsFor(options.identities, options.hosts?.[address.host], address.user),
  }
  return new SshRoute({ ...options, target, logins })
}

function notInFleet(server: string) {
  return { code: 'SERVER_UNREACHABLE', message: `the fleet has no server ${server}`, server } as const
}
