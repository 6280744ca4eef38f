import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Controller } from '../src/controller/index.js'
import type { Clock, Driver, LogEvent } from '../src/controller/index.js'
import { dockerDriver } from '../src/driver/index.js'
import { createLoader } from '../src/manifest/index.js'
import { openAuthority } from '../src/mesh/index.js'
import { formatProblem } from '../src/model/index.js'
import { gitSource } from '../src/source/index.js'
import { sqliteJournal } from '../src/store/index.js'

const NEVER_MS = 24 * 3_600_000
const DEADLINE_MS = 60_000

const startedAtMs = Date.now() - performance.now()
const clock: Clock = {
  nowMs: () => Math.round(startedAtMs + performance.now()),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

export interface SlipwayOptions {
  readonly repositoryUrl: string
  readonly dataDir: string
  readonly sshKeyPath: string
  /** Default 15 s, as for everybody. */
  readonly observeIntervalMs?: number
}

/** A whole controller in this process, with its defaults, but that Git is asked only when told to. */
export class Slipway {
  readonly controller: Controller
  /** Looks at servers that have ended, so far. */
  looks = 0
  private readonly ending: () => Promise<void>
  private readonly listeners = new Set<(event: LogEvent) => void>()

  constructor({ repositoryUrl, dataDir, sshKeyPath, observeIntervalMs }: SlipwayOptions) {
    const log = (event: LogEvent): void => {
      for (const listener of this.listeners) listener(event)
    }
    const journal = sqliteJournal({ dir: dataDir })
    if (!journal.ok) throw new Error(formatProblem(journal.problem))
    const dir = join(dataDir, 'git')
    const source = gitSource({ url: repositoryUrl, ref: { branch: 'main' }, dir, log, now: () => clock.nowMs() })
    const keys = [{ name: 'id_ed25519', privateKey: readFileSync(sshKeyPath) }]
    const identities = { keys, agentSocket: null }
    const driver = dockerDriver({ identities, registryAuths: {}, log, clock, random: Math.random })
    this.controller = new Controller(
      {
        clock,
        source,
        loader: createLoader(),
        driver: this.counted(driver),
        journal: journal.value,
        log,
        ingress: { balancer: driver, mesh: openAuthority({ dir: dataDir, clock }) },
      },
      {
        repository: repositoryUrl,
        follow: { pollIntervalMs: NEVER_MS },
        watch: observeIntervalMs === undefined ? {} : { observeIntervalMs },
      },
    )
    this.ending = async () => {
      await this.controller.stop()
      await Promise.all([driver.close(), source.close()])
      journal.value.close()
    }
  }

  /** Starts, and resolves when nothing is left to do. */
  async start(): Promise<void> {
    this.controller.start()
    await this.controller.poll()
    await this.quiet()
  }

  /** Asks Git and resolves with the ms until the rollout (or removal) of the stack that it brings has ended. */
  async rollOut(stack: string): Promise<number> {
    const beganMs = performance.now()
    const ended = this.next((event) => event.fields['stack'] === stack && ENDS.has(event.message))
    await this.controller.poll()
    const event = await ended
    if (!GOOD_ENDS.has(event.message)) throw new Error(`${event.message}: ${JSON.stringify(event.fields)}`)
    return event.seenAtMs - beganMs
  }

  /** Resolves once the controller has nothing under way for a moment. */
  async quiet(): Promise<void> {
    const endMs = performance.now() + DEADLINE_MS
    for (let still = 0; still < 10;) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      still = this.controller.isQuiet() ? still + 1 : 0
      if (performance.now() > endMs) throw new Error(`not quiet within ${DEADLINE_MS} ms`)
    }
  }

  stop(): Promise<void> {
    return this.ending()
  }

  private next(isIt: (event: LogEvent) => boolean): Promise<LogEvent & { readonly seenAtMs: number }> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.listeners.delete(listener)
        reject(new Error(`not within ${DEADLINE_MS} ms; ${this.story()}`))
      }, DEADLINE_MS)
      const listener = (event: LogEvent): void => {
        if (!isIt(event)) return
        clearTimeout(timer)
        this.listeners.delete(listener)
        resolve({ ...event, seenAtMs: performance.now() })
      }
      this.listeners.add(listener)
    })
  }

  private story(): string {
    const { source, stacks, problems } = this.controller.status()
    return JSON.stringify({ source, problems, stacks: stacks.map(({ name, sentence }) => `${name}: ${sentence}`) })
  }

  private counted(driver: Driver): Driver {
    return {
      ...driver,
      observe: async (...asked) => {
        const listing = await driver.observe(...asked)
        this.looks += 1
        return listing
      },
    }
  }
}

const GOOD_ENDS: ReadonlySet<string> = new Set(['rollout completed', 'stack removed'])
const ENDS: ReadonlySet<string> = new Set([...GOOD_ENDS, 'rolled back', 'rollout failed', 'rollout blocked'])
