import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createColors } from 'picocolors'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { formatStatus } from '../../src/cli/show/status.js'
import { fail, ok } from '../../src/model/index.js'
import { controlClient, serveControl } from '../../src/web/index.js'
import type { ControlServer, ControlSurface } from '../../src/web/index.js'
import type { Command, FleetStatus, LogEvent } from '../../src/controller/index.js'
import { fleetStatus } from '../cli/fleet-status.js'

let dir = ''
let socketPath = ''
let server: ControlServer | undefined
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'slipway-web-'))
  socketPath = join(dir, 'control.sock')
})
afterEach(async () => {
  await server?.close()
  server = undefined
  rmSync(dir, { recursive: true, force: true })
})

const event = (n: number): LogEvent => ({ atMs: n, level: 'info', message: 'tick', fields: { n } })

/** A surface that knows one service and remembers what it was told. */
function fakeSurface(): ControlSurface & { readonly told: Command[] } {
  const told: Command[] = []
  return {
    told,
    status: () => Promise.resolve(fail({ code: 'STORE_FAILED', message: 'the disk is full' })),
    plan: () => Promise.reject(new Error('planner broke')),
    observation: () => Promise.resolve(ok([])),
    history: (query) =>
      Promise.resolve(ok([{ kind: 'commanded', atMs: 1, command: { kind: 'sync', by: JSON.stringify(query) } }])),
    command: (command) => {
      told.push(command)
      return Promise.resolve(ok(`${command.kind} it is`))
    },
    logs: (query) =>
      Promise.resolve(
        query.stack === 'shop'
          ? ok(
              (async function* () {
                await Promise.resolve()
                yield {
                  slot: 'shop/web#1',
                  server: 'lon-1',
                  stream: 'stdout' as const,
                  atMs: null,
                  text: `tail ${query.tail}`,
                }
              })(),
            )
          : fail({ code: 'REFERENCE_UNKNOWN', message: `there is no ${query.stack}` }),
      ),
    events: (signal) =>
      Promise.resolve(
        ok(
          (async function* () {
            for (let n = 1; !signal.aborted; n += 1) {
              yield event(n)
              await new Promise((resolve) => setTimeout(resolve, 1))
            }
          })(),
        ),
      ),
  }
}

async function serve(
  surface: ControlSurface,
  onBug: (error: unknown) => void = () => undefined,
): Promise<ControlSurface> {
  const served = await serveControl(surface, { socketPath, onBug })
  if (!served.ok) throw new Error(served.problem.message)
  server = served.value
  return controlClient(socketPath)
}

function raw(
  method: string,
  path: string,
  body = '',
): Promise<{ status: number; body: { code: string; message: string } }> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as { code: string; message: string } }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

describe('a controller of a release before', () => {
  it('has a status in which what it does not say yet is empty', async () => {
    const { certificates: _later, ...before } = fleetStatus({})
    const client = await serve({ ...fakeSurface(), status: () => Promise.resolve(ok(before as FleetStatus)) })
    const status = await client.status()
    expect(status).toEqual(ok(fleetStatus({})))
    expect(status.ok && formatStatus(status.value, { colors: createColors(false), columns: 80 })).toMatch(
      /^acme {2}follows/,
    )
  })
})

describe('the control socket', () => {
  it('may be opened by its user alone', async () => {
    await serve(fakeSurface())
    expect(statSync(socketPath).mode & 0o777).toBe(0o600)
  })

  it('passes a command on and answers with its sentence', async () => {
    const surface = fakeSurface()
    const client = await serve(surface)
    const command: Command = { kind: 'restart', stack: 'shop', service: 'web', reason: 'stuck', by: 'ann' }
    expect(await client.command(command)).toEqual(ok('restart it is'))
    expect(surface.told).toEqual([command])
  })

  it('hands problems through with their code', async () => {
    const client = await serve(fakeSurface())
    expect(await client.status()).toEqual(fail({ code: 'STORE_FAILED', message: 'the disk is full' }))
    const missing = await client.logs(
      { stack: 'nope', service: null, tail: 1, follow: false },
      AbortSignal.timeout(5_000),
    )
    expect(missing).toMatchObject({ ok: false, problem: { code: 'REFERENCE_UNKNOWN' } })
  })

  it('answers a bug of its own without details, and tells the controller', async () => {
    const bugs: unknown[] = []
    const client = await serve(fakeSurface(), (bug) => bugs.push(bug))
    expect(await client.plan()).toMatchObject({ ok: false, problem: { code: 'BUG' } })
    expect(String(bugs[0])).toContain('planner broke')
  })

  it('passes history filters and log options', async () => {
    const client = await serve(fakeSurface())
    const history = await client.history({ stack: 'shop', service: 'web', limit: 7 })
    expect(history).toMatchObject({
      ok: true,
      value: [{ command: { by: '{"limit":7,"stack":"shop","service":"web"}' } }],
    })
    const logs = await client.logs(
      { stack: 'shop', service: 'web', tail: 5, follow: false },
      AbortSignal.timeout(5_000),
    )
    if (!logs.ok) throw new Error(logs.problem.message)
    const texts: string[] = []
    for await (const line of logs.value) texts.push(line.text)
    expect(texts).toEqual(['tail 5'])
  })

  it('streams events until the reader has enough', async () => {
    const client = await serve(fakeSurface())
    const enough = new AbortController()
    const events = await client.events(enough.signal)
    if (!events.ok) throw new Error(events.problem.message)
    const seen: number[] = []
    for await (const { atMs } of events.value) {
      seen.push(atMs)
      if (seen.length === 3) break
    }
    enough.abort()
    expect(seen).toEqual([1, 2, 3])
  })

  it('ends open streams when it closes', async () => {
    const client = await serve(fakeSurface())
    const events = await client.events(new AbortController().signal)
    if (!events.ok) throw new Error(events.problem.message)
    let seen = 0
    for await (const _event of events.value) {
      seen += 1
      if (seen === 2) void server?.close()
    }
    expect(seen).toBeGreaterThanOrEqual(2)
    expect(existsSync(socketPath)).toBe(false)
    server = undefined
  })

  it('tells that no controller is there', async () => {
    expect(await controlClient(socketPath).status()).toMatchObject({
      ok: false,
      problem: { code: 'CONTROLLER_ABSENT' },
    })
  })

  it('replaces the socket of a controller that died', async () => {
    const script = `require('net').createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', script])
    expect(statSync(socketPath).isSocket()).toBe(true)
    const client = await serve(fakeSurface())
    expect(await client.command({ kind: 'sync', by: 'ann' })).toEqual(ok('sync it is'))
  })

  it('refuses to take over the socket of one that lives', async () => {
    await serve(fakeSurface())
    expect(await serveControl(fakeSurface(), { socketPath })).toMatchObject({
      ok: false,
      problem: { code: 'CONTROLLER_RUNNING' },
    })
  })

  it('says which directory it cannot listen in', async () => {
    rmSync(dir, { recursive: true })
    const served = await serveControl(fakeSurface(), { socketPath })
    expect(served).toMatchObject({ ok: false, problem: { code: 'SETTING_INVALID' } })
  })
})

describe('a request that is not one', () => {
  const cases: readonly (readonly [what: string, method: string, path: string, body: string, status: number])[] = [
    ['an unknown route', 'GET', '/v1/nothing', '', 404],
    ['a wrong method', 'DELETE', '/v1/status', '', 404],
    ['an inherited name', 'GET', '/__proto__', '', 404],
    ['a body that is no JSON', 'POST', '/v1/commands', '{', 400],
    ['a body over its bound', 'POST', '/v1/commands', `{"kind":"sync","by":"ann"}${' '.repeat(70_000)}`, 400],
    ['a command of no kind', 'POST', '/v1/commands', '{"kind":"explode"}', 400],
    ['a command of an inherited kind', 'POST', '/v1/commands', '{"kind":"toString"}', 400],
    ['a command that lacks a field', 'POST', '/v1/commands', '{"kind":"retry","by":"ann"}', 400],
    ['a command with one too many', 'POST', '/v1/commands', '{"kind":"sync","by":"ann","force":true}', 400],
    ['a stack that is a path', 'POST', '/v1/commands', '{"kind":"retry","stack":"../x","by":"ann"}', 400],
    ['an endless history', 'GET', '/v1/history?limit=1000000', '', 400],
    ['a negative tail', 'GET', '/v1/logs?service=shop/web&tail=-1', '', 400],
    ['logs of nothing', 'GET', '/v1/logs', '', 400],
  ]

  it.each(cases)('%s is refused with a code', async (_what, method, path, body, status) => {
    const surface = fakeSurface()
    await serve(surface)
    const answer = await raw(method, path, body)
    expect(answer).toMatchObject({ status, body: { code: 'REQUEST_INVALID' } })
    expect(surface.told).toEqual([])
  })
})
