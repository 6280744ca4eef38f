import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readIdentities, runCli } from '../src/cli/index.js'
import type { Io, Parts } from '../src/cli/index.js'
import type { Clock, Fact, FleetStatus, Journal } from '../src/controller/index.js'
import { dockerDriver } from '../src/driver/index.js'
import { createLoader } from '../src/manifest/index.js'
import { formatProblem, ok } from '../src/model/index.js'
import { openAcme } from '../src/acme/index.js'
import { openChecker } from '../src/checks/index.js'
import { openAuthority } from '../src/mesh/index.js'
import { gitSource, gitWorkshop } from '../src/source/index.js'
import { sqliteJournal } from '../src/store/index.js'
import { controlClient, controlSocketPath } from '../src/web/index.js'

const START_MS = 10_000
/** What is under way may need this long; after it the servers are taken away regardless. */
const STOP_MS = 10_000
const LOOK_AGAIN_MS = 50
const LOG_SHOWN = 20

const startedAtMs = Date.now() - performance.now()
const now = (): number => Math.round(startedAtMs + performance.now())
const clock: Clock = {
  nowMs: now,
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

export interface DemoControllerOptions {
  readonly repositoryUrl: string
  readonly dir: string
  readonly env: Readonly<Record<string, string>>
  readonly home: string
  readonly onFacts: (facts: readonly Fact[]) => void
}

/** `slipway run`, inside this process so that it cannot outlive it, with its control socket open for everybody else. */
export interface DemoController {
  readonly dataDir: string
  /** Where its own log goes, line by line as JSON. */
  readonly logPath: string
  readonly status: () => Promise<FleetStatus>
  /** The end of that log, for somebody who must find out what went wrong. */
  readonly lastLog: () => string
  /** Prints what the command line prints. */
  readonly slipway: (args: readonly string[], io: Pick<Io, 'out' | 'isTty' | 'columns'>) => Promise<void>
  readonly stop: () => Promise<void>
}

export async function startController(options: DemoControllerOptions): Promise<DemoController> {
  const dataDir = join(options.dir, 'data')
  const logPath = join(options.dir, 'controller.log')
  mkdirSync(options.dir, { recursive: true })
  const ending = new AbortController()
  const log = (text: string): void => appendFileSync(logPath, text)
  const io = ioFor(options, dataDir, { out: log, err: log, isTty: false, columns: 100 }, ending.signal)
  const args = ['run', '--poll', '1s', '--observe', '5s', '--log-format', 'json']
  const parts = partsFor(options.onFacts)
  const ended = runCli(args, VERSION, io, parts)
  const socketPath = controlSocketPath(dataDir)
  if (!socketPath.ok) throw new Error(formatProblem(socketPath.problem))
  const surface = controlClient(socketPath.value)
  const stop = async (): Promise<void> => {
    ending.abort('SIGTERM')
    await Promise.race([ended, sleep(STOP_MS, undefined, { ref: false })])
  }
  const giveUpMs = now() + START_MS
  while (!(await surface.status()).ok) {
    const over = await Promise.race([ended, sleep(LOOK_AGAIN_MS)])
    if (over === undefined && now() < giveUpMs) continue
    await stop()
    throw new Error(`the controller did not start:\n${readFileSync(logPath, 'utf8').trimEnd()}`)
  }
  return {
    dataDir,
    logPath,
    status: async () => {
      const status = await surface.status()
      if (status.ok) return status.value
      throw new Error(formatProblem(status.problem))
    },
    lastLog: () => readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-LOG_SHOWN).join('\n'),
    slipway: async (command, shown) => {
      await runCli(command, VERSION, ioFor(options, dataDir, { ...shown, err: shown.out }, ending.signal), parts)
    },
    stop,
  }
}

const VERSION = 'demo'

function ioFor(
  { repositoryUrl, env, home }: DemoControllerOptions,
  dataDir: string,
  shown: Pick<Io, 'out' | 'err' | 'isTty' | 'columns'>,
  interrupted: AbortSignal,
): Io {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env
  return {
    ...shown,
    env: { NO_COLOR, FORCE_COLOR, TERM, ...env, SLIPWAY_REPO: repositoryUrl, SLIPWAY_DATA: dataDir },
    home,
    isRoot: false,
    user: 'demo',
    nowMs: now,
    interrupted,
  }
}

/** As main.ts puts it together, but that each fact is told as soon as it is in the journal. */
function partsFor(onFacts: DemoControllerOptions['onFacts']): Parts {
  return {
    clock,
    openSource: (settings, repo, { dir, log }) =>
      Promise.resolve(gitSource({ url: repo, ref: settings.ref, dir: dir ?? join(settings.dataDir, 'git'), log, now })),
    openWorkshop: (settings, repo, { dir, log }) =>
      Promise.resolve(gitWorkshop({ url: repo, ref: settings.ref, dir, log, now })),
    openLoader: () => Promise.resolve({ ...createLoader(), close: () => Promise.resolve() }),
    openDriver: (settings, log) => {
      const { hosts, ...identities } = readIdentities(settings)
      const registryAuths = settings.registries
      return Promise.resolve(dockerDriver({ identities, hosts, registryAuths, log, clock, random: Math.random }))
    },
    loadRehearsalDriver: () => {
      const nobody = { identities: { keys: [], agentSocket: null }, registryAuths: {} }
      return Promise.resolve((options) => dockerDriver({ ...nobody, ...options, random: Math.random }))
    },
    openMesh: (settings) => Promise.resolve(openAuthority({ dir: settings.dataDir, clock })),
    openAcme: ({ dataDir: dir }) =>
      Promise.resolve(openAcme({ dir, clock, storeKey: null, bindingHmac: null, dnsHook: null, ca: null })),
    openChecker: () => Promise.resolve(openChecker()),
    openJournal: (settings, { readOnly }) => {
      const journal = sqliteJournal({ dir: settings.dataDir, readOnly })
      return Promise.resolve(journal.ok ? ok(telling(journal.value, onFacts)) : journal)
    },
    // No demo lasts until the night.
    schedule: () => Promise.resolve(() => undefined),
  }
}

function telling(journal: Journal, onFacts: DemoControllerOptions['onFacts']): Journal {
  return new Proxy(journal, {
    get: (target, name) => {
      if (name === 'append') {
        return (facts: readonly Fact[]): void => {
          target.append(facts)
          onFacts(facts)
        }
      }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** Of the checkout: what another terminal calls. */
export const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url))
