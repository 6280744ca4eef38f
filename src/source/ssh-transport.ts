import type { ClientChannel } from 'ssh2'
import { connectSsh, loginsFor, hostPattern, openChannel } from '../ssh/index.js'
import type { SshConnection, SshFailure, SshTarget } from '../ssh/index.js'
import type { Address } from './address.js'
import { GitFailure, foreignText, stalled } from './failure.js'
import type { GitSsh, SourceLimits } from './options.js'
import { FLUSH, packetOf, readPackets, serverSays, truncated } from './pkt-line.js'
import { abortReason, silence, tooMuch } from './transport.js'
import type { Answer, Call, Transport } from './transport.js'

type SshAddress = Extract<Address, { kind: 'ssh' }>
type Limits = Pick<SourceLimits, 'connectMs' | 'idleMs'>

const NO_SSH: GitSsh = { identities: { keys: [], agentSocket: null }, hostKey: { kind: 'none' } }
const DEFAULT_USER = 'git'
const MAX_COMPLAINT = 4_096

/**
 * Git's smart protocol over ssh, in the shape of its HTTP form. A GET starts the service and hands on what it says by itself, the list of
 * refs; a POST starts it again, passes over that list, sends the body and hands on the answer. Each takes one channel of one connection.
 */
export function sshTransport(
  address: SshAddress,
  ssh: ((host: string) => GitSsh) | undefined,
  limits: Limits,
): Transport {
  const target = targetOf(address, ssh?.(address.host) ?? NO_SSH, limits)
  const line = new Line(target, address.host)

  async function send(call: Call, signal: AbortSignal): Promise<Answer> {
    const service = serviceOf(call)
    // The same newer protocol as over http, where the server takes the variable; others answer in the old one.
    const version = call.headers['Git-Protocol']
    const env = version === undefined ? {} : { env: { GIT_PROTOCOL: version } }
    const opened = await line.exec(`${service} '${address.path}'`, env)
    const session = new Session(opened, { ...address, ...limits }, signal)
    const kind = call.method === 'GET' ? 'advertisement' : 'result'
    return {
      contentType: `application/x-${service}-${kind}`,
      body: call.method === 'GET' ? advertised(session, service, call.maxBytes) : answered(session, call),
    }
  }

  return { send, close: () => line.close() }
}

function serviceOf({ method, path }: Call): string {
  const service = /^(?:\/info\/refs\?service=|\/)(git-(?:upload|receive)-pack)$/.exec(path)?.[1]
  if (service === undefined) throw new Error(`no Git service is asked for by ${method} ${path}`)
  return service
}

function targetOf(address: SshAddress, ssh: GitSsh, limits: Limits): SshTarget {
  const host = ssh.host?.hostName ?? address.host
  const user = address.user ?? ssh.host?.user ?? DEFAULT_USER
  return {
    host,
    dialHost: host,
    port: address.port ?? ssh.host?.port ?? 22,
    user,
    hostKey: ssh.hostKey,
    logins: loginsFor(ssh.identities, ssh.host, user),
    limits: { connectMs: limits.connectMs, keepaliveMs: 10_000, keepaliveCount: 3 },
  }
}

/** What the service says first: its refs, or what it can do. Then it is told that nothing more is wanted. */
async function* advertised(session: Session, service: string, maxBytes: number): AsyncGenerator<Uint8Array> {
  yield Buffer.concat([packetOf(Buffer.from(`# service=${service}\n`)), Buffer.from(FLUSH)])
  try {
    for await (const packet of packetsUntilFlush(session, maxBytes)) yield packetOf(packet)
    yield Buffer.from(FLUSH)
    session.channel.end(FLUSH)
  } finally {
    session.end()
  }
}

async function* answered(session: Session, call: Call): AsyncGenerator<Uint8Array> {
  try {
    for await (const _passed of packetsUntilFlush(session, call.maxBytes)) void _passed
    session.channel.end(call.body ?? FLUSH)
    let bytes = 0
    for (let chunk = await session.next(); chunk !== null; chunk = await session.next()) {
      bytes += chunk.byteLength
      if (bytes > call.maxBytes) throw tooMuch(session.host, call.maxBytes)
      yield chunk
    }
  } finally {
    session.end()
  }
}

async function* packetsUntilFlush(session: Session, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const packet of readPackets(session.chunks(), session.host)) {
    if (packet === 'flush') return
    if (packet === 'mark') continue
    bytes += packet.byteLength
    if (bytes > maxBytes) throw tooMuch(session.host, maxBytes)
    yield packet
  }
  throw truncated(session.host)
}

/** What a service leaves behind beside its answer. */
interface Legacy {
  complaint: string
  exit: number | null
  isClosed: boolean
}

/** How a service ended comes after its last word: it is waited for this long. */
const FAREWELL_MS = 2_000

interface Service {
  readonly channel: ClientChannel
  readonly connection: SshConnection
  readonly legacy: Legacy
}

function listen(channel: ClientChannel, legacy: Legacy): void {
  channel.on('exit', (code: number | null) => (legacy.exit = code))
  channel.on('close', () => (legacy.isClosed = true))
  channel.stderr.on('error', () => undefined)
  channel.stderr.on('data', (chunk: Buffer) => {
    legacy.complaint = (legacy.complaint + chunk.toString('utf8')).slice(0, MAX_COMPLAINT)
  })
}

/** One service at work on the other side. */
class Session {
  readonly channel: ClientChannel
  readonly host: string
  readonly #connection: SshConnection
  readonly #idleMs: number
  readonly #signal: AbortSignal
  readonly #reader: AsyncIterator<Buffer>
  readonly #legacy: Legacy
  #cut: GitFailure | null = null
  #timer: NodeJS.Timeout | undefined
  readonly #onAbort = (): void => this.#break(abortReason(this.#signal))

  constructor({ channel, connection, legacy }: Service, place: { host: string } & Limits, signal: AbortSignal) {
    this.channel = channel
    this.#legacy = legacy
    this.host = place.host
    this.#connection = connection
    this.#idleMs = place.idleMs
    this.#signal = signal
    // Reading to the end must not close it: how the service ended is still to come.
    this.#reader = channel.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>
    signal.addEventListener('abort', this.#onAbort, { once: true })
    if (signal.aborted) this.#onAbort()
  }

  /** Read on by `next`, whoever stops reading this. */
  chunks(): AsyncIterable<Uint8Array> {
    const next = async (): Promise<IteratorResult<Uint8Array>> => {
      const chunk = await this.next()
      return chunk === null ? { done: true, value: undefined } : { done: false, value: chunk }
    }
    return { [Symbol.asyncIterator]: () => ({ next }) }
  }

  /** What comes next; null at an end that is one. */
  async next(): Promise<Uint8Array | null> {
    this.#timer = setTimeout(() => this.#break(silence(this.host, this.#idleMs)), this.#idleMs)
    try {
      const { done, value } = (await this.#reader.next()) as IteratorResult<Buffer, undefined>
      if (done !== true) return value
      await this.#farewell()
    } catch {
      // What broke it is told below.
    } finally {
      clearTimeout(this.#timer)
    }
    if (this.#cut !== null) throw this.#cut
    if (this.#connection.socket.destroyed)
      throw new GitFailure('GIT_UNREACHABLE', `${this.host} broke the connection; the last good revision stays`)
    const { exit, complaint } = this.#legacy
    if (exit !== 0 && complaint.trim() !== '') throw serverSays(ownWords(complaint), this.host)
    if (exit !== null && exit !== 0)
      throw new GitFailure('GIT_UNREACHABLE', `${this.host} ended Git's service with code ${exit} and no reason`)
    return null
  }

  async #farewell(): Promise<void> {
    const { exit, isClosed } = this.#legacy
    if (exit !== null || isClosed) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, FAREWELL_MS)
      const end = (): void => {
        clearTimeout(timer)
        resolve()
      }
      this.channel.once('exit', end).once('close', end)
    })
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.channel.destroy()
  }

  /** Ends the whole connection: a channel alone waits for the other side's goodbye. */
  #break(cause: GitFailure): void {
    this.#cut ??= cause
    this.#connection.socket.destroy()
  }
}

/** Without the greeting and the hints that forges wrap around the one line that matters. */
function ownWords(complaint: string): string {
  const lines = complaint.split('\n').map((line) => line.replace(/^remote: ?/, '').trim())
  const telling = lines.find((line) => /^(?:fatal|error|access denied)\b/i.test(line))
  return telling ?? lines.filter((line) => line !== '').join(' ')
}

/** One connection, opened when needed and kept. */
class Line {
  readonly #target: SshTarget
  readonly #name: string
  #connection: SshConnection | null = null
  #opening: Promise<SshConnection> | null = null
  #isClosed = false

  constructor(target: SshTarget, name: string) {
    this.#target = target
    this.#name = name
  }

  async exec(command: string, options: { readonly env?: NodeJS.ProcessEnv }): Promise<Service> {
    const wasOpen = this.#connection !== null
    const connection = await this.#connected()
    const legacy: Legacy = { complaint: '', exit: null, isClosed: false }
    const opened = await openChannel<ClientChannel>(
      (done) =>
        connection.client.exec(command, options, (error, channel) => {
          // Here and not later: a service that fails at once says so in the same packet in which it begins.
          if (error === undefined) listen(channel, legacy)
          done(error, channel)
        }),
      this.#target.limits.connectMs,
    )
    if (opened.ok) return { channel: opened.value, connection, legacy }
    connection.socket.destroy()
    if (this.#connection === connection) this.#connection = null
    // One that was kept may have died in silence; a fresh one that refuses means it.
    if (wasOpen) return this.exec(command, options)
    throw new GitFailure(
      'GIT_UNREACHABLE',
      `${this.#name} starts no Git service (${foreignText(opened.problem.message)}); the last good revision stays`,
    )
  }

  close(): void {
    this.#isClosed = true
    this.#connection?.client.end()
    this.#connection?.socket.destroySoon()
  }

  async #connected(): Promise<SshConnection> {
    if (this.#connection !== null) return this.#connection
    this.#opening ??= this.#open().finally(() => (this.#opening = null))
    return this.#opening
  }

  async #open(): Promise<SshConnection> {
    const result = await connectSsh(this.#target)
    if (!result.ok) throw failureOf(result.problem, this.#target)
    const connection = result.value
    if (this.#isClosed) connection.socket.destroy()
    else this.#connection = connection
    connection.client.once('close', () => {
      connection.socket.destroy()
      if (this.#connection === connection) this.#connection = null
    })
    return connection
  }
}

function failureOf(failure: SshFailure, target: SshTarget): GitFailure {
  const { user, host } = target
  const where = hostPattern(target)
  switch (failure.kind) {
    case 'unreachable':
      return new GitFailure(
        'GIT_UNREACHABLE',
        `${where} cannot be reached: ${failure.why}; the last good revision stays`,
      )
    case 'login-refused':
      return stalled(
        'GIT_AUTH',
        `${where} refuses the login as ${user}: ${failure.tried}`,
        'add the public key there as a deploy key, or give the right one in SLIPWAY_GIT_SSH_KEY_FILE',
      )
    case 'host-key-unknown':
      return stalled(
        'HOST_KEY_UNKNOWN',
        `${where} shows the host key ${failure.seen}, and ${failure.why}; nothing was sent`,
        `compare it with the fingerprint that the Git host publishes, then set SLIPWAY_GIT_HOST_KEY=${failure.seen}, or add the host to ~/.ssh/known_hosts (ssh-keyscan -p ${target.port} ${host})`,
      )
    case 'host-key-mismatch':
      return stalled(
        'HOST_KEY_MISMATCH',
        `${where} shows the host key ${failure.seen}, ${failure.why}; nothing was sent`,
        'somebody may stand between; if the Git host announced a new key, compare and pin that',
      )
  }
}
