import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startGitServer, type GitFault, type GitServer } from './index.js'
import { gitEnvironment } from './git-repository.js'

const exec = promisify(execFile)

describe('the Git server', () => {
  let dir: string
  let server: GitServer

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'slipway-git-'))
    server = await startGitServer(dir)
  })
  afterEach(async () => {
    await server.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const git = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await exec('git', [...args], { env: gitEnvironment, timeout: 20_000 })
    return stdout.trim()
  }
  const clone = (url: string, into: string): Promise<string> => git('clone', '-q', url, join(dir, into))

  it('serves commits to the real git, clone, fetch and push', async () => {
    const repo = await server.createRepo('fleet')
    const first = await repo.commit(
      { 'slipway.yaml': 'fleet: acme\n', 'stacks/shop/compose.yaml': 'services: {}\n' },
      'one',
    )
    await clone(server.url('fleet'), 'copy')
    expect(readFileSync(join(dir, 'copy/slipway.yaml'), 'utf8')).toBe('fleet: acme\n')
    const second = await repo.commit({ 'stacks/shop/compose.yaml': null, 'other.yaml': 'x' }, 'two')
    await git('-C', join(dir, 'copy'), 'pull', '-q')
    expect(await git('-C', join(dir, 'copy'), 'rev-parse', 'HEAD')).toBe(second)
    expect(existsSync(join(dir, 'copy/stacks'))).toBe(false)
    await git('-C', join(dir, 'copy'), 'push', '-q', 'origin', `${first}:refs/heads/pushed`)
    expect(await repo.head('pushed')).toBe(first)
    expect(server.requests.refs).toBeGreaterThan(2)
  })

  it('reverts, moves a branch back, deletes it and brings it back', async () => {
    const repo = await server.createRepo('fleet')
    const first = await repo.commit({ a: '1' }, 'one')
    const second = await repo.commit({ a: '2' }, 'two')
    const reverted = await repo.revert(second)
    expect(await repo.git('show', `${reverted}:a`)).toBe('1')
    await repo.forcePush(first)
    expect(await repo.head()).toBe(first)
    await repo.deleteBranch()
    expect(await repo.head()).toBeUndefined()
    const third = await repo.commit({ a: '3' }, 'three')
    expect(await repo.head()).toBe(third)
    await repo.switchTo('feature')
    const fourth = await repo.commit({ a: '4' }, 'four')
    expect(await repo.head('main')).toBe(third)
    expect(await repo.head('feature')).toBe(fourth)
  })

  it('wants a login where one was asked for', async () => {
    const repo = await server.createRepo('secret', { login: { user: 'ci', password: 'p@ss' } })
    await repo.commit({ a: '1' }, 'one')
    await expect(clone(server.url('secret'), 'refused')).rejects.toThrow()
    await clone(server.url('secret').replace('//', '//ci:p%40ss@'), 'let-in')
  })

  const faults: readonly (readonly [GitFault, RegExp])[] = [
    [{ kind: 'down' }, /Failed to connect|refused|Couldn't connect/],
    [{ kind: 'unauthorized' }, /terminal prompts disabled|Authentication failed/],
    [{ kind: 'server-error' }, /error: 500/],
    [{ kind: 'html' }, /not valid|not found|invalid/],
    [{ kind: 'truncated-pack', end: 'clean' }, /early EOF|unexpected|hung up|disconnect/],
    [{ kind: 'truncated-pack', end: 'broken' }, /early EOF|unexpected|hung up|disconnect|transfer closed/],
    [{ kind: 'garbage-pack' }, /inflate|corrupt|pack|index-pack/],
  ]

  it.each(faults)('fails as asked: %o', async (fault, message) => {
    const repo = await server.createRepo('fleet')
    await repo.commit({ a: 'content '.repeat(1000), b: String(Math.PI) }, 'one')
    await server.setFault(fault)
    await expect(clone(server.url('fleet'), 'failed')).rejects.toThrow(message)
    await server.setFault()
    await clone(server.url('fleet'), 'works-again')
  })

  it('drips slowly, and hangs', async () => {
    const repo = await server.createRepo('fleet')
    await repo.commit({ a: '1' }, 'one')
    await server.setFault({ kind: 'slow-drip', bytesPerSecond: 1000 })
    const started = Date.now()
    await clone(server.url('fleet'), 'slow')
    expect(Date.now() - started).toBeGreaterThan(500)
    await server.setFault({ kind: 'hang' })
    const hung = exec('git', ['ls-remote', server.url('fleet')], { env: gitEnvironment, timeout: 300 })
    await expect(hung).rejects.toMatchObject({ killed: true })
  })
})
