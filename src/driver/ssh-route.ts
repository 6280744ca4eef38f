import type { Duplex } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import type PQueue from 'p-queue'
import { fail, ok } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'
import type { Clock, LogEvent } from '../controller/index.js'
import { asSocket, openChannel } from '../ssh/index.js'
import type { ChannelRefusal, SshConnection } from '../ssh/index.js'
import { backoffMs } from './backoff.js'
import { checkStdio, stdioCommand } from './dial-stdio.js'
import type { DiskSpace, Route, TcpFailure } from './route.js'
import { logInToServer } from './server-login.js'
import type { ServerLogin } from './server-login.js'
import { sshDiskOf, sshGroupOf } from './ssh-files.js'

export interface SshRouteOptions {
  readonly target: ServerLogin
  readonly clock: Clock
  readonly random: () => number
  readonly log: (event: LogEvent) => void
  /** Logins at once, all servers together: each costs some milliseconds of CPU. */
  readonly logins: PQueue
}

type Mode = 'forward' | 'stdio'

/** One ssh connection, opened when needed, reopened with backoff after it was lost. */
export class SshRoute implements Route {
  readonly #options: SshRouteOptions
  readonly #lost: (() => void)[] = []
  #connection: SshConnection | null = null
  #opening: Promise<Result<SshConnection>> | null = null
  #mode: Mode | null = null
  #finding: Promise<Result<Mode>> | null = null
  #failures = 0
  #pause: { readonly untilMs: number; readonly problem: Problem } | null = null
  #isClosed = false

  constructor(options: SshRouteOptions) {
    this.#options = options
  }

  isNarrow(): boolean {
    return this.#mode === 'stdio'
  }

  onLost(listener: () => void): void {
    this.#lost.push(listener)
  }

  async openEngine(): Promise<Result<Duplex>> {
    const connected = await this.#connected()
    if (!connected.ok) return connected
    const { client } = connected.value
    if (this.#mode === null) {
      const first = await this.#forward(client)
      if (first.ok) {
        this.#mode ??= 'forward'
        return first
      }
      const found = await (this.#finding ??= this.#findMode(client, first.problem))
      if (!found.ok) return found
    }
    const opened = this.#mode === 'stdio' ? await this.#stdio(client) : await this.#forward(client)
    return opened.ok ? opened : fail(this.#engineUnreachable(opened.problem.message))
  }

  async openTcp(host: string, port: number): Promise<Result<Duplex, TcpFailure>> {
    const connected = await this.#connected()
    if (!connected.ok) return fail({ kind: 'no-way', message: connected.problem.message })
    const opened = await openChannel(
      (done) => connected.value.client.forwardOut('127.0.0.1', 0, host, port, done),
      this.#options.target.limits.connectMs,
    )
    if (opened.ok) return ok(asSocket(opened.value))
    // OpenSSH: 1 is "administratively prohibited", 2 is what connect(2) said.
    if (opened.problem.reason === 2) return fail({ kind: 'refused', message: opened.problem.message })
    const advice =
      'sshd forbids TCP forwarding to containers (AllowTcpForwarding, PermitOpen); allow it, or use a healthcheck'
    return fail({ kind: 'no-way', message: opened.problem.reason === 1 ? advice : opened.problem.message })
  }

  async openSocket(path: string): Promise<Result<Duplex, string>> {
    const connected = await this.#connected()
    if (!connected.ok) return fail(connected.problem.message)
    const opened = await this.#forward(connected.value.client, path)
    return opened.ok ? opened : fail(opened.problem.message)
  }

  async engineGroup(): Promise<Result<number, string>> {
    const connected = await this.#connected()
    if (!connected.ok) return fail(connected.problem.message)
    const { address, limits } = this.#options.target
    return sshGroupOf(connected.value.client, address.socketPath, limits.connectMs)
  }

  async diskOf(path: string): Promise<Result<DiskSpace, string>> {
    const connected = await this.#connected()
    if (!connected.ok) return fail(connected.problem.message)
    return sshDiskOf(connected.value.client, path, this.#options.target.limits.connectMs)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const open = this.#connection
    if (open === null) return
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(this.#options.target.limits.closeMs, () => open.socket.destroy())
      open.socket.once('close', () => {
        cancel()
        resolve()
      })
      open.client.end()
      if (open.socket.destroyed) resolve()
    })
  }

  async #connected(): Promise<Result<SshConnection>> {
    if (this.#connection !== null) return ok(this.#connection)
    if (this.#isClosed) return fail(this.#closedProblem())
    if (this.#opening === null) {
      const waiting = this.#waiting()
      if (waiting !== null) return fail(waiting)
      this.#opening = this.#open().finally(() => (this.#opening = null))
    }
    return this.#opening
  }

  /** Fails fast while a backoff runs, so that no tick waits for a server that was just found away. */
  #waiting(): Problem | null {
    if (this.#pause === null) return null
    const leftMs = this.#pause.untilMs - this.#options.clock.nowMs()
    if (leftMs <= 0) return null
    const { problem } = this.#pause
    if (problem.next?.kind === 'stalled') return problem
    const message = `${problem.message}; next try in ${Math.ceil(leftMs / 1000)} s`
    return { ...problem, message, next: { kind: 'retry', afterMs: leftMs } }
  }

  async #open(): Promise<Result<SshConnection>> {
    const { target, clock, logins } = this.#options
    const startedAtMs = clock.nowMs()
    const result = await logins.add(() => logInToServer(target))
    if (this.#isClosed) {
      if (result.ok) result.value.socket.destroy()
      return fail(this.#closedProblem())
    }
    if (!result.ok) {
      this.#failed(result.problem)
      return fail(this.#waiting() ?? result.problem)
    }
    this.#mode = null
    this.#finding = null
    this.#connection = result.value
    this.#pause = null
    const openedAtMs = clock.nowMs()
    result.value.client.once('close', () => this.#ended(result.value, openedAtMs))
    this.#say('info', 'server connected', { durationMs: openedAtMs - startedAtMs })
    return result
  }

  #failed(problem: Problem): void {
    const { target, clock, random } = this.#options
    // What a person must mend is not hammered: sshd's guards would lock the controller out.
    const attempt = problem.next?.kind === 'stalled' ? Number.MAX_SAFE_INTEGER : this.#failures
    if (this.#failures === 0)
      this.#say('warn', 'server not reachable', { code: problem.code, problem: problem.message })
    this.#failures += 1
    this.#pause = { untilMs: clock.nowMs() + backoffMs(attempt, target.limits, random), problem }
  }

  #ended(connection: SshConnection, openedAtMs: number): void {
    connection.socket.destroy()
    if (this.#connection !== connection) return
    this.#connection = null
    if (this.#isClosed) return
    const { target, clock } = this.#options
    this.#failures = clock.nowMs() - openedAtMs >= target.limits.stableMs ? 0 : this.#failures
    const problem: Problem = {
      code: 'SERVER_UNREACHABLE',
      message: `the connection to server ${target.server} was lost`,
      server: target.server,
    }
    if (clock.nowMs() - openedAtMs < target.limits.stableMs) this.#failed(problem)
    this.#say('warn', 'server connection lost', {})
    for (const listener of this.#lost) listener()
  }

  /** The first stream was refused. OpenSSH says the same for "forbidden" and "no such socket": only the other way tells them apart. */
  async #findMode(client: Client, refusal: ChannelRefusal): Promise<Result<Mode>> {
    const { target } = this.#options
    const command = stdioCommand(target.address.socketPath)
    const stdio = command === null ? null : await checkStdio(client, command, target.limits)
    this.#finding = null
    if (stdio?.ok === true) {
      this.#mode = 'stdio'
      const advice = 'set AllowStreamLocalForwarding yes in sshd_config for the fast way'
      this.#say('warn', 'sshd forbids forwarding to the engine socket, using docker system dial-stdio', { advice })
      return ok('stdio')
    }
    const why = stdio === null ? refusal.message : stdio.problem
    return fail(this.#engineUnreachable(why))
  }

  async #forward(client: Client, path?: string): Promise<Result<Duplex, ChannelRefusal>> {
    const { address, limits } = this.#options.target
    const opened = await openChannel(
      (done) => client.openssh_forwardOutStreamLocal(path ?? address.socketPath, done),
      limits.connectMs,
    )
    return opened.ok ? ok(asSocket(opened.value)) : opened
  }

  async #stdio(client: Client): Promise<Result<Duplex, ChannelRefusal>> {
    const { address, limits } = this.#options.target
    const command = stdioCommand(address.socketPath)
    if (command === null) return fail({ reason: null, message: 'the socket path has unusual characters' })
    const opened = await openChannel<ClientChannel>((done) => client.exec(command, done), limits.connectMs)
    if (!opened.ok) return opened
    opened.value.stderr.on('error', () => undefined).resume()
    return ok(asSocket(opened.value))
  }

  #engineUnreachable(why: string): Problem {
    const { server, address } = this.#options.target
    const remedy = /permission denied/i.test(why)
      ? `add ${address.user} to the group docker on the server`
      : /not found|no such file/i.test(why)
        ? 'install the Docker Engine there, or name its socket in slipway.yaml'
        : 'start the Docker Engine there'
    const message = `the engine of server ${server} does not answer at ${address.socketPath}: ${why}; ${remedy}`
    return { code: 'ENGINE_UNREACHABLE', message, server }
  }

  #closedProblem(): Problem {
    const { server } = this.#options.target
    return { code: 'SERVER_UNREACHABLE', message: `the connection to server ${server} is closed`, server }
  }

  #say(level: LogEvent['level'], message: string, fields: LogEvent['fields']): void {
    const { clock, log, target } = this.#options
    log({ atMs: clock.nowMs(), level, message, fields: { server: target.server, ...fields } })
  }
}
