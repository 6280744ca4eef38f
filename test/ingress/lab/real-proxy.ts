import { spawn } from 'node:child_process'
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askFigures, askProxy, askState, reloadProxy, tellProxy } from '../../../src/driver/proxy-socket.js'
import type { ProxyNow, ProxySocket } from '../../../src/driver/proxy-socket.js'
import { DRIVER_LIMITS } from '../../../src/driver/index.js'
import { CONFIG_FILE, planProxy, seenBy } from '../../../src/ingress/index.js'
import type { ProxySeen, ProxyTable } from '../../../src/model/index.js'
import { fail, ok } from '../../../src/model/index.js'
import { clock, must, never, until } from '../../driver/fixtures.js'
import type { Problem, Result } from '../../../src/model/index.js'

/** An HAProxy of this machine, brought to tables as the driver brings those in containers. */
export interface RealProxy {
  /** Returns how. */
  bring(table: ProxyTable): Promise<'live' | 'reload'>
  seen(table: ProxyTable): Promise<ProxySeen>
  /** Commands of its runtime interface, as they are. */
  tell(...commands: readonly string[]): Promise<void>
  log(): string
  stop(): Promise<void>
}

/** Versions other than the machine's are tried by hand: `SLIPWAY_TEST_HAPROXY=…/haproxy`. */
export const haproxyProgram = process.env['SLIPWAY_TEST_HAPROXY'] ?? '/usr/sbin/haproxy'

export async function startRealProxy(first: ProxyTable): Promise<RealProxy> {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-haproxy-'))
  const log = join(dir, 'log')
  const folder = join(dir, 'current')
  mkdirSync(folder)
  writeTable(folder, first, null)
  const arguments_ = ['-W', '-db', '-S', join(dir, 'm.sock'), '-f', join(folder, CONFIG_FILE)]
  const child = spawn('sh', ['-c', `exec ${haproxyProgram} "$@" >${log} 2>&1`, 'sh', ...arguments_])
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const socket = socketAt(join(dir, 'm.sock'))
  let now: ProxyNow | null = null
  const ask = async (): Promise<ProxyNow> => must(named(await askProxy(socket, never)))
  await until('haproxy answers', async () => (await askProxy(socket, never)).ok)
  return {
    async bring(table) {
      now = await ask()
      const plan = planProxy(table, now.state)
      writeTable(folder, table, now)
      if (plan.commands !== null) {
        must(named(await tellProxy(socket, now.workers.current ?? 0, plan.commands, never)))
        return 'live'
      }
      await reloadProxy(socket, never)
      await until('it runs with the new structure', async () => {
        const asked = await askProxy(socket, never)
        return asked.ok && asked.value.workers.current !== null && asked.value.state.structure === plan.structure
      })
      return 'reload'
    },
    async seen(table) {
      const { workers, state } = await ask()
      const former = await Promise.all(workers.old.map((pid) => askState(socket, pid, never)))
      const figures = await askFigures(socket, workers.current ?? 0, table, state, never)
      const seen = seenBy(
        table,
        state,
        former.flatMap((one) => (one.ok ? [one.value] : [])),
      )
      return figures === undefined ? seen : { ...seen, figures }
    },
    async tell(...commands) {
      must(named(await tellProxy(socket, (await ask()).workers.current ?? 0, commands, never)))
    },
    log: () => readFileSync(log, 'utf8'),
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export function writeTable(folder: string, table: ProxyTable, now: ProxyNow | null): void {
  for (const { name, content } of planProxy(table, now?.state ?? null).files) writeFileSync(join(folder, name), content)
}

function socketAt(path: string): ProxySocket {
  const openSocket = (): Promise<Result<ReturnType<typeof connect>, string>> =>
    new Promise((resolve) => {
      const stream = connect({ path, allowHalfOpen: true })
      stream.on('error', (error) => resolve(fail(error.message)))
      stream.once('connect', () => resolve(ok(stream)))
    })
  return { path, way: { openSocket }, clock, limits: DRIVER_LIMITS }
}

function named<T>(result: Result<T, string>): Result<T> {
  const problem = (message: string): Problem => ({ code: 'PROXY_ABSENT', message })
  return result.ok ? result : fail(problem(result.problem))
}

export interface Backend {
  readonly port: number
  readonly name: string
  /** Requests that it was sent. */
  readonly requests: readonly string[]
  /** Ends as a well-made server does: what it has is finished. */
  stop(): Promise<void>
  kill(): void
  release(): void
}

/** Answers with its name; `/slow` after 300 ms; `/held` when it is released; `/cut` by cutting; `/bad` with 500. */
export async function startBackend(name: string): Promise<Backend> {
  const requests: string[] = []
  const held: (() => void)[] = []
  const server: Server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} for=${String(request.headers['x-forwarded-for'])}`)
    if (request.url === '/cut') return void request.socket.destroy()
    if (request.url === '/bad') response.statusCode = 500
    if (request.url === '/held') return void held.push(() => response.end(name))
    request.resume()
    request.once('end', () => setTimeout(() => response.end(name), request.url === '/slow' ? 300 : 0))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    name,
    requests,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
    release: () => {
      for (const answer of held.splice(0)) answer()
    },
    kill: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

export async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
