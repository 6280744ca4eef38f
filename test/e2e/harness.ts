import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { settlementOf } from '../../src/controller/index.js'
import type { FleetStatus, LogEvent, Settlement, StackStatus } from '../../src/controller/index.js'
import { HAPROXY_IMAGE, makeHaproxy, startLab } from '../lab/index.js'
import type { Lab, LabRepository, LabServerOptions } from '../lab/index.js'
import { loadApps } from './app-image.js'
import type { AppImages } from './app-image.js'
import { describeContainers, enginesOf } from './engines.js'
import type { Engines, SeenContainer } from './engines.js'
import { bootController } from './local-controller.js'
import type { BootOptions, LocalController } from './local-controller.js'
import type { Files } from './manifests.js'
import { Program } from './program.js'
import type { Ended } from './program.js'
import { Sampler } from './sampler.js'
import { ServerLogs } from './server-logs.js'

/** Longer than anything takes: only a broken behaviour ever waits this long. */
const UNTIL_MS = 60_000
const LOOK_AGAIN_MS = 25
const SHOWN_EVENTS = 40

export const PROXY_IMAGE = HAPROXY_IMAGE

export interface FleetOptions {
  /** Of the lab and the fleet; no two test files may share one. At most 20 of a–z, 0–9 and `-`. */
  readonly name: string
  /** Default 3. */
  readonly servers?: number | readonly LabServerOptions[]
  /** Loaded into every engine before anything else happens. */
  readonly images?: AppImages
  /** Loads the proxy of a fleet with ingress too, as {@link PROXY_IMAGE}. Default false. */
  readonly proxy?: boolean
  /** Starts the lab's two registries. Default false. */
  readonly registry?: boolean
}

/** Servers, a repository served over HTTP, and at most one controller in this process. */
export class TestFleet {
  readonly lab: Lab
  readonly repository: LabRepository
  readonly engines: Engines
  readonly dataDir: string
  private readonly tempDir: string
  private readonly programs: Program[] = []
  private running: LocalController | undefined
  private lastEvents: readonly LogEvent[] = []

  constructor(lab: Lab, repository: LabRepository) {
    this.lab = lab
    this.repository = repository
    this.engines = enginesOf(lab)
    this.tempDir = mkdtempSync(join(tmpdir(), 'slipway-e2e-'))
    this.dataDir = join(this.tempDir, 'data')
    mkdirSync(join(this.tempDir, 'home'))
  }

  get repositoryUrl(): string {
    return this.lab.git.url(this.repository.name)
  }

  /** Starts a controller in this process, on this fleet's data directory. */
  boot(options: BootOptions = {}): void {
    if (this.running !== undefined) throw new Error('a controller runs already')
    const { repositoryUrl, dataDir } = this
    this.running = bootController({ repositoryUrl, dataDir, sshKeyPath: this.lab.sshKeyPath }, options)
    this.lastEvents = this.running.events
  }

  /** Ends the controller of {@link boot} at its next safe point. */
  async halt(): Promise<void> {
    const { running } = this
    this.running = undefined
    await running?.stop()
  }

  /** The controller of {@link boot}. */
  get controller(): LocalController['controller'] {
    if (this.running === undefined) throw new Error('no controller runs in this process')
    return this.running.controller
  }

  /** What the controller of this process logged; after {@link halt} what the last one did. */
  get events(): readonly LogEvent[] {
    return this.lastEvents
  }

  /** The command line as a process of its own, on this fleet's repository and data directory unless the arguments say otherwise. */
  run(...args: readonly string[]): Program {
    return this.runWith({}, ...args)
  }

  /** The same with more in its environment. */
  runWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): Program {
    const program = new Program(args, {
      HOME: join(this.tempDir, 'home'),
      SLIPWAY_REPO: this.repositoryUrl,
      SLIPWAY_DATA: this.dataDir,
      SLIPWAY_SSH_KEY_FILE: this.lab.sshKeyPath,
      SLIPWAY_POLL: '1s',
      SLIPWAY_OBSERVE: '2s',
      SLIPWAY_LOG_FORMAT: 'json',
      ...env,
    })
    this.programs.push(program)
    return program
  }

  /** The same, run to its end. */
  cli(...args: readonly string[]): Promise<Ended> {
    return this.run(...args).ended
  }

  /** Writes (null: removes) files and pushes the commit. Returns it. */
  commit(files: Files, message: string): Promise<string> {
    return this.repository.commit(files, message)
  }

  /** Commits and waits for the end of it, which must be `kind`. */
  async deploy(files: Files, message: string, kind: Settlement['kind'] = 'applied'): Promise<string> {
    const sha = await this.commit(files, message)
    await this.settle(sha, kind)
    return sha
  }

  /** Waits until the controller is done with a revision, and in the given way. */
  async settle(sha: string, kind: Settlement['kind'] = 'applied', deadlineMs = UNTIL_MS): Promise<void> {
    const end = (): Settlement => settlementOf(this.status(), sha)
    await this.until(`${sha.slice(0, 8)} settled`, () => end().kind !== 'pending', deadlineMs)
    const { kind: found } = end()
    if (found !== kind) throw new Error(await this.story(`${sha.slice(0, 8)} ended as ${found}, not ${kind}`))
  }

  status(): FleetStatus {
    return this.controller.status()
  }

  stack(name = 'shop'): StackStatus {
    const found = this.status().stacks.find((stack) => stack.name === name)
    if (found === undefined) throw new Error(`no stack ${name}`)
    return found
  }

  /** Containers of the fleet (of one service), read from the engines. */
  containers(service?: string): Promise<readonly SeenContainer[]> {
    return this.engines.containers(service)
  }

  /** Begins to watch a service; every 50 ms, from the engines. */
  sample(service: string): Sampler {
    return new Sampler(this.engines, service)
  }

  /** From now on: what the servers themselves write down of calls and logins. */
  watchTraffic(): ServerLogs {
    return new ServerLogs(this.lab)
  }

  /** Waits until something holds; what never holds fails with all that is known. An answer that throws does not hold yet. */
  async until(what: string, holds: () => boolean | Promise<boolean>, deadlineMs = UNTIL_MS): Promise<void> {
    const endMs = performance.now() + deadlineMs
    let thrown: unknown
    for (;;) {
      try {
        if (await holds()) return
        thrown = undefined
      } catch (error) {
        thrown = error
      }
      if (performance.now() > endMs) {
        throw new Error(await this.story(`not within ${deadlineMs / 1000} s: ${what}`), { cause: thrown })
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    }
  }

  /** Ends everything, also when starting it failed half-way. */
  async down(): Promise<void> {
    try {
      await Promise.all(this.programs.map((program) => program.kill('SIGKILL')))
      await this.halt()
    } finally {
      await this.lab.down()
      rmSync(this.tempDir, { recursive: true, force: true })
    }
  }

  /** A failure message for people: what status says, what happened last, what is on the servers. */
  private async story(what: string): Promise<string> {
    const sentences = this.running === undefined ? ['(no controller in this process)'] : describeStatus(this.status())
    const containers = await this.containers().then(describeContainers, (error: unknown) => String(error))
    const printed = this.programs.at(-1)?.output.slice(-4_000)
    return [
      what,
      ...['--- status', ...sentences],
      ...['--- last events', ...this.lastEvents.slice(-SHOWN_EVENTS).map(describeEvent)],
      ...(printed === undefined ? [] : ['--- the program printed', printed]),
      ...['--- containers', containers],
    ].join('\n')
  }
}

/** Starts a lab with its Git server and an empty repository. The caller commits, boots, and takes all of it down. */
export async function startFleet(options: FleetOptions): Promise<TestFleet> {
  const { name, images = {}, registry = false } = options
  const planned = options.servers ?? 3
  const lab = await startLab({ name, servers: withDebug(planned), registry, git: true })
  try {
    await loadApps(lab, images)
    if (options.proxy === true) await lab.load(await makeHaproxy(lab.busybox))
    return new TestFleet(lab, await lab.git.createRepo('fleet'))
  } catch (error) {
    await lab.down()
    throw error
  }
}

/** The engines write down every call: see {@link ServerLogs}. */
function withDebug(planned: number | readonly LabServerOptions[]): readonly LabServerOptions[] {
  const names = ['lon-1', 'lon-2', 'lon-3', 'ams-1', 'ams-2', 'ams-3', 'fra-1', 'fra-2', 'fra-3', 'nyc-1']
  const servers = typeof planned === 'number' ? names.slice(0, planned).map((name) => ({ name })) : planned
  return servers.map((server: LabServerOptions) => ({ ...server, daemon: { debug: true, ...server.daemon } }))
}

function describeStatus(status: FleetStatus): readonly string[] {
  const { source, servers, stacks, problems } = status
  return [
    `accepted ${source.accepted?.sha.slice(0, 8) ?? 'nothing'}, fetched ${source.fetched?.sha.slice(0, 8) ?? 'nothing'}`,
    ...(source.problem === null ? [] : [`Git: ${source.problem.code} ${source.problem.message}`]),
    ...(source.held === null ? [] : [`held: ${source.held.problem.code} ${source.held.problem.message}`]),
    ...(source.refused?.problems ?? []).map(({ code, message }) => `refused: ${code} ${message}`),
    ...problems.map(({ code, message }) => `fleet: ${code} ${message}`),
    ...servers.map(({ name, phase, problem }) => `${name}: ${phase}${problem === null ? '' : ` ${problem.message}`}`),
    ...stacks.flatMap(({ name, phase, sentence, services }) => [
      `${name}: ${phase}: ${sentence}`,
      ...services.map((service) => `  ${service.name}: ${service.phase}: ${service.sentence}`),
    ]),
  ]
}

function describeEvent({ atMs, level, message, fields }: LogEvent): string {
  return `${new Date(atMs).toISOString().slice(11, 23)} ${level} ${message} ${JSON.stringify(fields)}`
}
