import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { UndoRequest, Undone, Workshop } from '../../src/controller/index.js'
import { codeOf, freshRepository, freshServer, later, signal, value } from './follow.js'
import { sshSigner } from '../trust/signing.js'
import type { TestRepository } from './repository.js'
import { bring, workshopOn } from './workshop.js'

const AUTHOR = { name: 'Slipway', email: 'noreply@slipway.invalid' }

async function served(repository: TestRepository, path = ''): Promise<Workshop> {
  repository.bareGit('config', 'http.receivepack', 'true')
  return workshopOn(`${(await freshServer(repository)).url}/fleet.git`, path === '' ? {} : { path })
}

async function undo(workshop: Workshop, from: string, to: string, over: Partial<UndoRequest> = {}): Promise<Undone> {
  const tip = await bring(workshop, 'main')
  const request = {
    tip,
    from,
    to,
    within: null,
    message: 'Revert "x"\n\nbecause\n',
    author: AUTHOR,
    atMs: 1e12,
    ...over,
  }
  const undone = await workshop.undo(request, signal)
  expect(undone.ok ? [] : undone.problem).toEqual([])
  if (!undone.ok) throw new Error('not undone')
  return undone.value
}

const treeOf = (repository: TestRepository, name: string): string => repository.bareGit('ls-tree', '-r', name)

it('makes the same files as git revert does, and pushes them so that git finds nothing wrong', async () => {
  const repository = freshRepository()
  repository.write('bin/run', '#!/bin/sh\n')
  repository.git('add', '--all')
  repository.git('update-index', '--chmod=+x', 'bin/run')
  const first = repository.push('first', { a: '1\n2\n3\n', 'dir/b': 'b', 'dir.x': 'x', 'gone/deep/c': 'c' })
  repository.git('rm', '--quiet', '-r', 'gone')
  const bad = repository.push('bad', { a: '1\n2\n9\n', 'dir/b': 'B', 'new/deep/d': 'd', 'bin/run': '#!/bin/bash\n' })
  const tip = repository.push('more', { a: '0\n2\n9\n', e: 'e' })
  const undone = await undo(await served(repository), bad, first)
  expect(value(await undone.push('refs/heads/main', tip, signal))).toBeUndefined()
  expect(repository.bareGit('rev-parse', 'main')).toBe(undone.sha)
  repository.git('revert', '--no-edit', bad)
  expect(treeOf(repository, 'main')).toBe(repository.git('ls-tree', '-r', 'HEAD'))
  expect(repository.bareGit('fsck', '--strict')).toBe('')
  expect(repository.bareGit('log', '-1', '--format=%an <%ae> %at %P%n%B', 'main')).toBe(
    `Slipway <noreply@slipway.invalid> 1000000000 ${tip}\nRevert "x"\n\nbecause`,
  )
  expect(undone.paths).toEqual(['a', 'bin/run', 'dir/b', 'gone/deep/c', 'new/deep/d'])
})

it.each([
  ['Ed25519', ['-t', 'ed25519']],
  ['RSA', ['-t', 'rsa', '-b', '2048']],
])('signs with an %s key so that git and Slipway know who did, the same commit each time', async (_kind, kind) => {
  const repository = freshRepository()
  const keys = mkdtempSync(join(tmpdir(), 'slipway-keys-'))
  later(() => rmSync(keys, { recursive: true, force: true }))
  const { allowed } = sshSigner(keys, 'controller', kind)
  const first = repository.push('first', { a: '1' })
  const bad = repository.push('bad', { a: '2' })
  const signing = { name: 'controller', privateKey: readFileSync(join(keys, 'controller')) }
  const signers = { allowed, revoked: '' }
  repository.bareGit('config', 'http.receivepack', 'true')
  const workshop = workshopOn(`${(await freshServer(repository)).url}/fleet.git`, { signing, signers })
  const undone = await undo(workshop, bad, first)
  expect((await undo(workshop, bad, first)).sha).toBe(undone.sha)
  value(await undone.push('refs/heads/main', bad, signal))
  writeFileSync(join(keys, 'allowed'), allowed)
  const verify = ['-c', `gpg.ssh.allowedSignersFile=${join(keys, 'allowed')}`, 'verify-commit', undone.sha]
  expect(execFileSync('git', [...verify, '--raw'], { cwd: repository.bare, stdio: 'pipe' }).toString()).toBe('')
  expect(repository.bareGit('fsck', '--strict')).toBe('')
  const [news] = value(
    await workshop.at(await bring(workshop, undone.sha)).news({ sha: undone.sha, since: bad, signed: 'head' }, signal),
  )
  expect(news?.signature).toMatchObject({ kind: 'trusted', signer: 'controller@example.com' })
})

it('says why a key cannot sign', async () => {
  const keys = mkdtempSync(join(tmpdir(), 'slipway-keys-'))
  later(() => rmSync(keys, { recursive: true, force: true }))
  sshSigner(keys, 'ec', ['-t', 'ecdsa'])
  const repository = freshRepository()
  repository.push('first', { a: '1' })
  const why = async (privateKey: string | Buffer): Promise<string> => {
    const workshop = workshopOn(repository.bare, { signing: { name: 'SLIPWAY_SIGNING_KEY', privateKey } })
    const brought = await workshop.bring('main', signal)
    return brought.ok ? '' : `${brought.problem.code} ${brought.problem.message}`
  }
  expect(await why(readFileSync(join(keys, 'ec')))).toMatch(/^SETTING_INVALID .*only Ed25519 and RSA keys sign here/)
  expect(await why('nonsense')).toMatch(/^SETTING_INVALID .*it is not a private key in OpenSSH or PEM form/)
})

it('touches nothing outside the followed folder, nor outside the folders that are named', async () => {
  const repository = freshRepository()
  const first = repository.push('first', { 'in/x/a': '1', 'in/y/b': '1', out: '1' })
  const bad = repository.push('bad', { 'in/x/a': '2', 'in/y/b': '2', out: '2' })
  const workshop = await served(repository, 'in')
  expect((await undo(workshop, bad, first)).paths).toEqual(['x/a', 'y/b'])
  const undone = await undo(workshop, bad, first, { within: ['x/'] })
  value(await undone.push('refs/heads/main', bad, signal))
  const contents = ['in/x/a', 'in/y/b', 'out'].map((path) => repository.bareGit('show', `main:${path}`))
  expect(contents).toEqual(['1', '2', '2'])
})

it('is the same commit every time, and pushing it again is nothing', async () => {
  const repository = freshRepository()
  const first = repository.push('first', { a: '1' })
  const bad = repository.push('bad', { a: '2' })
  const workshop = await served(repository)
  const [one, two] = [await undo(workshop, bad, first), await undo(workshop, bad, first)]
  expect(one.sha).toBe(two.sha)
  value(await one.push('refs/heads/main', bad, signal))
  value(await two.push('refs/heads/main', bad, signal))
  expect(repository.bareGit('rev-list', '--count', 'main')).toBe('3')
})

it('never goes over a newer commit, nor over a branch that is there', async () => {
  const repository = freshRepository()
  const first = repository.push('first', { a: '1' })
  const bad = repository.push('bad', { a: '2' })
  const workshop = await served(repository)
  const undone = await undo(workshop, bad, first)
  const newer = repository.push('newer', { b: '1' })
  expect(codeOf(await undone.push('refs/heads/main', bad, signal))).toBe('PUSH_REFUSED')
  expect(codeOf(await undone.push('refs/heads/main', null, signal))).toBe('PUSH_REFUSED')
  expect(repository.bareGit('rev-parse', 'main')).toBe(newer)
  value(await undone.push('refs/heads/slipway/revert', null, signal))
  expect(repository.bareGit('rev-parse', 'slipway/revert')).toBe(undone.sha)
  const other = await undo(workshop, newer, bad)
  expect(await other.push('refs/heads/slipway/revert', null, signal)).toMatchObject({
    problem: { message: expect.stringContaining('refs/heads/slipway/revert is there already') as string },
  })
})

it('says who refuses and why when a hook does', async () => {
  const repository = freshRepository()
  const first = repository.push('first', { a: '1' })
  const bad = repository.push('bad', { a: '2' })
  const workshop = await served(repository)
  const hook = '#!/bin/sh\necho "protected branch" >&2\nexit 1\n'
  writeFileSync(join(repository.bare, 'hooks', 'pre-receive'), hook, { mode: 0o755 })
  const pushed = await (await undo(workshop, bad, first)).push('refs/heads/main', bad, signal)
  expect(pushed.ok ? '' : `${pushed.problem.code} ${pushed.problem.next?.kind ?? ''}`).toBe('PUSH_REFUSED stalled')
  expect(repository.bareGit('rev-parse', 'main')).toBe(bad)
})

it('says that the server takes no commits at all', async () => {
  const repository = freshRepository()
  const first = repository.push('first', { a: '1' })
  const bad = repository.push('bad', { a: '2' })
  const workshop = await served(repository)
  repository.bareGit('config', 'http.receivepack', 'false')
  expect(codeOf(await (await undo(workshop, bad, first)).push('refs/heads/main', bad, signal))).toBe('GIT_AUTH')
  const local = workshopOn(repository.bare)
  expect(codeOf(await (await undo(local, bad, first)).push('refs/heads/main', bad, signal))).toBe('PUSH_REFUSED')
})

it('says where a newer commit built on what is to be taken back', async () => {
  const repository = freshRepository()
  const first = repository.push('first', { a: '1\n' })
  const bad = repository.push('bad', { a: '2\n' })
  repository.push('newer', { a: '3\n' })
  const workshop = await served(repository)
  const tip = await bring(workshop, 'main')
  const undone = await workshop.undo(
    { tip, from: bad, to: first, within: null, message: 'm', author: AUTHOR, atMs: 0 },
    signal,
  )
  expect(undone.ok ? [] : undone.problem.map(({ code, place }) => ({ code, place }))).toEqual([
    { code: 'MERGE_CONFLICT', place: { path: 'a', line: 1 } },
  ])
})
