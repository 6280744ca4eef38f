import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { UndoRequest, Undone, Workshop } from '../../src/controller/index.js'
import { codeOf, freshRepository, freshServer, signal, value } from './follow.js'
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
