import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GitSsh } from '../../../src/source/index.js'
import { codeOf, filesOf, follow, freshDir, freshRepository, later, poll, signal } from '../follow.js'
import { scratch, testRepository } from '../repository.js'
import type { TestRepository } from '../repository.js'
import { makeKey, startSshd } from './sshd.js'
import type { Sshd } from './sshd.js'

const user = 'root'
let dir = ''
let sshd: Sshd
let fleet: TestRepository
let gitolite = ''

/** A key that may run one program, as Git hosts set it up. */
const allowed = (name: string, command: string): string =>
  `restrict,command="${command}" ${readFileSync(join(dir, `${name}.pub`), 'utf8').trim()}`

const login = (key: string): GitSsh => ({
  identities: { keys: [{ name: key, privateKey: readFileSync(join(dir, key)) }], agentSocket: null },
  hostKey: { kind: 'known-hosts', content: sshd.knownHosts, path: 'known_hosts' },
})

beforeAll(async () => {
  dir = scratch()
  fleet = testRepository()
  for (const name of ['deploy', 'reader', 'stranger']) makeKey(dir, name)
  gitolite = join(dir, 'gitolite')
  setUpGitolite()
  const shell = `HOME=${gitolite} /usr/share/gitolite3/gitolite-shell`
  sshd = await startSshd(dir, [
    allowed('deploy', 'git-shell -c \\"$SSH_ORIGINAL_COMMAND\\"'),
    allowed('reader', `${shell} reader`),
  ])
})

afterAll(async () => {
  await sshd.stop()
  fleet.remove()
  rmSync(dir, { recursive: true, force: true })
})

function setUpGitolite(): void {
  mkdirSync(gitolite)
  const env = { ...process.env, HOME: gitolite, GIT_CONFIG_NOSYSTEM: '1' }
  const options = { env, stdio: 'pipe' as const }
  execFileSync('gitolite', ['setup', '--admin', 'admin'], options)
  const conf = join(gitolite, '.gitolite', 'conf', 'gitolite.conf')
  writeFileSync(conf, 'repo fleet\n  RW+ = admin\n  R = reader\nrepo private\n  RW+ = admin\n')
  execFileSync('gitolite', ['setup'], options)
  fleet.push('first', { 'slipway.yaml': 'fleet: acme' })
  const hosted = join(gitolite, 'repositories', 'fleet.git')
  execFileSync('git', ['-C', hosted, 'fetch', '-q', fleet.bare, 'main:main'], options)
}

describe('OpenSSH with git-shell', () => {
  it('is followed by a deploy key, commit after commit', async () => {
    const repository = freshRepository()
    const first = repository.push('first', { a: 'a' })
    const source = follow(`ssh://${user}@127.0.0.1:${sshd.port}${repository.bare}`, { ssh: () => login('deploy') })
    expect((await poll(source)).sha).toBe(first)
    const second = repository.push('second', { b: 'b' })
    expect((await poll(source)).sha).toBe(second)
    expect(await filesOf(source, second)).toEqual({ a: 'a', b: 'b' })
  })

  it('is logged in to with a key that only the agent has', async () => {
    const repository = freshRepository()
    const first = repository.push('first')
    const agentSocket = join(freshDir(), 'agent')
    const agent = execFileSync('ssh-agent', ['-s', '-a', agentSocket], { encoding: 'utf8' })
    later(() => void process.kill(Number(/SSH_AGENT_PID=(\d+)/.exec(agent)?.[1])))
    execFileSync('ssh-add', ['-q', join(dir, 'deploy')], { env: { ...process.env, SSH_AUTH_SOCK: agentSocket } })
    const ssh = { ...login('deploy'), identities: { keys: [], agentSocket } }
    const source = follow(`ssh://${user}@127.0.0.1:${sshd.port}${repository.bare}`, { ssh: () => ssh })
    expect((await poll(source)).sha).toBe(first)
  })

  it.each([
    ['a repository that is not there', 'deploy', '/srv/nothing.git', 'GIT_NOT_FOUND'],
    ['a key that is not allowed', 'stranger', '/srv/nothing.git', 'GIT_AUTH'],
  ])('says of %s what it is', async (_what, key, path, code) => {
    const source = follow(`ssh://${user}@127.0.0.1:${sshd.port}${path}`, { ssh: () => login(key) })
    expect(codeOf(await source.poll(signal))).toBe(code)
  })

  it('with another host key than the pinned one is sent nothing', async () => {
    const hostKey = { kind: 'fingerprints', fingerprints: [`SHA256:${'A'.repeat(43)}`] } as const
    const source = follow(`ssh://${user}@127.0.0.1:${sshd.port}/x`, { ssh: () => ({ ...login('deploy'), hostKey }) })
    const result = await source.poll(signal)
    expect(codeOf(result)).toBe('HOST_KEY_MISMATCH')
    expect(JSON.stringify(result)).toContain(sshd.fingerprint)
  })
})

describe('gitolite', () => {
  it('is followed by its own short paths', async () => {
    const source = follow(`ssh://${user}@127.0.0.1:${sshd.port}/fleet`, { ssh: () => login('reader') })
    expect(await poll(source)).toMatchObject({ subject: 'first' })
  })

  it('that gives no rights is a matter of credentials, in its own words', async () => {
    const source = follow(`ssh://${user}@127.0.0.1:${sshd.port}/private`, { ssh: () => login('reader') })
    const result = await source.poll(signal)
    expect(codeOf(result)).toBe('GIT_AUTH')
    expect(JSON.stringify(result)).toContain('DENIED')
  })
})
