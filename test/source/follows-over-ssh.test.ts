import ssh2 from 'ssh2'
import { describe, expect, it } from 'vitest'
import type { Source } from '../../src/controller/index.js'
import type { Problem } from '../../src/model/index.js'
import type { GitSourceOptions } from '../../src/source/index.js'
import { codeOf, filesOf, follow, freshRepository, later, poll, signal } from './follow.js'
import { HOST_FINGERPRINT, LOGIN, sshGitServer } from './ssh-server.js'
import type { SshFault, SshGitServer } from './ssh-server.js'
import type { TestRepository } from './repository.js'

/** Only where one of them is to pass: on a busy machine they all do. */
const FAST = { connectMs: 2_000, pollDeadlineMs: 3_000, fetchDeadlineMs: 5_000, idleMs: 500 }

async function freshSshServer(options = {}): Promise<SshGitServer> {
  const server = await sshGitServer(options)
  later(() => server.close())
  return server
}

function followSsh(server: SshGitServer, repository: TestRepository, options: Partial<GitSourceOptions> = {}): Source {
  return follow(`ssh://git@127.0.0.1:${server.port}${repository.bare}`, { ssh: () => LOGIN, ...options })
}

async function problemOf(source: Source): Promise<Problem> {
  const result = await source.poll(signal)
  if (result.ok) throw new Error(`a problem was expected, not ${result.value.sha}`)
  return result.problem
}

describe.each([
  ['the newer protocol', { takesVersion: true }],
  ['the old protocol', { takesVersion: false }],
])('a server with %s', (_name, options) => {
  it('is followed from commit to commit, over one connection', async () => {
    const repository = freshRepository()
    const server = await freshSshServer(options)
    const first = repository.push('first', { 'slipway.yaml': 'fleet: acme' })
    const source = followSsh(server, repository)
    expect(await poll(source)).toMatchObject({ sha: first, subject: 'first' })
    const second = repository.push('second', { 'stacks/a.yaml': 'a' })
    expect((await poll(source)).sha).toBe(second)
    expect((await poll(source)).sha).toBe(second)
    expect(await filesOf(source, second)).toEqual({ 'slipway.yaml': 'fleet: acme', 'stacks/a.yaml': 'a' })
    expect(server.connections).toBe(1)
    expect(new Set(server.commands)).toEqual(new Set([`git-upload-pack '${repository.bare}'`]))
  })

  it('that has no such branch says which it has, and of an empty repository that it is empty', async () => {
    const repository = freshRepository()
    const server = await freshSshServer(options)
    expect((await problemOf(followSsh(server, repository))).code).toBe('GIT_EMPTY')
    repository.push('first')
    const missing = await problemOf(followSsh(server, repository, { ref: { branch: 'prod' } }))
    expect(missing.code).toBe('GIT_REF_MISSING')
    expect(missing.message).toContain('main')
  })
})

describe('the host key', () => {
  it.each([
    ['that nothing pins', { kind: 'none' } as const, 'HOST_KEY_UNKNOWN'],
    ['that is another', { kind: 'fingerprints', fingerprints: ['SHA256:other'] } as const, 'HOST_KEY_MISMATCH'],
    [
      'that known_hosts lacks',
      { kind: 'known-hosts', content: '', path: '~/.ssh/known_hosts' } as const,
      'HOST_KEY_UNKNOWN',
    ],
  ])('%s is never believed, and the message has its fingerprint and what to write', async (_what, hostKey, code) => {
    const repository = freshRepository()
    repository.push('first')
    const server = await freshSshServer()
    const problem = await problemOf(followSsh(server, repository, { ssh: () => ({ ...LOGIN, hostKey }) }))
    expect(problem.code).toBe(code)
    expect(problem.message).toContain(HOST_FINGERPRINT)
    if (code === 'HOST_KEY_UNKNOWN') expect(problem.message).toContain(`SLIPWAY_GIT_HOST_KEY=${HOST_FINGERPRINT}`)
    expect(server.connections).toBe(0)
  })
})

it('a login that is refused names the keys that were tried', async () => {
  const repository = freshRepository()
  const server = await freshSshServer()
  const stranger = ssh2.utils.generateKeyPairSync('ed25519').private
  const identities = { keys: [{ name: 'stranger', privateKey: stranger }], agentSocket: null }
  const problem = await problemOf(followSsh(server, repository, { ssh: () => ({ ...LOGIN, identities }) }))
  expect(problem).toMatchObject({ code: 'GIT_AUTH', next: { kind: 'stalled' } })
  expect(problem.message).toContain('key stranger')
  expect(problem.message).not.toContain('PRIVATE')
})

it('an alias of the ssh configuration gives host, port and user', async () => {
  const repository = freshRepository()
  const sha = repository.push('first')
  const server = await freshSshServer()
  const host = { hostName: '127.0.0.1', port: server.port, user: 'git' }
  const source = follow(`work:${repository.bare}`, { ssh: (name) => (name === 'work' ? { ...LOGIN, host } : LOGIN) })
  expect((await poll(source)).sha).toBe(sha)
})

it('a connection that was dropped between two polls is opened anew', async () => {
  const repository = freshRepository()
  repository.push('first')
  const server = await freshSshServer()
  const source = followSsh(server, repository)
  await poll(source)
  server.drop()
  const second = repository.push('second')
  expect((await poll(source)).sha).toBe(second)
  expect(server.connections).toBe(2)
})

interface Inside {
  readonly outgoing: { readonly id: number }
  readonly _client: { readonly _protocol: { channelEOF(id: number): void } }
}

const complain =
  (text: string, code: number): SshFault =>
  (channel) => {
    channel.stderr.write(text)
    channel.exit(code)
    channel.end()
    return true
  }

describe('a server that misbehaves leaves the last good revision readable, and is followed again when it is well', () => {
  const faults: readonly (readonly [string, string, SshFault])[] = [
    [
      'knows no such repository',
      'GIT_NOT_FOUND',
      complain("fatal: '/srv/x' does not appear to be a git repository", 128),
    ],
    [
      'is a forge without such a repository',
      'GIT_NOT_FOUND',
      complain('remote: \nERROR: Repository not found.\nfatal: x\n', 1),
    ],
    ['is gitolite and refuses', 'GIT_AUTH', complain('FATAL: R any fleet deploy DENIED by fallthru\n', 1)],
    ['ends without a word', 'GIT_UNREACHABLE', complain('', 1)],
    [
      'says how it ended after its last word',
      'GIT_UNREACHABLE',
      (channel) => {
        // ssh2 as a server has no exit code after its last word, as OpenSSH has: what it sends for that is sent past it.
        const { outgoing, _client } = channel as unknown as Inside
        _client._protocol.channelEOF(outgoing.id)
        setTimeout(() => {
          channel.exit(1)
          channel.close()
        }, 300)
        return true
      },
    ],
    ['ends at once as if all were well', 'GIT_CORRUPT', complain('', 0)],
    ['greets with something else than Git', 'GIT_CORRUPT', (channel) => channel.write('Welcome to example.com!\n')],
    ['hangs', 'GIT_TIMEOUT', () => true],
    [
      'sends forever',
      'GIT_TOO_LARGE',
      (channel) => {
        const line = `0100${'a'.repeat(252)}`.repeat(256)
        const pump = (): void => void (channel.writable && channel.write(line, pump))
        pump()
        return true
      },
    ],
    [
      'breaks the connection',
      'GIT_UNREACHABLE',
      (channel, _command, connection) => {
        channel.write('00', () => connection.end())
        return true
      },
    ],
  ]
  it.each(faults)('when it %s', async (_what, code, fault) => {
    const repository = freshRepository()
    const good = repository.push('good', { a: 'a' })
    const server = await freshSshServer()
    const source = followSsh(server, repository, {
      limits: { ...(code === 'GIT_TIMEOUT' ? FAST : {}), maxListingBytes: 256 * 1024 },
    })
    await poll(source)
    const newer = repository.push('newer', { b: 'b' })
    server.fault = fault
    expect((await problemOf(source)).code).toBe(code)
    expect(await filesOf(source, good)).toEqual({ a: 'a' })
    server.fault = null
    expect((await poll(source)).sha).toBe(newer)
  })

  it.each([
    ['cut off', (chunk: Buffer) => chunk.subarray(0, Math.max(1, chunk.byteLength - 30))],
    [
      'with flipped bits',
      (chunk: Buffer) => {
        // In the first object: behind it may stand what the server has to say to people.
        const at = Math.min(chunk.indexOf('PACK') + 20, chunk.byteLength - 1)
        return Buffer.concat([chunk.subarray(0, at), Buffer.of((chunk[at] ?? 0) ^ 0x10), chunk.subarray(at + 1)])
      },
    ],
  ])('when a pack comes %s', async (_what, twist) => {
    const repository = freshRepository()
    const good = repository.push('good', { a: 'a' })
    const server = await freshSshServer()
    const source = followSsh(server, repository)
    await poll(source)
    repository.push('newer', { b: 'b'.repeat(2_000) })
    let isListed = false
    server.fault = () => {
      if (isListed) server.twist = (chunk) => (chunk.includes('PACK') ? twist(chunk) : chunk)
      isListed = true
      return false
    }
    expect(['GIT_CORRUPT', 'GIT_UNREACHABLE']).toContain(codeOf(await source.poll(signal)))
    expect(await filesOf(source, good)).toEqual({ a: 'a' })
    server.fault = null
    server.twist = null
    expect((await poll(source)).subject).toBe('newer')
  })
})
