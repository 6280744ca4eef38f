// A process of its own: sends requests that are made beforehand over kept connections, several at once on each, and reads of the answers only what they say.
import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** `taken`: each signed and new. `forged`: signed with another secret. `repeated`: signed, the same again. */
export type Flood = 'taken' | 'forged' | 'repeated'

export interface FloodOrder {
  readonly url: string
  readonly secret: string
  readonly flood: Flood
  readonly requests: number
}

export interface Flooded {
  readonly ms: number
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>
}

const CONNECTIONS = 32
const AT_ONCE = 4
/** About what a forge says of a push. */
const BODY_BYTES = 8_192
/** Found once its line is there whole. */
const STATUS = /^HTTP\/1\.1 (\d{3}) [^\n]*\n/gm

let made = 0

process.on('message', (order: FloodOrder) => {
  void flood(order).then((flooded) => process.send?.(flooded))
})
process.on('disconnect', () => process.exit())

async function flood({ url, secret, flood, requests }: FloodOrder): Promise<Flooded> {
  const { hostname, port } = new URL(url)
  const once = requestOf(secret, made)
  const all = Array.from({ length: requests }, () =>
    flood === 'repeated' ? once : requestOf(flood === 'forged' ? `not ${secret}` : secret, (made += 1)),
  )
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(Number(port), hostname)))
  const statuses: Record<string, number> = {}
  const beganMs = performance.now()
  await Promise.all(sockets.map((socket) => play(socket, all, statuses)))
  const ms = performance.now() - beganMs
  for (const socket of sockets) socket.destroy()
  return { ms, statuses }
}

function requestOf(secret: string, id: number): Buffer {
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    id,
    repository: { full_name: 'acme/fleet' },
    commits: [{ message: 'x'.repeat(BODY_BYTES - 100) }],
  })
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  const head = [
    'POST /hooks HTTP/1.1',
    'host: slipway.example.com',
    'user-agent: forge',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-hub-signature-256: sha256=${signature}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function open(port: number, host: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host, noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Sends what is left of `all`, a few at once, until every one sent here is answered. */
function play(socket: Socket, all: Buffer[], statuses: Record<string, number>): Promise<void> {
  return new Promise((resolve, reject) => {
    let waiting = 0
    let rest = ''
    const send = (): void => {
      for (let next = waiting < AT_ONCE ? all.pop() : undefined; next !== undefined; next = all.pop()) {
        socket.write(next)
        waiting += 1
        if (waiting >= AT_ONCE) break
      }
      if (waiting === 0) resolve()
    }
    socket.on('data', (chunk: Buffer) => {
      const text = rest + chunk.toString('latin1')
      for (const [, status = ''] of text.matchAll(STATUS)) {
        statuses[status] = (statuses[status] ?? 0) + 1
        waiting -= 1
      }
      rest = text.slice(text.lastIndexOf('\n') + 1)
      send()
    })
    socket.on('close', () => reject(new Error('the receiver closed a connection')))
    send()
  })
}
