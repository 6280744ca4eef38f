import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Source } from '../../src/controller/index.js'
import type { Problem } from '../../src/model/index.js'
import type { GitSourceOptions } from '../../src/source/index.js'
import { codeOf, filesOf, follow, freshDir, freshRepository, freshServer, later, poll, signal } from './follow.js'
import type { Fault, GitServer, RequestKind } from './git-server.js'
import type { TestRepository } from './repository.js'

interface Stage {
  readonly repository: TestRepository
  readonly server: GitServer
  readonly source: Source
  readonly good: string
  readonly dir: string
  /** In place of `source`, on the same clone, for what is to fail by a deadline. Nothing else has a short one: a busy machine is slow, not broken. */
  impatient(limits: GitSourceOptions['limits']): Promise<Source>
  /** Another like `source`, on the same clone, when the one before is closed. */
  reopen(): Source
}

/** A source that has one good revision, and a newer one waiting on the server. */
async function stage(options: Partial<GitSourceOptions> = {}): Promise<Stage> {
  const repository = freshRepository()
  const server = await freshServer(repository)
  const good = repository.push('good', { 'slipway.yaml': 'fleet: acme', 'stacks/a.yaml': 'a' })
  const dir = freshDir()
  const open = (more: Partial<GitSourceOptions> = {}): Source =>
    follow(`${server.url}/fleet.git`, { ...options, ...more, dir })
  const source = open()
  await poll(source)
  repository.push('newer', { 'slipway.yaml': 'fleet: newer', 'stacks/b.yaml': 'b'.repeat(5000) })
  server.requests.splice(0)
  const impatient: Stage['impatient'] = async (limits = {}) => {
    await source.close()
    return open({ limits })
  }
  return { repository, server, source, good, dir, impatient, reopen: () => open() }
}

async function problemOf(source: Source): Promise<Problem> {
  const result = await source.poll(signal)
  if (result.ok) throw new Error(`a problem was expected, not ${result.value.sha}`)
  return result.problem
}

async function expectGoodStays({ server, source, good }: Stage): Promise<void> {
  expect(await filesOf(source, good)).toEqual({ 'slipway.yaml': 'fleet: acme', 'stacks/a.yaml': 'a' })
  server.fault = null
  server.twist = null
  expect((await poll(source)).subject).toBe('newer')
}

const status =
  (code: number, headers: Record<string, string> = {}): Fault =>
  (_request, response) => {
    response.writeHead(code, headers)
    response.end('<html>secret-of-the-proxy</html>')
    return true
  }

it.each([
  [401, 'GIT_AUTH'],
  [403, 'GIT_AUTH'],
  [203, 'GIT_AUTH'],
  [404, 'GIT_NOT_FOUND'],
  [410, 'GIT_NOT_FOUND'],
  [400, 'GIT_UNREACHABLE'],
  [429, 'GIT_UNREACHABLE'],
  [500, 'GIT_UNREACHABLE'],
  [503, 'GIT_UNREACHABLE'],
  [200, 'GIT_CORRUPT'],
] as const)('reads status %i as %s, whatever the request, and keeps the last good revision', async (code, expected) => {
  const scene = await stage()
  for (const kind of ['advertisement', 'listing', 'pack'] as const) {
    scene.server.fault = (request, response) => request.kind === kind && status(code)(request, response) === true
    const problem = await problemOf(scene.source)
    expect(problem.code).toBe(expected)
    expect(problem.message).toContain(`127.0.0.1:${scene.server.port}`)
    expect(problem.message).not.toContain('secret')
  }
  await expectGoodStays(scene)
})

it.each([
  ['7', 7_000],
  ['Sat, 21 Nov 2026 10:00:30 GMT', 30_000],
  ['999999', 3_600_000],
])('passes on when a busy server wants to be asked again: %s', async (header, afterMs) => {
  const scene = await stage({ now: () => Date.UTC(2026, 10, 21, 10) })
  for (const code of [429, 503]) {
    scene.server.fault = status(code, { 'retry-after': header })
    expect((await problemOf(scene.source)).next).toEqual({ kind: 'retry', afterMs })
  }
})

it.each(['soon', '-5', '', 'Sat, 21 Nov 2020 10:00:30 GMT'])('takes no advice from Retry-After: %j', async (header) => {
  const scene = await stage({ now: () => Date.UTC(2026, 10, 21, 10) })
  scene.server.fault = status(503, { 'retry-after': header })
  expect((await problemOf(scene.source)).next).toBeUndefined()
})

const flip = (body: Buffer, at: number): Buffer => {
  const copy = Buffer.from(body)
  copy[at] = (copy[at] ?? 0) ^ 0x55
  return copy
}

/** A sideband answer around any bytes. */
function sideband(pack: Buffer): Buffer {
  const frame = (bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from((bytes.byteLength + 4).toString(16).padStart(4, '0')), bytes])
  return Buffer.concat([
    frame(Buffer.from('NAK\n')),
    frame(Buffer.concat([Buffer.from([1]), pack])),
    Buffer.from('0000'),
  ])
}

/** The pack inside a sideband answer. */
function packOf(body: Buffer): Buffer {
  const bands: Buffer[] = []
  for (let at = 0; at < body.byteLength;) {
    const length = parseInt(body.toString('latin1', at, at + 4), 16)
    if (body[at + 4] === 1) bands.push(body.subarray(at + 5, at + length))
    at += Math.max(4, length)
  }
  return Buffer.concat(bands)
}

const EMPTY_PACK = Buffer.from('5041434b0000000200000000029d08823bd8a8eab510ad6ac75c823cfd3ed31e', 'hex')

it.each<[string, RequestKind, (body: Buffer) => Buffer]>([
  ['a list of refs that is cut off', 'listing', (body) => body.subarray(0, -4)],
  ['an empty list of refs without its end', 'listing', () => Buffer.alloc(0)],
  ['a list of refs with half a packet', 'listing', (body) => body.subarray(0, 20)],
  ['an advertisement that is cut off', 'advertisement', (body) => body.subarray(0, 40)],
  ['garbage for an advertisement', 'advertisement', () => Buffer.from('\0\u00ff garbage')],
  ['a pack that is cut off between packets', 'pack', (body) => body.subarray(0, -4)],
  ['a pack that is cut off inside a packet', 'pack', (body) => body.subarray(0, body.byteLength / 2)],
  ['an empty answer instead of a pack', 'pack', () => Buffer.alloc(0)],
  ['an answer without a pack', 'pack', () => Buffer.from('0008NAK\n0000')],
  ['a pack with a flipped bit', 'pack', (body) => sideband(flip(packOf(body), 40))],
  ['a pack with a wrong checksum', 'pack', (body) => sideband(flip(packOf(body), packOf(body).byteLength - 10))],
  ['garbage for a pack', 'pack', () => sideband(Buffer.from('garbage'.repeat(20)))],
  ['an empty pack for a new commit', 'pack', () => sideband(EMPTY_PACK)],
])('refuses %s', async (_what, kind, change) => {
  const scene = await stage()
  scene.server.twist = (seen, body) => (seen === kind ? change(body) : body)
  expect((await problemOf(scene.source)).code).toBe('GIT_CORRUPT')
  await expectGoodStays(scene)
})

it.each([
  ['the trees and files of the commit', 'HEAD\n'],
  ['a file', 'HEAD\nHEAD^{tree}\nHEAD:stacks\n'],
  ['the commit before it', 'HEAD\nHEAD^{tree}\nHEAD:stacks\nHEAD:stacks/b.yaml\nHEAD:slipway.yaml\nHEAD:c\n'],
])('refuses a valid pack that lacks %s', async (_what, names) => {
  const scene = await stage()
  scene.repository.push('newer', { c: 'c' })
  const oids = names
    .trim()
    .split('\n')
    .map((name) => scene.repository.git('rev-parse', name))
  const cwd = scene.repository.bare
  const pack = execFileSync('git', ['pack-objects', '--stdout', '-q'], { cwd, input: oids.join('\n'), stdio: 'pipe' })
  scene.server.twist = (kind, body) => (kind === 'pack' ? sideband(pack) : body)
  expect((await problemOf(scene.source)).code).toBe('GIT_CORRUPT')
  await expectGoodStays(scene)
})

it.each([
  ['ERR Repository not found.', 'GIT_NOT_FOUND'],
  ['ERR access denied or repository not exported', 'GIT_AUTH'],
  ['ERR the disk is on fire\u001b[31m', 'GIT_UNREACHABLE'],
])('reads what the server says inside a 200: %j', async (line, expected) => {
  const scene = await stage()
  const packet = Buffer.from(`${(line.length + 4).toString(16).padStart(4, '0')}${line}`)
  for (const kind of ['listing', 'pack'] as const) {
    scene.server.twist = (seen, body) => (seen === kind ? Buffer.concat([packet, Buffer.from('0000')]) : body)
    const problem = await problemOf(scene.source)
    expect(problem.code).toBe(expected)
    expect(problem.message).not.toContain('\u001b')
  }
  await expectGoodStays(scene)
})

it.each<[string, Fault]>([
  ['never answers', () => true],
  [
    'sends one byte at a time',
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' })
      const timer = setInterval(() => response.write('0'), 20)
      response.on('close', () => clearInterval(timer))
      return true
    },
  ],
])('gives up on a server that %s, and closes the connection', async (_what, fault) => {
  const scene = await stage()
  let closed = 0
  scene.server.fault = (request, response) => {
    response.on('close', () => (closed += 1))
    return fault(request, response)
  }
  const source = await scene.impatient({ pollDeadlineMs: 1_000 })
  expect((await problemOf(source)).code).toBe('GIT_TIMEOUT')
  await expect.poll(() => closed).toBe(scene.server.requests.length)
  await source.close()
  await expectGoodStays({ ...scene, source: scene.reopen() })
})

it('gives up on a pack that never ends, and on one that falls silent', async () => {
  for (const limits of [{ fetchDeadlineMs: 1_000 }, { idleMs: 300 }]) {
    const scene = await stage()
    scene.server.fault = ({ kind }, response) => {
      if (kind !== 'pack') return false
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' })
      response.write('0008NAK\n')
      return true
    }
    const source = await scene.impatient(limits)
    expect((await problemOf(source)).code).toBe('GIT_TIMEOUT')
    await source.close()
    await expectGoodStays({ ...scene, source: scene.reopen() })
  }
})

it('stops reading when a server sends without end', async () => {
  const scene = await stage({
    limits: { maxPackBytes: 300_000, maxListingBytes: 100_000 },
  })
  for (const kind of ['advertisement', 'listing', 'pack'] as const) {
    scene.server.fault = (request, response) => {
      if (request.kind !== kind) return false
      const type = kind === 'advertisement' ? 'advertisement' : 'result'
      response.writeHead(200, { 'content-type': `application/x-git-upload-pack-${type}` })
      const packet = Buffer.concat([Buffer.from('8004\u0001'), Buffer.alloc(0x8004 - 5)])
      const pump = (): void => {
        while (!response.destroyed && response.write(packet));
      }
      response.on('drain', pump)
      pump()
      return true
    }
    expect((await problemOf(scene.source)).code).toBe('GIT_TOO_LARGE')
  }
  await expectGoodStays(scene)
})

it('says that a connection broke in the middle, and that nobody listens', async () => {
  const scene = await stage()
  scene.server.fault = ({ kind }, response) => {
    if (kind !== 'pack') return false
    response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result', 'content-length': '5000' })
    response.write('0008NAK\n', () => response.destroy())
    return true
  }
  expect((await problemOf(scene.source)).code).toBe('GIT_UNREACHABLE')
  await expectGoodStays(scene)
  await scene.server.close()
  expect((await problemOf(scene.source)).code).toBe('GIT_UNREACHABLE')
})

it('ends at once when it is told to stop, and can be asked again', async () => {
  const scene = await stage()
  scene.server.fault = () => true
  const stop = new AbortController()
  const polled = scene.source.poll(stop.signal)
  setTimeout(() => stop.abort(), 50)
  expect(codeOf(await polled)).toBe('GIT_TIMEOUT')
  expect(codeOf(await scene.source.poll(AbortSignal.abort()))).toBe('GIT_TIMEOUT')
  await expectGoodStays(scene)
})

it('ends a poll that is under way when it is closed', async () => {
  const scene = await stage()
  scene.server.fault = () => true
  const polled = scene.source.poll(signal)
  await expect.poll(() => scene.server.requests.length).toBe(1)
  await scene.source.close()
  expect((await polled).ok).toBe(false)
  expect((await scene.source.poll(signal)).ok).toBe(false)
})

it('follows a redirect inside the origin, for packs as well', async () => {
  const repository = freshRepository()
  const sha = repository.push('first', { a: '1' })
  const server = await freshServer(repository)
  server.fault = ({ message }, response) => {
    if (message.url?.startsWith('/old/') !== true) return false
    response.writeHead(301, { location: message.url.replace('/old/fleet', '/fleet.git') })
    response.end()
    return true
  }
  const source = follow(`${server.url}/old/fleet`)
  expect((await poll(source)).sha).toBe(sha)
  expect(server.requests.filter(({ message }) => message.url?.startsWith('/old/'))).toHaveLength(1)
})

it('never sends credentials to another host, port or scheme', async () => {
  const leaks: string[] = []
  const other = createServer((message, response) => {
    leaks.push(`${message.url} ${message.headers.authorization ?? 'without'}`)
    response.end()
  })
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  later(() => void other.close())
  const scene = await stage({ credentials: { username: 'bot', password: 'hunter2' } })
  const targets = [
    `http://127.0.0.1:${(other.address() as AddressInfo).port}/x`,
    `http://localhost:${scene.server.port}/fleet.git/info/refs?service=git-upload-pack`,
    'https://127.0.0.1/x',
    'file:///etc/passwd',
    'http://169.254.169.254/latest',
    '//evil.example/x',
    'http://',
  ]
  for (const location of targets) {
    scene.server.fault = (_request, response) => {
      response.writeHead(302, { location })
      response.end()
      return true
    }
    const problem = await problemOf(scene.source)
    expect(problem.code).toBe('GIT_URL_REFUSED')
    expect(JSON.stringify(problem)).not.toContain('hunter2')
  }
  expect(leaks).toEqual([])
  await expectGoodStays(scene)
})

it('does not redirect in a circle for ever', async () => {
  const scene = await stage()
  scene.server.fault = ({ message }, response) => {
    response.writeHead(302, { location: message.url })
    response.end()
    return true
  }
  expect((await problemOf(scene.source)).code).toBe('GIT_UNREACHABLE')
  expect(scene.server.requests.length).toBeLessThan(10)
})

it('sends its credentials with every request, and names no secret in a problem or log', async () => {
  const lines: string[] = []
  const token = 'tok%2Fen-Ω'
  const scene = await stage({ credentials: { password: token }, log: (event) => lines.push(JSON.stringify(event)) })
  scene.server.fault = status(401)
  const problem = await problemOf(scene.source)
  const sent = scene.server.requests[0]?.message.headers.authorization ?? ''
  expect(Buffer.from(sent.slice('Basic '.length), 'base64').toString()).toBe(`x-access-token:${token}`)
  expect(JSON.stringify([problem, lines])).not.toContain(token.slice(0, 6))
})

it('asks two small questions when nothing is new, and no pack', async () => {
  const scene = await stage()
  await poll(scene.source)
  scene.server.requests.splice(0)
  await poll(scene.source)
  expect(scene.server.requests.map(({ kind }) => kind)).toEqual(['advertisement', 'listing'])
})

it('works with a server that knows only the first protocol', async () => {
  const repository = freshRepository()
  const server = await freshServer(repository, { ignoreVersion2: true })
  const source = follow(`${server.url}/fleet.git`)
  expect(codeOf(await source.poll(signal))).toBe('GIT_EMPTY')
  for (const subject of ['first', 'second']) {
    const sha = repository.push(subject, { [subject]: 'x' })
    repository.git('tag', '-a', '-m', 'tag', subject)
    repository.git('push', '--quiet', '--tags', 'origin')
    expect((await poll(source)).sha).toBe(sha)
    expect((await poll(follow(`${server.url}/fleet.git`, { ref: { tag: subject } }))).sha).toBe(sha)
  }
})

it('heals a clone that was damaged on disk: what is readable stays, the rest comes anew', async () => {
  const damages: ((pack: string, stem: string) => void)[] = [
    (pack) => writeFileSync(pack, 'garbage'),
    (_pack, stem) => writeFileSync(`${stem}.idx`, 'garbage'),
    (pack) => rmSync(pack),
    (pack, stem) => [pack, `${stem}.idx`].forEach((file) => rmSync(file)),
  ]
  for (const damage of damages) {
    const scene = await stage()
    const newest = (await poll(scene.source)).sha
    await scene.source.close()
    const clone = join(scene.dir, readdirSync(scene.dir).find((name) => name.startsWith('clone-')) ?? '')
    const packs = readdirSync(join(clone, 'objects', 'pack')).filter((name) => name.endsWith('.pack'))
    for (const pack of packs) {
      const path = join(clone, 'objects', 'pack', pack)
      damage(path, path.slice(0, -'.pack'.length))
    }
    const source = follow(`${scene.server.url}/fleet.git`, { dir: scene.dir })
    expect((await poll(source)).sha).toBe(newest)
    expect(await filesOf(source, newest)).toHaveProperty('stacks/b.yaml')
    expect(await filesOf(source, scene.good)).toHaveProperty('stacks/a.yaml')
  }
})

it('starts over when its state file is unreadable, and when the address changed', async () => {
  const scene = await stage()
  for (const text of ['', '{', '{"version":9}', 'null', '[]', '{"version":1,"clone":"../../etc"}']) {
    writeFileSync(join(scene.dir, 'clone.json'), text)
    const source = follow(`${scene.server.url}/fleet.git`, { dir: scene.dir })
    expect((await poll(source)).subject).toBe('newer')
    await source.close()
  }
  const elsewhere = freshRepository()
  const sha = elsewhere.push('elsewhere', { a: '1' })
  const moved = follow(elsewhere.bare, { dir: scene.dir })
  expect((await poll(moved)).sha).toBe(sha)
})

it('answers every poll with a result and keeps the last good revision, whatever bytes a server sends', async () => {
  const scene = await stage()
  const piece = fc.oneof(
    fc.record({ cut: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ flip: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ insert: fc.uint8Array({ maxLength: 40 }), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ replace: fc.uint8Array({ maxLength: 200 }) }),
    fc.record({ pack: fc.uint8Array({ maxLength: 200 }) }),
  )
  const kinds = fc.constantFrom<RequestKind[]>('advertisement', 'listing', 'pack')
  await fc.assert(
    fc.asyncProperty(kinds, piece, async (kind, change) => {
      scene.server.twist = (seen, body) => (seen === kind ? mangle(body, change) : body)
      const result = await scene.source.poll(signal)
      if (!result.ok) expect(result.problem.code).toMatch(/^GIT_/)
      expect(await filesOf(scene.source, scene.good)).toHaveProperty('stacks/a.yaml')
    }),
    { numRuns: 60 },
  )
  await expectGoodStays(scene)
})

type Change =
  | { cut: number }
  | { flip: number }
  | { insert: Uint8Array; at: number }
  | { replace: Uint8Array }
  | { pack: Uint8Array }

function mangle(body: Buffer, change: Change): Buffer {
  const at = (share: number): number => Math.floor(share * body.byteLength)
  if ('cut' in change) return body.subarray(0, at(change.cut))
  if ('flip' in change) return body.byteLength === 0 ? body : flip(body, Math.min(at(change.flip), body.byteLength - 1))
  if ('insert' in change)
    return Buffer.concat([body.subarray(0, at(change.at)), change.insert, body.subarray(at(change.at))])
  return 'replace' in change ? Buffer.from(change.replace) : sideband(Buffer.from(change.pack))
}
