import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const HOUSE = new URL('../../', import.meta.url).pathname

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The program as it is published: what the build makes, beside `schema` and package.json. */
let dir = ''
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'slipway-built-'))
  for (const path of ['node_modules', 'schema', 'package.json']) symlinkSync(join(HOUSE, path), join(dir, path))
  const tsc = join(HOUSE, 'node_modules', '.bin', 'tsc')
  execFileSync(tsc, ['-p', join(HOUSE, 'tsconfig.build.json'), '--outDir', join(dir, 'dist')], { stdio: 'inherit' })
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function slipway(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: dir, env: { PATH: process.env['PATH'], HOME: dir, SLIPWAY_DATA: join(dir, 'data'), ...env } }
    execFile(process.execPath, [join(dir, 'dist', 'main.js'), ...argv], options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

describe('the built program', () => {
  it('validates the sample repository with the schemas that it is published with', async () => {
    expect(await slipway(['validate', join(HOUSE, 'sample-repo')])).toEqual({
      code: 0,
      out: '✓ acme: 3 servers, 2 stacks, 6 services\n',
      err: '',
    })
  })

  it('knows its version', async () => {
    const { version } = JSON.parse(readFileSync(join(HOUSE, 'package.json'), 'utf8')) as {
      version: string
    }
    expect(await slipway(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
  })

  it.each([
    ['an option that there is not', ['plan', '--nope'], 64],
    ['a command that there is not', ['aply'], 64],
    ['a plan without a repository', ['plan'], 64],
    ['a plan of a repository that is not there', ['plan', '--repo', '/nonexistent'], 1],
    ['a status without a controller', ['status'], 1],
    ['a history without a journal', ['history'], 1],
    ['a folder without a fleet', ['validate', '.'], 1],
  ])('ends with its exit code for %s, and says why on standard error', async (_what, argv, code) => {
    const ended = await slipway(argv)
    expect(ended.code).toBe(code)
    expect(ended.err).toMatch(/error|slipway\.yaml/)
  })

  it('says the same to machines', async () => {
    const { code, err } = await slipway(['status', '--format', 'json'])
    expect({ code, errors: JSON.parse(err) as unknown }).toMatchObject({
      code: 1,
      errors: { errors: [{ code: 'CONTROLLER_ABSENT' }] },
    })
  })

  it('colours when it is told to, and not otherwise', async () => {
    const folder = ['validate', join(HOUSE, 'sample-repo')]
    expect((await slipway(folder, { FORCE_COLOR: '1' })).out).toContain('\u001b[32m')
    expect((await slipway(folder, { NO_COLOR: '1' })).out).not.toContain('\u001b[')
    expect((await slipway(folder)).out).not.toContain('\u001b[')
  })

  it('reads settings from a file that the environment names', async () => {
    writeFileSync(join(dir, 'slipway-settings.yaml'), 'repo: /nonexistent/fleet\n')
    const { code, err } = await slipway(['plan'], { SLIPWAY_CONFIG: join(dir, 'slipway-settings.yaml') })
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringMatching(/GIT_NOT_FOUND .*\/nonexistent\/fleet/) as string,
    })
  })
})

describe('a controller of the built program', () => {
  it('refuses a second one on its data directory, answers status, and ends with 0 on SIGTERM', async () => {
    const repo = join(dir, 'repo')
    execFileSync('git', ['init', '--quiet', '--initial-branch=main', repo])
    const running = execFile(process.execPath, [join(dir, 'dist', 'main.js'), 'run', '--repo', repo], {
      env: { PATH: process.env['PATH'], HOME: dir, SLIPWAY_DATA: join(dir, 'data') },
    })
    const ended = new Promise<number | null>((resolve) => running.once('exit', resolve))
    try {
      await new Promise<void>((resolve) =>
        running.stdout?.on('data', (chunk) => String(chunk).includes('controller started') && resolve()),
      )
      const second = await slipway(['apply', '--repo', repo], { SLIPWAY_DATA: join(dir, 'data') })
      expect(second.err).toMatch(/GIT_EMPTY/)
      expect((await slipway(['run', '--repo', repo])).err).toMatch(/CONTROLLER_RUNNING/)
      const { code, out } = await slipway(['status'])
      expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/GIT_EMPTY/) as string })
    } finally {
      running.kill('SIGTERM')
    }
    expect(await ended).toBe(0)
  })

  it('hides a password that an address on its command line holds', async () => {
    const repo = 'http://ann:pa55word@127.0.0.1:1/fleet.git'
    const running = execFile(process.execPath, [join(dir, 'dist', 'main.js'), 'run', '--repo', repo], {
      env: { PATH: process.env['PATH'], HOME: dir, SLIPWAY_DATA: join(dir, 'third-data') },
    })
    let out = ''
    await new Promise<void>((resolve) =>
      running.stdout?.on('data', (chunk) => (out += String(chunk)).includes('controller started') && resolve()),
    )
    const seen = readFileSync(`/proc/${running.pid ?? 0}/cmdline`, 'utf8')
    running.kill('SIGTERM')
    await new Promise((resolve) => running.once('exit', resolve))
    expect(seen).toContain('slipway')
    expect(seen + out).not.toContain('pa55word')
  })

  it('takes what reads manifests along when it is killed; a Ctrl-C leaves that alone', async () => {
    const repo = join(dir, 'other-repo')
    execFileSync('git', ['init', '--quiet', '--initial-branch=main', repo])
    const running = execFile(process.execPath, [join(dir, 'dist', 'main.js'), 'run', '--repo', repo], {
      env: { PATH: process.env['PATH'], HOME: dir, SLIPWAY_DATA: join(dir, 'other-data') },
    })
    await new Promise<void>((resolve) =>
      running.stdout?.on('data', (chunk) => String(chunk).includes('controller started') && resolve()),
    )
    const pid = running.pid ?? 0
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    const isReader = (child: string): boolean =>
      existsSync(`/proc/${child}/cmdline`) && readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('loading/reader')
    const reader = children.find(isReader) ?? ''
    // Once it ignores what Node does not handle by itself, it has begun.
    const status = (): string => readFileSync(`/proc/${reader}/status`, 'utf8')
    const catches = (): boolean => /^SigCgt:\s*[0-9a-f]*[13579bdf]$/m.test(status())
    while (!catches()) await new Promise((resolve) => setTimeout(resolve, 20))
    process.kill(Number(reader), 'SIGINT')
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(isReader(reader)).toBe(true)
    running.kill('SIGKILL')
    while (isReader(reader)) await new Promise((resolve) => setTimeout(resolve, 20))
  })
})
