import { Certificates, Controller } from '../controller/index.js'
import type { LogEvent, Ports } from '../controller/index.js'
import { openLedger } from '../forge/index.js'
import type { Ledger } from '../forge/index.js'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { ControlSurface } from '../web/index.js'
import { decided } from './decided.js'
import { eventBus } from './event-bus.js'
import type { EventBus } from './event-bus.js'
import { usage, valueOf } from './invocation.js'
import type { Invocation } from './invocation.js'
import { ledgerFile } from './ledger-file.js'
import { pinsOf } from './pins.js'
import { reportOf } from './plan-report.js'
import { replicaLogs } from './replica-logs.js'
import type { Settings } from './settings.js'

/** A plan that is asked for at the very start waits this long for the servers. */
const LOOK_DEADLINE_MS = 30_000

/** A controller in this process, with the data directory taken. */
export interface LocalController {
  readonly surface: ControlSurface
  /** For those who listen to it. */
  readonly controller: Controller
  /** What was told to whom. */
  readonly ledger: Ledger
  start(): void
  compact(): void
  /** Ends it at the next safe point and gives the data directory back. */
  close(): Promise<void>
}

/** Opens every port and puts a controller between them; the data directory first, so that a second one touches nothing. */
export async function openController(
  { settings, parts, io }: Invocation,
  log: (event: LogEvent) => void,
): Promise<LocalController> {
  const repo = repoOf(settings)
  const journal = valueOf(await parts.openJournal(settings, { readOnly: false }))
  const bus = eventBus()
  const tell = (event: LogEvent): void => {
    log(event)
    bus.publish(event)
  }
  const source = await parts.openSource(settings, repo, { dir: null, log: tell })
  const driver = await parts.openDriver(settings, tell)
  const loader = await parts.openLoader()
  const { clock } = parts
  const certificates = new Certificates({ clock, ...(await parts.openAcme(settings)) })
  const ingress = { balancer: driver, mesh: await parts.openMesh(settings), certificates }
  const checker = await parts.openChecker()
  const ports: Ports = { clock, source, loader, driver, journal, log: tell, ingress, checker }
  const ledger = openLedger(ledgerFile(settings.dataDir, tell, io.nowMs))
  const ref = refName(settings)
  const controller: Controller = new Controller(ports, {
    repository: withoutUserinfo(repo),
    ref,
    signedBy: settings.signedBy,
    pins: pinsOf({ ledger, source, clock, ref, snapshot: () => controller.snapshot() }),
    follow: { pollIntervalMs: settings.pollMs },
    watch: { observeIntervalMs: settings.observeMs },
  })
  const ending = new AbortController()
  return {
    controller,
    ledger,
    surface: surfaceOf(controller, ports, bus, ending.signal),
    start: () => controller.start(),
    compact: () => controller.compact(),
    close: async () => {
      ending.abort()
      certificates.close()
      await controller.stop()
      bus.close()
      await Promise.all([driver.close(), source.close(), loader.close()])
      journal.close()
    },
  }
}

/** The repository to follow, or what to set. */
export function repoOf({ repo }: Settings): string {
  if (repo !== null) return repo
  throw usage('no repository is named: give --repo <address>, or set SLIPWAY_REPO')
}

export function refName({ ref }: Settings): string {
  return 'branch' in ref ? ref.branch : ref.tag
}

/** An address is shown in every status; a token that stands in it is not. */
export function withoutUserinfo(repo: string): string {
  return repo.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1')
}

function surfaceOf(controller: Controller, ports: Ports, bus: EventBus, ending: AbortSignal): ControlSurface {
  return {
    status: () => Promise.resolve(ok(controller.status())),
    plan: async () => {
      await controller.poll()
      await decided(controller, ports.clock, LOOK_DEADLINE_MS, ending)
      return ok(reportOf(controller))
    },
    observation: () => Promise.resolve(ok([...controller.snapshot().observation.values()])),
    history: (query) => Promise.resolve(stored(() => ports.journal.history(query))),
    command: (command) => Promise.resolve(controller.command(command)),
    logs: (query, signal) => Promise.resolve(replicaLogs(ports.driver, controller.status(), query, signal)),
    events: (signal) => Promise.resolve(ok(bus.follow(signal))),
  }
}

function stored<T>(read: () => T): Result<T> {
  try {
    return ok(read())
  } catch (error) {
    return fail({ code: 'STORE_FAILED', message: error instanceof Error ? error.message : String(error) })
  }
}
