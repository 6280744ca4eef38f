// The process that makes the load: begun with the options as its argument, asked and ended by messages.
import { Agent, get, request } from 'node:http'
import { WebSocket } from 'ws'
import type { LoadFailure, LoadOptions, LoadReport, ToLoad } from './messages.js'

const TICK_MS = 10
const DEADLINE_MS = 30_000
/** Every so often a socket says something and wants it back. */
const SAY_MS = 1_000
const AGAIN_MS = 100
const SLOW_EVERY = 500
/** A machine that cannot keep up has fewer requests, not a heap of them. */
const MOST_OPEN = 100
/** Shorter than the proxies keep a connection that is idle: whoever asks in the moment in which it is closed gets no answer, which is nobody's loss. */
const IDLE_MS = 10_000

class Load {
  private readonly options: LoadOptions
  private readonly kept = new Agent({ keepAlive: true, maxSockets: 32, timeout: IDLE_MS })
  private urls: readonly string[]
  private readonly usedAtMs = new WeakMap<object, number>()
  private failures: LoadFailure[] = []
  private answers: Record<string, number> = {}
  private requests = 0
  private posts = 0
  private streamsEnded = 0
  private open = 0
  private streams = 0
  private count = 0
  private isEnding = false

  constructor(options: LoadOptions) {
    this.options = options
    this.urls = options.urls
  }

  start(): void {
    const { perSecond, sockets, streams } = this.options
    let due = 0
    let lastMs = performance.now()
    const timer = setInterval(() => {
      const nowMs = performance.now()
      due = Math.min(due + ((nowMs - lastMs) * perSecond) / 1_000, perSecond / 10)
      lastMs = nowMs
      for (; due >= 1 && !this.isEnding; due -= 1) if (this.open < MOST_OPEN) this.one()
      if (this.isEnding) clearInterval(timer)
    }, TICK_MS)
    for (let i = 0; i < sockets; i += 1) this.socket(i)
    for (let i = 0; i < streams; i += 1) this.stream(i)
  }

  aim(urls: readonly string[]): void {
    this.urls = urls
  }

  end(): void {
    this.isEnding = true
  }

  report(): LoadReport {
    const { requests, open, streams, streamsEnded, posts, answers, failures } = this
    this.requests = 0
    this.streamsEnded = 0
    this.posts = 0
    this.answers = {}
    this.failures = []
    return { requests, open, streams, streamsEnded, posts, answers, failures }
  }

  private url(index: number): string {
    return this.urls[index % this.urls.length] ?? ''
  }

  /** Of ten requests six are GETs and two POSTs on kept connections, and two have a connection of their own; some are slow. */
  private one(): void {
    this.count += 1
    const turn = this.count % 10
    const isSlow = this.count % SLOW_EVERY === 0
    const method = turn >= 8 ? 'POST' : 'GET'
    const isFresh = turn === 0 || turn === 1
    const what = `${method} ${isFresh ? 'fresh' : 'kept'}${isSlow ? ' slow' : ''}`
    const url = this.url(Math.floor(this.count / 10))
    const begunAtMs = Date.now()
    this.requests += 1
    this.open += 1
    const done = (why: string | null, body = ''): void => {
      this.open -= 1
      if (why !== null) this.failures.push({ what, url, why, begunAtMs })
      else {
        this.answers[body] = (this.answers[body] ?? 0) + 1
        if (method === 'POST') this.posts += 1
      }
    }
    const agent = isFresh ? false : this.kept
    const headers = method === 'POST' ? { 'x-key': `${process.pid}-${this.count}` } : {}
    const path = isSlow ? '/slow' : '/'
    const sent = request(new URL(path, url), { method, agent, headers, timeout: DEADLINE_MS }, (answer) => {
      let body = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => (body += chunk))
      answer.on('end', () =>
        done(answer.statusCode === 200 ? null : `status ${answer.statusCode}: ${body.trim()}`, body),
      )
      answer.on('error', (error) => done(error.message))
    })
    sent.on('timeout', () => sent.destroy(new Error(`no answer in ${DEADLINE_MS / 1_000} s`)))
    let isAnswered = false
    let idle = ''
    sent.on('response', () => (isAnswered = true))
    sent.on('socket', (socket) => {
      const usedAtMs = this.usedAtMs.get(socket)
      if (usedAtMs !== undefined) idle = `, on a connection that was idle for ${Date.now() - usedAtMs} ms`
    })
    sent.on('close', () => {
      if (sent.socket !== null) this.usedAtMs.set(sent.socket, Date.now())
    })
    sent.on('error', (error) => (isAnswered ? undefined : done(`${error.message}${idle}`)))
    sent.end(method === 'POST' ? 'body' : undefined)
  }

  private again(open: () => void, what: string, url: string, begunAtMs: number, end: string | null): void {
    this.streams -= 1
    if (this.isEnding) return
    const ageMs = Date.now() - begunAtMs
    const why = end ?? (ageMs < this.options.leastAgeMs ? `ended after ${ageMs} ms already` : null)
    if (why === null) this.streamsEnded += 1
    else this.failures.push({ what, url, why, begunAtMs })
    setTimeout(open, AGAIN_MS)
  }

  private socket(index: number): void {
    const url = this.url(index)
    const begunAtMs = Date.now()
    this.streams += 1
    const socket = new WebSocket(`${url.replace('http', 'ws')}socket`, { handshakeTimeout: DEADLINE_MS })
    let said = 0
    let heard = 0
    let problem: string | null = null
    const timer = setInterval(() => {
      if (this.isEnding) return socket.close()
      if (heard < said) problem = `no echo within ${SAY_MS} ms of ${Date.now() - begunAtMs} ms`
      if (problem !== null && Date.now() - begunAtMs > DEADLINE_MS && heard < said - 10) return socket.terminate()
      said += 1
      if (socket.readyState === WebSocket.OPEN) socket.send(String(said))
      else said -= 1
    }, SAY_MS)
    socket.on('message', (data: Buffer) => {
      heard += 1
      const word = data.toString()
      problem = word === String(heard) ? null : `heard ${word} as word ${heard}`
    })
    socket.on('error', (error) => (problem = error.message))
    socket.on('close', (code, reason) => {
      clearInterval(timer)
      const isPolite = code === 1001 && String(reason) === 'bye'
      this.again(
        () => this.socket(index),
        'socket',
        url,
        begunAtMs,
        isPolite ? null : (problem ?? `closed with ${code}`),
      )
    })
  }

  private stream(index: number): void {
    const url = this.url(index)
    const begunAtMs = Date.now()
    this.streams += 1
    let last = ''
    let isOver = false
    const over = (end: string | null): void => {
      if (isOver) return
      isOver = true
      this.again(() => this.stream(index), 'events', url, begunAtMs, end)
    }
    const sent = get(new URL('/events', url), { agent: false }, (answer) => {
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        last = chunk
        if (this.isEnding) sent.destroy()
      })
      answer.on('close', () => over(last.endsWith('data: bye\n\n') ? null : `cut, status ${answer.statusCode}`))
      answer.on('error', () => undefined)
    })
    sent.on('error', (error) => over(error.message))
  }
}

const load = new Load(JSON.parse(process.argv[2] ?? '{}') as LoadOptions)
load.start()
process.on('message', (message: ToLoad) => {
  if (message.kind === 'aim') load.aim(message.urls)
  else if (message.kind === 'end') load.end()
  process.send?.(load.report())
})
process.on('disconnect', () => process.exit())
