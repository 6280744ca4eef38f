import { Agent, request } from 'node:http'
import { Agent as SecureAgent, request as requestSecurely } from 'node:https'

/** What clients saw while they were at work. */
export interface Seen {
  readonly requests: number
  /** What went wrong, with where and when; empty: nothing. */
  readonly failures: readonly string[]
  /** How often each body was answered. */
  readonly bodies: ReadonlyMap<string, number>
}

const PAUSE_MS = 5
const DEADLINE_MS = 10_000

/** Clients of several addresses, each with a connection of its own for every request and one that is kept. */
export class Traffic {
  private readonly failures: string[] = []
  private readonly bodies = new Map<string, number>()
  private requests = 0
  private isEnding = false
  private readonly loops: readonly Promise<void>[]

  private readonly about: Asked

  constructor(urls: readonly string[], about: Asked = {}) {
    this.about = about
    this.loops = urls.flatMap((url) => [this.loop(url, false), this.loop(url, true)])
  }

  /** Requests that were sent so far. */
  asked(): number {
    return this.requests
  }

  async end(): Promise<Seen> {
    this.isEnding = true
    await Promise.all(this.loops)
    return { requests: this.requests, failures: this.failures, bodies: this.bodies }
  }

  private async loop(url: string, isKept: boolean): Promise<void> {
    const options = isKept ? { keepAlive: true, maxSockets: 1 } : { keepAlive: false }
    const agent = url.startsWith('https:') ? new SecureAgent(options) : new Agent(options)
    while (!this.isEnding) {
      this.requests += 1
      const answer = await get(url, agent, this.about)
      if (answer.status === 200) this.bodies.set(answer.body, (this.bodies.get(answer.body) ?? 0) + 1)
      else this.failures.push(`${url} ${isKept ? 'kept' : 'fresh'}: ${answer.status} ${answer.body}`)
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
    agent.destroy()
  }
}

/** The name that is asked for, where it is not that of the address, and the authority that is believed. */
export interface Asked {
  readonly host?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly ca?: string
}

/** Status 0: no answer, and the body says why. */
export function get(
  url: string,
  agent?: Agent,
  { host, headers, ...options }: Asked = {},
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve) => {
    const named = host === undefined ? { headers } : { headers: { host, ...headers }, servername: host }
    const about = { ...options, ...named, ...(agent === undefined ? {} : { agent }), timeout: DEADLINE_MS }
    const ask = url.startsWith('https:') ? requestSecurely : request
    const sent = ask(url, about, (answer) => {
      let body = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => (body += chunk))
      answer.on('error', (error) => resolve({ status: 0, body: error.message }))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: body.trim() }))
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')))
    sent.on('error', (error) => resolve({ status: 0, body: error.message }))
    sent.end()
  })
}
