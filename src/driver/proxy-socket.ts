import type { Duplex } from 'node:stream'
import { fail, ok } from '../model/index.js'
import type { ProxyFigures, ProxyTable, Result } from '../model/index.js'
import { STATE_QUESTIONS, figureQuestions, readFigures, readState, readWorkers } from '../ingress/index.js'
import type { ProxyState, Workers } from '../ingress/index.js'
import type { Clock } from '../controller/index.js'
import type { DriverLimits } from './options.js'
import { textOf } from './problem-error.js'
import type { Way } from './way.js'

export interface ProxySocket {
  readonly path: string
  readonly way: Pick<Way, 'openSocket'>
  readonly clock: Clock
  readonly limits: DriverLimits
}

/** A proxy at one moment. */
export interface ProxyNow {
  readonly workers: Workers
  /** Of the process that serves. */
  readonly state: ProxyState
}

/** Bytes of commands in one connection: HAProxy takes a line of 16 KiB. */
const LINE_BYTES = 8_000

/** Everything about it in one question. The problem is why nobody can say. */
export async function askProxy(socket: ProxySocket, signal: AbortSignal): Promise<Result<ProxyNow, string>> {
  const workers = await askWorkers(socket, signal)
  if (!workers.ok) return workers
  // After a failed reload HAProxy 2.6 has no current process; the youngest of the others goes on serving.
  const { current, old } = workers.value
  const state = await askState(socket, current ?? Math.max(...old), signal)
  return state.ok ? ok({ workers: workers.value, state: state.value }) : state
}

export async function askWorkers(socket: ProxySocket, signal: AbortSignal): Promise<Result<Workers, string>> {
  const answer = await ask(socket, 'show proc', signal)
  return answer.ok ? readWorkers(answer.value) : answer
}

/** Frontends and servers of one process. */
export async function askState(
  socket: ProxySocket,
  pid: number,
  signal: AbortSignal,
): Promise<Result<ProxyState, string>> {
  const answer = await ask(socket, STATE_QUESTIONS.map((question) => `@!${pid} ${question}`).join(';'), signal)
  return answer.ok ? readState(answer.value) : answer
}

/** What the replicas of services with a share were asked. Undefined: there are none, or it does not say. */
export async function askFigures(
  socket: ProxySocket,
  pid: number,
  table: ProxyTable,
  state: ProxyState,
  signal: AbortSignal,
): Promise<ProxyFigures | undefined> {
  const questions = figureQuestions(table, state)
  if (questions.length === 0) return undefined
  let text = ''
  for (const line of linesOf(questions.map((question) => `@!${pid} ${question}`))) {
    const answer = await ask(socket, line, signal)
    if (!answer.ok) return undefined
    text += `${answer.value}\n`
  }
  return readFigures(table, state, pid, text)
}

/** Live commands to the process that serves; what has lines below it goes alone. What they say is not looked at: who sends them looks at what became of them. */
export async function tellProxy(
  socket: ProxySocket,
  pid: number,
  commands: readonly string[],
  signal: AbortSignal,
): Promise<Result<null, string>> {
  for (const line of linesOf(commands.map((command) => `@!${pid} ${command}`))) {
    const told = await ask(socket, line, signal)
    if (!told.ok) return told
  }
  return ok(null)
}

/** As many commands at once as a line holds; what has lines below it goes alone. */
function linesOf(commands: readonly string[]): readonly string[] {
  const lines: string[] = []
  let isOpen = false
  for (const command of commands) {
    const last = lines.at(-1)
    const isAlone = command.includes('\n')
    if (isOpen && !isAlone && last !== undefined && last.length + command.length < LINE_BYTES)
      lines[lines.length - 1] = `${last};${command}`
    else lines.push(command)
    isOpen = !isAlone
  }
  return lines
}

/** Returns when the reload has begun (HAProxy 2.6) or has ended (later ones): who asks looks at what became of it. */
export async function reloadProxy(socket: ProxySocket, signal: AbortSignal): Promise<Result<null, string>> {
  const told = await ask(socket, 'reload', signal, socket.limits.proxyReloadMs)
  return told.ok ? ok(null) : told
}

/** One line, and the answer to its end, within a deadline and a bound. */
async function ask(
  socket: ProxySocket,
  line: string,
  signal: AbortSignal,
  deadlineMs = socket.limits.readMs,
): Promise<Result<string, string>> {
  if (signal.aborted) return fail('it was given up')
  const opened = await socket.way.openSocket(socket.path)
  return opened.ok ? exchange(socket, opened.value, line, signal, deadlineMs) : opened
}

function exchange(
  { clock, limits }: ProxySocket,
  stream: Duplex,
  line: string,
  signal: AbortSignal,
  deadlineMs: number,
): Promise<Result<string, string>> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const settle = (result: Result<string, string>): void => {
      cancel()
      signal.removeEventListener('abort', giveUp)
      stream.destroy()
      resolve(result)
    }
    const giveUp = (): void => settle(fail('it was given up'))
    const cancel = clock.after(deadlineMs, () => settle(fail(`it does not answer within ${deadlineMs} ms`)))
    signal.addEventListener('abort', giveUp, { once: true })
    const end = (): void => settle(ok(Buffer.concat(chunks).toString('latin1')))
    stream.on('error', (error: unknown) => settle(fail(textOf(error))))
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > limits.proxyBytes) settle(fail(`its answer is over ${limits.proxyBytes} bytes`))
      else chunks.push(chunk)
    })
    stream.on('end', end)
    stream.on('close', end)
    if (stream.destroyed || signal.aborted) giveUp()
    // The master ends its answer when there is no more to come, and not before.
    else stream.end(`${line}\n`)
  })
}
