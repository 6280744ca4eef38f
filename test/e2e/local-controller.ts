import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openAcme } from '../../src/acme/index.js'
import { openChecker } from '../../src/checks/index.js'
import { Certificates, Controller } from '../../src/controller/index.js'
import type { Clock, ControllerOptions, LogEvent } from '../../src/controller/index.js'
import { dockerDriver } from '../../src/driver/index.js'
import type { DriverOptions } from '../../src/driver/index.js'
import { createLoader } from '../../src/manifest/index.js'
import { openAuthority } from '../../src/mesh/index.js'
import { formatProblem } from '../../src/model/index.js'
import { gitSource } from '../../src/source/index.js'
import { sqliteJournal } from '../../src/store/index.js'

const KEPT_EVENTS = 1_000

const startedAtMs = Date.now() - performance.now()
const clock: Clock = {
  nowMs: () => Math.round(startedAtMs + performance.now()),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

/** Where a controller gets everything from. */
export interface Surroundings {
  readonly repositoryUrl: string
  readonly dataDir: string
  readonly sshKeyPath: string
}

export interface BootOptions {
  readonly controller?: Partial<ControllerOptions>
  readonly driver?: Partial<DriverOptions>
  /** Authority to believe for `ingress.acme.directory`. */
  readonly acmeCa?: string
}

/** A whole controller inside this process: real Git, real SSH, real journal. */
export interface LocalController {
  readonly controller: Controller
  /** Newest last, at most 1,000. */
  readonly events: readonly LogEvent[]
  stop(): Promise<void>
}

/** Git is asked five times a second and servers are looked at every two seconds besides their hints: tests have no minute to wait. */
export function bootController(surroundings: Surroundings, options: BootOptions = {}): LocalController {
  const { repositoryUrl, dataDir, sshKeyPath } = surroundings
  const { controller: changes, driver: driverChanges } = options
  const events: LogEvent[] = []
  const log = (event: LogEvent): void => {
    events.push(event)
    if (events.length > KEPT_EVENTS) events.shift()
  }
  const journal = sqliteJournal({ dir: dataDir })
  if (!journal.ok) throw new Error(formatProblem(journal.problem))
  const source = gitSource({
    url: repositoryUrl,
    ref: { branch: 'main' },
    dir: join(dataDir, 'git'),
    log,
    now: () => clock.nowMs(),
  })
  const driver = dockerDriver({
    identities: { keys: [{ name: 'id_ed25519', privateKey: readFileSync(sshKeyPath) }], agentSocket: null },
    registryAuths: {},
    log,
    clock,
    random: Math.random,
    ...driverChanges,
  })
  const acme = openAcme({
    dir: dataDir,
    clock,
    storeKey: null,
    bindingHmac: null,
    dnsHook: null,
    ca: options.acmeCa ?? null,
  })
  const certificates = new Certificates({ clock, ...acme })
  const controller = new Controller(
    {
      ...{ clock, source, loader: createLoader(), driver, journal: journal.value, log, checker: openChecker() },
      ingress: { balancer: driver, mesh: openAuthority({ dir: dataDir, clock }), certificates },
    },
    {
      repository: repositoryUrl,
      follow: { pollIntervalMs: 200, retryFirstMs: 200 },
      watch: { observeIntervalMs: 2_000, missedIntervalMs: 500 },
      ...changes,
    },
  )
  controller.start()
  return {
    controller,
    events,
    stop: async () => {
      certificates.close()
      await controller.stop()
      await Promise.all([driver.close(), source.close()])
      journal.value.close()
    },
  }
}
