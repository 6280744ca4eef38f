import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCli } from '../../src/cli/index.js'
import type { Io, Parts } from '../../src/cli/index.js'
import { COMMANDS } from '../../src/cli/command-table.js'
import { fail, ok } from '../../src/model/index.js'
import { serveControl } from '../../src/web/index.js'
import type { ControlSurface } from '../../src/web/index.js'
import type { Command } from '../../src/controller/index.js'
import { fleetStatus, revision, serviceStatus, stackStatus } from './fleet-status.js'
import { keptIo } from './kept-io.js'

let dir = ''
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'slipway-cli-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** No command of these tests may reach Git, a server or the disk. */
const unreachable = (): never => {
  throw new Error('a port was opened')
}
const parts: Parts = {
  clock: { nowMs: () => 0, after: unreachable },
  openSource: unreachable,
  openWorkshop: unreachable,
  openLoader: unreachable,
  openDriver: unreachable,
  openMesh: unreachable,
  openAcme: unreachable,
  openChecker: unreachable,
  openJournal: unreachable,
  loadRehearsalDriver: unreachable,
  schedule: unreachable,
}

async function run(
  argv: readonly string[],
  env: Io['env'] = {},
  interrupted = new AbortController().signal,
): Promise<Ran> {
  const { io, written } = keptIo({ env: { SLIPWAY_DATA: dir, ...env }, home: dir, interrupted })
  return { code: await runCli(argv, '1.2.3', io, parts), ...written }
}

describe('the command line', () => {
  it.each(COMMANDS.map(({ name }) => name))('%s has help with examples', async (name) => {
    const { code, out } = await run([...name.split(' '), '--help'])
    expect(code).toBe(0)
    expect(out).toMatch(/Usage: slipway /)
    expect(out).toMatch(/Examples:\n {2}\$ slipway /)
  })

  it('lists every command and tells of settings and exit codes', async () => {
    const { code, out } = await run(['--help'])
    expect(code).toBe(0)
    for (const { name } of COMMANDS) expect(out).toContain(name.split(' ')[0])
    expect(out).toMatch(/SLIPWAY_SSH_KEY/)
    expect(out).toMatch(/Exit codes: 0 done/)
  })

  it('prints its version', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, out: '1.2.3\n', err: '' })
  })

  const wrong: readonly (readonly [what: string, argv: readonly string[], says: RegExp])[] = [
    ['an unknown command', ['statsu'], /unknown command 'statsu'[^]*Did you mean status/],
    ['an unknown option', ['status', '--colour'], /unknown option '--colour'/],
    ['a missing argument', ['retry'], /missing required argument 'stack'/],
    ['one argument too many', ['sync', 'now'], /too many arguments/],
    ['an unknown format', ['status', '--format', 'yaml'], /--format is text, json/],
    ['a commit that is none', ['approve', 'main'], /"main" is no commit/],
    ['a service without its stack', ['restart', 'web'], /stack\/service/],
    ['no repository to follow', ['run'], /--repo <address>, or set SLIPWAY_REPO/],
    ['a timeout that is none', ['apply', '--timeout', 'soon', '--repo', 'x'], /--timeout is a time/],
    ['a limit that is none', ['history', '--limit', '0'], /--limit is a number/],
  ]

  it.each(wrong)('ends with 64 for %s', async (_what, argv, says) => {
    const { code, out, err } = await run(argv)
    expect({ code, out }).toEqual({ code: 64, out: '' })
    expect(err).toMatch(says)
  })

  it('ends with 1 for a setting that is wrong, naming it', async () => {
    const { code, err } = await run(['status'], { SLIPWAY_POLL: 'never' })
    expect(code).toBe(1)
    expect(err).toMatch(/^error SETTING_INVALID --poll \(SLIPWAY_POLL\)/)
  })

  it('tells problems to machines as JSON', async () => {
    const { code, err } = await run(['status', '--format', 'json'])
    expect(code).toBe(1)
    expect(JSON.parse(err)).toMatchObject({ errors: [{ code: 'CONTROLLER_ABSENT' }] })
  })

  it('says what to do when no controller runs', async () => {
    const { code, err } = await run(['status'])
    expect(code).toBe(1)
    expect(err).toMatch(/^error CONTROLLER_ABSENT .*start one with slipway run\n$/)
  })

  it('ends as a shell expects of what was interrupted', async () => {
    const killed = new AbortController()
    killed.abort('SIGINT')
    expect((await run(['status'], {}, killed.signal)).code).toBe(130)
  })
})

describe('validate', () => {
  const file = (path: string, text: string): void => {
    mkdirSync(join(dir, path, '..'), { recursive: true })
    writeFileSync(join(dir, path), text)
  }
  const fleet = 'fleet: acme\nservers:\n  one: { engine: unix:///var/run/docker.sock }\n'

  it('counts what a good folder holds', async () => {
    file('slipway.yaml', fleet)
    file('stacks/shop/compose.yaml', 'services:\n  web: { image: "busybox:1.36" }\n')
    expect(await run(['validate', dir])).toEqual({ code: 0, out: '✓ acme: 1 server, 1 stack, 1 service\n', err: '' })
  })

  it('tells every problem with its place', async () => {
    file('slipway.yaml', fleet)
    file('stacks/shop/compose.yaml', 'services:\n  web: { imago: "busybox:1.36" }\n  api: { image: 5 }\n')
    const { code, out, err } = await run(['validate', dir])
    expect(code).toBe(1)
    expect(out).toMatch(/^✗ \d+ errors/)
    expect(err).toMatch(/^stacks\/shop\/compose\.yaml:2:\d+ [A-Z_]+ /m)
    expect(err).toMatch(/^stacks\/shop\/compose\.yaml:3:\d+ [A-Z_]+ /m)
  })

  it('prints the same as JSON', async () => {
    file('slipway.yaml', fleet)
    file('stacks/shop/compose.yaml', 'services:\n  web: { imago: "busybox:1.36" }\n')
    const { code, out } = await run(['validate', dir, '--format', 'json'])
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({ valid: false, stacks: [{ name: 'shop', valid: false }] })
  })

  it('prints annotations and SARIF with paths as the working directory has them', async () => {
    file('slipway.yaml', fleet)
    file('stacks/shop/compose.yaml', 'services:\n  web: { imago: x, image: "a:1" }\n')
    const path = `${relative('', dir)}/stacks/shop/compose.yaml`
    const github = await run(['validate', dir, '--format', 'github'])
    expect(github).toMatchObject({ code: 1, err: '' })
    expect(github.out).toMatch(`::error file=${path},line=2,col=10,title=FIELD_UNKNOWN::services.web.imago`)
    const sarif = await run(['validate', dir, '--format', 'sarif'])
    expect(sarif).toMatchObject({ code: 1, err: '' })
    expect(sarif.out).toMatch(`"uri": "${path}"`)
  })

  it.each([
    [[], 0],
    [['--strict'], 2],
  ])('with warnings and %j ends with %i', async (flags, expected) => {
    file('slipway.yaml', fleet)
    file('stacks/shop/compose.yaml', 'version: "3"\nservices:\n  web: { image: "a:1" }\n')
    expect(await run(['validate', dir, ...flags])).toEqual({
      code: expected,
      out: '✓ acme: 1 server, 1 stack, 1 service, 1 warning\n',
      err: 'stacks/shop/compose.yaml:1:1 warning FIELD_IGNORED version: ignored: the Compose Specification has no versions; remove it\n',
    })
  })

  it('says that there is no fleet where there is none', async () => {
    const { code, err } = await run(['validate', dir])
    expect(code).toBe(1)
    expect(err).toMatch(/FLEET_MISSING/)
  })

  it('says that there is no folder where there is none', async () => {
    expect(await run(['validate', join(dir, 'nowhere')])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/FILE_MISSING/) as string,
    })
  })

  it('never follows a link out of the folder', async () => {
    file('slipway.yaml', fleet)
    file('stacks/shop/compose.yaml', 'services:\n  web: { image: "busybox:1.36", env_file: secret.env }\n')
    const { symlinkSync } = await import('node:fs')
    symlinkSync('/etc/hostname', join(dir, 'stacks/shop/secret.env'))
    const { code, err } = await run(['validate', dir])
    expect(code).toBe(1)
    expect(err).toMatch(/FILE_UNSUPPORTED/)
  })
})

describe('with a controller running', () => {
  const told: Command[] = []
  const commit = revision('a')
  const status = fleetStatus({ fetched: commit, accepted: commit, lastPollAtMs: 10 }, [
    stackStatus('shop', 'synced', [serviceStatus('web')]),
  ])
  const surface: ControlSurface = {
    status: () => Promise.resolve(ok(status)),
    observation: () => Promise.resolve(ok([])),
    plan: () =>
      Promise.resolve(
        ok({
          revision: commit,
          changes: 1,
          summary: '1 to create',
          text: 'the plan\n',
          markdown: '# plan\n',
          json: { kind: 'Plan' },
          pin: 'a1b2c3d4e5f60718',
          errors: [],
          guards: [],
        }),
      ),
    history: () => Promise.resolve(ok([])),
    command: (command) => {
      told.push(command)
      return Promise.resolve(
        command.kind === 'drain' ? fail({ code: 'REFERENCE_UNKNOWN', message: 'no server x' }) : ok('so it is'),
      )
    },
    logs: () => Promise.resolve(ok(oneLine())),
    events: () => Promise.resolve(ok(none())),
  }
  let close: () => Promise<void> = () => Promise.resolve()
  beforeEach(async () => {
    told.length = 0
    const served = await serveControl(surface, { socketPath: join(dir, 'control.sock') })
    if (!served.ok) throw new Error(served.problem.message)
    close = () => served.value.close()
  })
  afterEach(() => close())

  async function* oneLine(): AsyncIterable<{
    slot: string
    server: string
    stream: 'stdout'
    atMs: null
    text: string
  }> {
    await Promise.resolve()
    yield { slot: 'shop/web#1', server: 'lon-1', stream: 'stdout', atMs: null, text: 'hello' }
  }
  async function* none(): AsyncIterable<never> {}

  const commands: readonly (readonly [argv: readonly string[], command: Command])[] = [
    [['retry', 'shop'], { kind: 'retry', stack: 'shop', by: 'ann' }],
    [['promote', 'shop'], { kind: 'promote', scope: 'shop', to: 'end', by: 'ann' }],
    [['promote', 'shop/web', '--step'], { kind: 'promote', scope: 'shop/web', to: 'step', by: 'ann' }],
    [['abort', 'shop'], { kind: 'abort', stack: 'shop', by: 'ann' }],
    [['approve', 'abcdef1'], { kind: 'approve', sha: 'abcdef1', by: 'ann' }],
    [
      ['restart', 'shop/web', '--reason', 'stuck'],
      { kind: 'restart', stack: 'shop', service: 'web', reason: 'stuck', by: 'ann' },
    ],
    [['suspend'], { kind: 'suspend', scope: '*', reason: '', by: 'ann' }],
    [['suspend', 'shop'], { kind: 'suspend', scope: 'shop', reason: '', by: 'ann' }],
    [['resume', 'shop/web'], { kind: 'resume', scope: 'shop/web', by: 'ann' }],
    [['undrain', 'lon-1'], { kind: 'undrain', server: 'lon-1', by: 'ann' }],
    [['sync'], { kind: 'sync', by: 'ann' }],
  ]

  it.each(commands)('%j tells it so', async (argv, command) => {
    expect(await run(argv)).toEqual({ code: 0, out: 'so it is\n', err: '' })
    expect(told).toEqual([command])
  })

  it('passes on why it refuses', async () => {
    expect(await run(['drain', 'x'])).toEqual({ code: 1, out: '', err: 'error REFERENCE_UNKNOWN no server x\n' })
  })

  it('shows one stack or service, or says which there are', async () => {
    expect((await run(['status', 'shop/web'])).out).toBe('✓ shop  shop is synced\n  ✓ web    2/2  runs busybox:1.36\n')
    expect((await run(['status', 'shop/api'])).err).toMatch(/no service api in shop; there are web/)
    expect((await run(['status', 'shed'])).err).toMatch(/no stack shed; there are shop/)
  })

  it('shows its status to machines whole', async () => {
    expect(JSON.parse((await run(['status', '--format', 'json'])).out)).toEqual(status)
  })

  it('ends a plan with 2 when something differs, in every format', async () => {
    expect(await run(['plan', '--pin'])).toEqual({ code: 0, out: 'a1b2c3d4e5f60718\n', err: '' })
    expect(await run(['plan'])).toEqual({ code: 2, out: 'aaaaaaa "Raise the limit" by Ann\n\nthe plan\n', err: '' })
    expect(await run(['plan', '--format', 'markdown'])).toEqual({ code: 2, out: '# plan\n', err: '' })
    const json = await run(['plan', '--format', 'json'])
    expect({ code: json.code, plan: JSON.parse(json.out) as unknown }).toMatchObject({
      code: 2,
      plan: { kind: 'Plan', changes: 1 },
    })
  })

  it('applies through it, and says how it ended', async () => {
    const { code, out } = await run(['apply', 'aaaaaaa'])
    expect({ code, out }).toEqual({
      code: 0,
      out: '✓ shop  shop is synced\n  ✓ web    2/2  runs busybox:1.36\n✓ main@sha1:aaaaaaaaaaaa is applied\n',
    })
    expect(told).toEqual([{ kind: 'sync', by: 'ann' }])
  })

  it('does not apply another commit than the ref names', async () => {
    expect(await run(['apply', 'bbbbbbb'])).toMatchObject({
      code: 1,
      out: expect.stringMatching(/main names .*, not bbbbbbb/) as string,
    })
  })

  it('prints logs with the name of their replica', async () => {
    expect(await run(['logs', 'shop/web'])).toEqual({ code: 0, out: 'shop/web#1@lon-1 hello\n', err: '' })
  })

  it('prints an empty history as such', async () => {
    expect(await run(['history'])).toEqual({ code: 0, out: 'nothing has happened yet\n', err: '' })
  })
})

describe('colour', () => {
  it.each([
    [{ FORCE_COLOR: '1' }, true],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, true],
    [{ NO_COLOR: '1' }, false],
    [{}, false],
  ])('with %j is %s', async (env, isColoured) => {
    const { err } = await run(['status'], env)
    expect(err.includes('\u001b[31m')).toBe(isColoured)
  })
})
