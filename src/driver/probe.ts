import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import type { ProbeSpec } from '../model/index.js'
import type { Clock, Readiness } from '../controller/index.js'
import type { DriverLimits } from './options.js'
import { textOf } from './problem-error.js'
import type { Way } from './way.js'

type HttpProbe = Extract<ProbeSpec, { readonly kind: 'http' }>

export interface ProbeContext {
  readonly way: Pick<Way, 'openTcp'>
  readonly clock: Clock
  readonly limits: DriverLimits
}

/** Asks the container at its address, from the server. `onGood` is called once, when the answer begins and is a good one. Never rejects. */
export async function probeAddress(
  context: ProbeContext,
  probe: ProbeSpec,
  address: string,
  signal: AbortSignal,
  onGood: () => void = () => undefined,
): Promise<Readiness> {
  const { clock } = context
  const late = new AbortController()
  const stop = (): void => late.abort()
  const cancel = clock.after(probe.timeoutMs, stop)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([ask(context, probe, address, late.signal, onGood), whenLate(late.signal, probe, signal)])
  } finally {
    cancel()
    signal.removeEventListener('abort', stop)
    // Whatever still waits for an answer is cut.
    late.abort()
  }
}

function whenLate(late: AbortSignal, probe: ProbeSpec, signal: AbortSignal): Promise<Readiness> {
  return new Promise((resolve) => {
    late.addEventListener('abort', () => {
      if (signal.aborted) resolve({ verdict: 'unknown', output: 'the probe was given up' })
      else resolve({ verdict: 'not-ready', output: `no answer within ${probe.timeoutMs} ms` })
    })
  })
}

async function ask(
  context: ProbeContext,
  probe: ProbeSpec,
  address: string,
  late: AbortSignal,
  onGood: () => void,
): Promise<Readiness> {
  const opened = await context.way.openTcp(address, probe.port)
  if (!opened.ok) {
    const verdict = opened.problem.kind === 'refused' ? 'not-ready' : 'unknown'
    return { verdict, output: `${address}:${probe.port}: ${opened.problem.message}` }
  }
  const stream = opened.value
  stream.on('error', () => undefined)
  late.addEventListener('abort', () => stream.destroy())
  if (late.aborted) stream.destroy()
  if (probe.kind === 'http') return askHttp(context, probe, address, stream, onGood)
  onGood()
  stream.destroy()
  return { verdict: 'ready', output: `${address}:${probe.port} accepts connections` }
}

async function askHttp(
  context: ProbeContext,
  probe: HttpProbe,
  address: string,
  stream: Duplex,
  onGood: () => void,
): Promise<Readiness> {
  const onStatus = (status: number): void => void (isFit(probe, status) && onGood())
  const answer = await get(probe, address, stream, context.limits.outputChars, onStatus)
  stream.destroy()
  if (typeof answer === 'string') return { verdict: 'not-ready', output: answer }
  const isGood = isFit(probe, answer.status)
  const wanted = isGood ? '' : `, wanted ${range(probe)}`
  const output = `HTTP ${answer.status}${wanted} from ${probe.scheme}://${address}:${probe.port}${probe.path}\n${answer.body}`
  return { verdict: isGood ? 'ready' : 'not-ready', output: output.trim().slice(0, context.limits.outputChars) }
}

function isFit({ expectMin, expectMax }: HttpProbe, status: number): boolean {
  return status >= expectMin && status <= expectMax
}

function range(probe: HttpProbe): string {
  return probe.expectMin === probe.expectMax ? `${probe.expectMin}` : `${probe.expectMin}–${probe.expectMax}`
}

/** Redirects are answers, not followed. The certificate is not checked: who answers is known by the address. */
function get(
  probe: HttpProbe,
  address: string,
  stream: Duplex,
  maxChars: number,
  onStatus: (status: number) => void,
): Promise<{ readonly status: number; readonly body: string } | string> {
  return new Promise((resolve) => {
    const host = probe.host ?? `${address.includes(':') ? `[${address}]` : address}:${probe.port}`
    const headers = { Host: host, 'User-Agent': 'slipway-probe', Accept: '*/*', Connection: 'close' }
    const call = request({ createConnection: () => wrap(probe, stream), path: probe.path, headers })
    call.on('error', (error) => resolve(`${address}:${probe.port}: ${textOf(error)}`))
    // Nobody asked for another protocol, but it is an answer; without a listener it would be none, until the time is over.
    call.on('upgrade', (response) => {
      onStatus(response.statusCode ?? 0)
      resolve({ status: response.statusCode ?? 0, body: '' })
    })
    call.on('response', (response: IncomingMessage) => {
      const status = response.statusCode ?? 0
      onStatus(status)
      let body = ''
      const end = (): void => {
        resolve({ status, body: body.slice(0, maxChars) })
        stream.destroy()
      }
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
        if (body.length >= maxChars) end()
      })
      response.on('error', end)
      response.on('close', end)
    })
    call.end()
  })
}

function wrap(probe: HttpProbe, stream: Duplex): Duplex {
  if (probe.scheme === 'http') return stream
  const secure = tlsConnect({
    socket: stream,
    rejectUnauthorized: false,
    ...(probe.host === null ? {} : { servername: probe.host }),
  })
  secure.on('error', () => undefined)
  return secure
}
