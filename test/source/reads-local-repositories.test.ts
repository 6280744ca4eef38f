import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { codeOf, filesOf, follow, freshDir, freshRepository, poll, signal } from './follow.js'

it('follows a work tree, whatever is uncommitted in it', async () => {
  const repository = freshRepository()
  const sha = repository.push('first', { a: '1' })
  repository.write('a', 'uncommitted')
  const source = follow(repository.work)
  expect((await poll(source)).sha).toBe(sha)
  expect(await filesOf(source, sha)).toEqual({ a: '1' })
})

it('follows a linked work tree and a repository behind a .git file', async () => {
  const repository = freshRepository()
  const sha = repository.push('first', { a: '1' })
  repository.git('worktree', 'add', '--quiet', '../linked', '-b', 'other')
  expect((await poll(follow(join(repository.root, 'linked')))).sha).toBe(sha)
})

it('reads packed refs, several packs and loose objects together', async () => {
  const repository = freshRepository()
  repository.push('first', { a: '1' })
  repository.bareGit('repack', '--quiet')
  repository.push('second', { b: '2' })
  repository.bareGit('repack', '--quiet')
  const sha = repository.push('third', { c: '3' })
  repository.bareGit('pack-refs', '--all')
  const source = follow(`file://${repository.bare}`)
  expect((await poll(source)).sha).toBe(sha)
  expect(await filesOf(source, sha)).toEqual({ a: '1', b: '2', c: '3' })
})

it('reads objects that the repository borrows, by absolute and by relative path', async () => {
  const repository = freshRepository()
  const sha = repository.push('first', { a: '1' })
  repository.bareGit('gc', '--quiet')
  for (const [name, alternate] of [
    ['shared.git', join(repository.bare, 'objects')],
    ['relative.git', '../../fleet.git/objects'],
  ] as const) {
    const borrower = join(repository.root, name)
    execFileSync('git', ['clone', '--quiet', '--bare', '--shared', repository.bare, borrower])
    writeFileSync(join(borrower, 'objects/info/alternates'), `# a comment\n${alternate}\n`)
    const source = follow(borrower)
    expect((await poll(source)).sha).toBe(sha)
    expect(await filesOf(source, sha)).toEqual({ a: '1' })
  }
})

it('follows a shallow repository as far as it reaches', async () => {
  const repository = freshRepository()
  repository.push('first', { a: '1' })
  const sha = repository.push('second', { a: '2' })
  const shallow = join(repository.root, 'shallow.git')
  execFileSync('git', ['clone', '--quiet', '--bare', '--depth=1', `file://${repository.bare}`, shallow])
  expect((await poll(follow(shallow))).sha).toBe(sha)
})

it('goes on after the repository was packed anew, and keeps one copy of it', async () => {
  const repository = freshRepository()
  const events: string[] = []
  const source = follow(repository.bare, { log: ({ message }) => events.push(message) })
  const first = repository.push('first', { a: '1' })
  repository.bareGit('gc', '--quiet')
  await poll(source)
  const second = repository.push('second', { a: '2' })
  repository.bareGit('gc', '--quiet')
  expect((await poll(source)).sha).toBe(second)
  expect(events).toEqual(['git cloned', 'git cloned'])
  expect(await filesOf(source, first)).toEqual({ a: '1' })
})

it('says that there is no repository, and reads the last good revision when it is gone', async () => {
  const empty = freshDir()
  expect(codeOf(await follow(empty).poll(signal))).toBe('GIT_NOT_FOUND')
  expect(codeOf(await follow(join(empty, 'nothing')).poll(signal))).toBe('GIT_NOT_FOUND')
  const repository = freshRepository()
  const sha = repository.push('first', { a: '1' })
  const source = follow(repository.bare)
  await poll(source)
  rmSync(repository.bare, { recursive: true })
  expect(codeOf(await source.poll(signal))).toBe('GIT_NOT_FOUND')
  expect(await filesOf(source, sha)).toEqual({ a: '1' })
})

it('refuses damaged objects of the repository, and recovers when they are mended', async () => {
  const repository = freshRepository()
  const sha = repository.push('first', { a: '1' })
  const source = follow(repository.bare)
  await poll(source)
  const second = repository.push('second', { a: '2' })
  const blob = repository.git('rev-parse', 'HEAD:a')
  const path = join(repository.bare, 'objects', blob.slice(0, 2), blob.slice(2))
  chmodSync(path, 0o644)
  writeFileSync(path, 'garbage')
  expect(codeOf(await source.poll(signal))).toBe('GIT_CORRUPT')
  expect(codeOf(await source.poll(signal))).toBe('GIT_CORRUPT')
  expect(await filesOf(source, sha)).toEqual({ a: '1' })
  rmSync(path)
  repository.bareGit('fetch', '--quiet', '--refetch', repository.work, 'HEAD')
  expect((await poll(source)).sha).toBe(second)
  expect(await filesOf(source, second)).toEqual({ a: '2' })
})

it('shows no file through a ref that is a symlink, and follows no symbolic ref out of refs', async () => {
  const repository = freshRepository()
  repository.push('first', { a: '1' })
  const secret = join(freshDir(), 'secret')
  writeFileSync(secret, 'hunter2\n')
  symlinkSync(secret, join(repository.bare, 'refs/heads/link'))
  writeFileSync(join(repository.bare, 'refs/heads/out'), `ref: refs/../../../${secret}\n`)
  writeFileSync(join(repository.bare, 'refs/heads/loop'), `ref: refs/heads/loop\n`)
  mkdirSync(join(repository.bare, 'refs/heads/dir'))
  for (const branch of ['link', 'out', 'loop', 'dir']) {
    const result = await follow(repository.bare, { ref: { branch } }).poll(signal)
    expect(['GIT_CORRUPT', 'GIT_REF_MISSING']).toContain(codeOf(result))
    expect(JSON.stringify(result)).not.toContain('hunter2')
  }
})

it('refuses repositories whose objects are named otherwise', async () => {
  const dir = freshDir()
  execFileSync('git', ['init', '--quiet', '--bare', '--object-format=sha256', join(dir, 'new.git')], {
    stdio: 'ignore',
  })
  expect(codeOf(await follow(join(dir, 'new.git')).poll(signal))).toBe('GIT_URL_REFUSED')
})

it('says that its own directory cannot be used', async () => {
  const repository = freshRepository()
  repository.push('first', { a: '1' })
  const file = join(freshDir(), 'file')
  writeFileSync(file, '')
  const result = await follow(repository.bare, { dir: join(file, 'clone') }).poll(signal)
  expect(codeOf(result)).toBe('STORE_FAILED')
})

it('two processes on one directory do not lose each other’s revisions', async () => {
  const repository = freshRepository()
  const first = repository.push('first', { a: '1' })
  const dir = freshDir()
  const limits = { maxFetches: 1 }
  const [one, two] = [follow(repository.bare, { dir, limits }), follow(repository.bare, { dir, limits })]
  await poll(one)
  await poll(two)
  for (let i = 0; i < 4; i++) {
    const sha = repository.push(`push ${i}`, { a: `${i}` })
    for (const source of i % 2 === 0 ? [one, two] : [two, one]) {
      expect((await poll(source)).sha).toBe(sha)
      expect(await filesOf(source, sha)).toEqual({ a: `${i}` })
    }
  }
  expect(await filesOf(one, first)).toEqual({ a: '1' })
})
