import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Ajv } from 'ajv'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { runCli } from '../../src/cli/index.js'
import type { Io, Parts } from '../../src/cli/index.js'

let dir = ''
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'slipway-init-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function slipway(
  ...argv: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const said = { out: '', err: '' }
  const io: Io = {
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    isTty: false,
    columns: 100,
    env: { SLIPWAY_DATA: dir },
    home: dir,
    isRoot: false,
    user: 'ann',
    nowMs: () => 0,
    interrupted: new AbortController().signal,
  }
  return { code: await runCli(argv, '1.2.3', io, {} as Parts), ...said }
}

function lay(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), text)
  }
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(join(dir, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(dir, folder).length + 1))
    .filter((path) => !path.startsWith('.slipway'))
    .sort()
}

const shop = {
  'My.Shop/docker-compose.yml': `services:
  web: { image: "shop:1", env_file: web.env, configs: [page] }
configs: { page: { file: conf/page.html } }
`,
  'My.Shop/web.env': 'A=1\n',
  'My.Shop/conf/page.html': '<p>\n',
  'My.Shop/.env': 'B=2\n',
  'My.Shop/unrelated.txt': 'x',
}

describe('slipway init', () => {
  it('makes a repository that is valid, with schemas that its modelines name', async () => {
    expect((await slipway('init', join(dir, 'fleet'))).code).toBe(0)
    expect(filesIn('fleet')).toEqual(['slipway.yaml', 'stacks/hello/compose.yaml'])
    expect(await slipway('validate', join(dir, 'fleet'))).toMatchObject({
      code: 0,
      out: '✓ fleet: 1 server, 1 stack, 1 service\n',
    })

    for (const path of filesIn('fleet')) {
      const text = readFileSync(join(dir, 'fleet', path), 'utf8')
      const [, named = ''] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? []
      const folder = join(dir, 'fleet', '.slipway')
      const read = (name: string): object => JSON.parse(readFileSync(join(folder, name), 'utf8')) as object
      expect(existsSync(join(dir, 'fleet', dirname(path), named))).toBe(true)
      const ajv = new Ajv({ strict: false, schemas: [read('x-slipway.schema.json')] })
      expect(ajv.validate(read(named.replace(/^.*\//, '')), parse(text))).toBe(true)
    }
  })

  it('overwrites nothing, but brings the schemas of this version', async () => {
    lay({ 'slipway.yaml': 'mine', 'stacks/a/compose.yaml': 'mine too', '.slipway/slipway.schema.json': 'an old one' })
    expect(await slipway('init', dir)).toMatchObject({
      code: 0,
      out: expect.stringContaining('kept  slipway.yaml') as string,
    })
    expect(filesIn('.')).toEqual(['slipway.yaml', 'stacks/a/compose.yaml'])
    expect(readFileSync(join(dir, 'slipway.yaml'), 'utf8')).toBe('mine')
    expect(readFileSync(join(dir, '.slipway/slipway.schema.json'), 'utf8')).toContain('"fleet"')
  })

  it('takes the fleet name that it is given, and no wrong one', async () => {
    expect((await slipway('init', join(dir, 'x'), '--fleet', 'Acme!')).code).toBe(64)
    expect(existsSync(join(dir, 'x'))).toBe(false)
    await slipway('init', join(dir, 'x'), '--fleet', 'acme')
    expect(readFileSync(join(dir, 'x/slipway.yaml'), 'utf8')).toContain('\nfleet: acme\n')
  })
})

describe('slipway init --from', () => {
  const from = (file: string): ReturnType<typeof slipway> =>
    slipway('init', join(dir, 'fleet'), '--from', join(dir, file))

  it('copies a Compose file with what it names, and nothing else', async () => {
    lay(shop)
    const { code, out } = await from('My.Shop/docker-compose.yml')
    expect([code, out]).toEqual([0, expect.stringContaining('✓ myshop: every key is honoured')])
    expect(out).toContain('.env is copied as well')
    expect(filesIn('fleet')).toEqual([
      'slipway.yaml',
      'stacks/myshop/.env',
      'stacks/myshop/conf/page.html',
      'stacks/myshop/docker-compose.yml',
      'stacks/myshop/web.env',
    ])
    expect((await slipway('validate', join(dir, 'fleet'))).code).toBe(0)
  })

  it('says what is passed over and what must be mended, where it will stand', async () => {
    lay({
      'old/prod.yml': 'version: "3"\nservices:\n  web: { image: "a:1", imagee: x }\n',
      'old/compose.yaml': 'services: {}\n',
    })
    const { code, out } = await from('old/prod.yml')
    expect(code).toBe(1)
    expect(out).toContain('stacks/old/compose.yaml:2:1 warning FIELD_IGNORED')
    expect(out).toContain('stacks/old/compose.yaml:4:24 FIELD_UNKNOWN')
    expect(readFileSync(join(dir, 'fleet/stacks/old/compose.yaml'), 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=\.\.\/\.\.\/\.slipway\/compose\.schema\.json\nversion: "3"\n/,
    )
    expect(await from('old/prod.yml')).toMatchObject({ code: 1, err: expect.stringContaining('CONFLICT') as string })
  })

  it('leaves a file as it is that names a schema itself', async () => {
    const text = '# mine\n# yaml-language-server: $schema=https://example.com\nservices: { a: { image: a } }\n'
    lay({ 'old/compose.yaml': text })
    await from('old/compose.yaml')
    expect(readFileSync(join(dir, 'fleet/stacks/old/compose.yaml'), 'utf8')).toBe(text)
  })

  it('passes over folders beside it that cannot be listed, as those of a database are', async () => {
    lay(shop)
    // Too long a path stands for a right that is missing: who runs the tests may have every right.
    const nest = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do mkdir "$0"; cd "$0"; done'
    spawnSync('sh', ['-c', nest, 'x'.repeat(250)], { cwd: join(dir, 'My.Shop') })
    expect(await from('My.Shop/docker-compose.yml')).toMatchObject({ code: 0, err: '' })
    expect(await slipway('validate', join(dir, 'My.Shop'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('cannot be listed (ENAMETOOLONG)') as string,
    })
    spawnSync('rm', ['-rf', join(dir, 'My.Shop')])
  })

  it.each(['nowhere.yml', 'My.Shop'])('does nothing when %s is no file', async (file) => {
    lay(shop)
    expect(await from(file)).toMatchObject({ code: 1, err: expect.stringContaining('FILE_MISSING') as string })
    expect(existsSync(join(dir, 'fleet'))).toBe(false)
  })

  it('tells the same as JSON', async () => {
    lay(shop)
    const { out } = await slipway(
      'init',
      join(dir, 'fleet'),
      '--from',
      join(dir, 'My.Shop/docker-compose.yml'),
      '--format',
      'json',
    )
    expect(JSON.parse(out)).toMatchObject({ fleet: 'fleet', kept: [], errors: [], warnings: [] })
  })
})
