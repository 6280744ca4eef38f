import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { Client } from 'ssh2'
import type { ClientChannel } from 'ssh2'

const ENGINE_SOCKET = '/var/run/docker.sock'

export interface RawAnswer {
  readonly status: number
  readonly body: Buffer
}

export interface RawLogin {
  readonly host: string
  readonly username: string
  readonly privateKey: Buffer
}

/** One ssh connection with kept streams to the engine behind it: the way Slipway takes, and nothing on top. */
export class RawServer {
  readonly name: string
  private readonly client: Client
  private readonly agent: Agent

  private constructor(name: string, client: Client) {
    this.name = name
    this.client = client
    this.agent = new StreamAgent(() => this.openEngine())
  }

  static async connect(name: string, login: RawLogin): Promise<RawServer> {
    const sock = connect({ host: login.host, port: 22, noDelay: true })
    const client = new Client()
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve).once('error', reject)
      client.connect({ sock, username: login.username, privateKey: login.privateKey })
    })
    return new RawServer(name, client)
  }

  /** One call; a status that says it failed throws, but for those named. */
  async call(method: string, path: string, body?: unknown, allowed: readonly number[] = []): Promise<RawAnswer> {
    const answer = await readAll(await this.send(method, path, body))
    const isFine = answer.status < 400 || allowed.includes(answer.status)
    if (!isFine) throw new Error(`${this.name}: ${method} ${path} ${answer.status} ${answer.body.toString('utf8')}`)
    return answer
  }

  async json<T>(path: string): Promise<T> {
    return JSON.parse((await this.call('GET', path)).body.toString('utf8')) as T
  }

  /** Whether the container answers 200 at this address. Nobody listening yet is no. */
  async probe(host: string, port: number, path: string): Promise<boolean> {
    const channel = await new Promise<ClientChannel | null>((resolve) => {
      this.client.forwardOut('127.0.0.1', 0, host, port, (error, opened) => resolve(error ? null : opened))
    })
    if (channel === null) return false
    const stream = asSocket(channel)
    return new Promise((resolve) => {
      const call = request({ createConnection: () => stream, path, headers: { Connection: 'close' } }, (response) => {
        resolve(response.statusCode === 200)
        stream.destroy()
      })
      call.on('error', () => resolve(false))
      call.end()
    })
  }

  /** Follows the engine's events until `close`. */
  async events(types: readonly string[], onEvent: (event: RawEvent) => void): Promise<void> {
    const filters = encodeURIComponent(JSON.stringify({ type: ['container'], event: types }))
    const response = await this.send('GET', `/events?filters=${filters}`)
    eachEvent(response, onEvent)
  }

  close(): void {
    this.agent.destroy()
    this.client.end()
  }

  private send(method: string, path: string, body?: unknown): Promise<IncomingMessage> {
    return sendJson({ agent: this.agent }, method, path, body)
  }

  private openEngine(): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      this.client.openssh_forwardOutStreamLocal(ENGINE_SOCKET, (error, channel) => {
        if (error) reject(error)
        else resolve(asSocket(channel))
      })
    })
  }
}

export interface RawEvent {
  readonly Action: string
  readonly id: string
  readonly Actor: { readonly Attributes: Readonly<Record<string, string>> }
}

/** Calls `onEvent` for each line of an event stream. */
export function eachEvent(response: IncomingMessage, onEvent: (event: RawEvent) => void): void {
  let rest = ''
  response.setEncoding('utf8')
  response.on('error', () => undefined)
  response.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line !== '') onEvent(JSON.parse(line) as RawEvent)
  })
}

export function sendJson(
  way: { readonly agent: Agent } | { readonly socketPath: string },
  method: string,
  path: string,
  body?: unknown,
): Promise<IncomingMessage> {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
  const headers = payload === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': payload.length }
  return new Promise((resolve, reject) => {
    const call = request({ ...way, method, path, headers }, resolve)
    call.on('error', reject)
    call.end(payload)
  })
}

export function readAll(response: IncomingMessage): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', reject)
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }))
  })
}

class StreamAgent extends Agent {
  private readonly open: () => Promise<Duplex>

  constructor(open: () => Promise<Duplex>) {
    super({ keepAlive: true, maxFreeSockets: 8 })
    this.open = open
  }

  override createConnection(_options: unknown, done?: (error: Error | null, stream: Duplex) => void): null {
    this.open().then(
      (stream) => done?.(null, stream),
      (error: unknown) => done?.(error as Error, undefined as unknown as Duplex),
    )
    return null
  }
}

/** What http takes for granted of a net.Socket. */
function asSocket(channel: ClientChannel): Duplex {
  const self = (): ClientChannel => channel
  channel.on('error', () => undefined)
  return Object.assign(channel, {
    setKeepAlive: self,
    setNoDelay: self,
    setTimeout: self,
    ref: self,
    unref: self,
    destroySoon: () => channel.destroy(),
  })
}
