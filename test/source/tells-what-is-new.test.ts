import { rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sshSigner } from '../trust/signing.js'
import type { Signer } from '../trust/signing.js'
import { codeOf, follow, freshRepository, poll, signal, value } from './follow.js'
import { scratch } from './repository.js'
import type { TestRepository } from './repository.js'

let dir = ''
let ada: Signer
beforeAll(() => {
  dir = scratch()
  ada = sshSigner(dir, 'ada')
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function commit(repository: TestRepository, message: string, signer: Signer | null = null): string {
  const sign = signer === null ? [] : ['-S']
  repository.git(...(signer?.config ?? []), 'commit', '--quiet', '--allow-empty', ...sign, '-m', message)
  return repository.git('rev-parse', 'HEAD')
}

const push = (repository: TestRepository): string => repository.git('push', '--quiet', '--force', 'origin', 'HEAD:main')
const signers = (): { allowed: string; revoked: string } => ({ allowed: ada.allowed, revoked: '' })

it('tells the commits since another, of merged branches too, and who signed them', async () => {
  const repository = freshRepository()
  const first = commit(repository, 'first', ada)
  repository.git('checkout', '-q', '-b', 'side')
  const side = commit(repository, 'side')
  repository.git('checkout', '-q', 'main')
  const second = commit(repository, 'second', ada)
  repository.git(...ada.config, 'merge', '-q', '--no-ff', '-S', '-m', 'merge', 'side')
  const merge = repository.git('rev-parse', 'HEAD')
  push(repository)
  const source = follow(repository.bare, { signers: signers() })
  await poll(source)
  const news = value(await source.news({ sha: merge, since: first, signed: 'every' }, signal))
  expect(Object.fromEntries(news.map(({ sha, signature }) => [sha, signature?.kind]))).toEqual({
    [merge]: 'trusted',
    [second]: 'trusted',
    [side]: 'unsigned',
  })
  expect(news[0]?.expected).toBe('ada@example.com')
  const since = value(await source.news({ sha: merge, since: second, signed: 'head' }, signal))
  expect(since.map(({ sha, signature }) => [sha, signature?.kind])).toEqual([
    [merge, 'trusted'],
    [side, undefined],
  ])
  expect(value(await source.news({ sha: merge, since: merge, signed: null }, signal))).toEqual([])
})

it('reads what a commit asks of Slipway in its last paragraph', async () => {
  const repository = freshRepository()
  const sha = commit(
    repository,
    'drop mail\n\nSlipway-Approve: history\n\nWhy: old\nslipway-approve: prune\nSlipway-Override: now',
  )
  push(repository)
  const source = follow(repository.bare)
  await poll(source)
  const [news] = value(await source.news({ sha, since: null, signed: null }, signal))
  expect(news).toMatchObject({ isRoot: true, signature: null })
  expect(news?.trailers).toEqual([
    { name: 'approve', value: 'prune' },
    { name: 'override', value: 'now' },
  ])
})

it('tells a history that began anew by its root', async () => {
  const repository = freshRepository()
  const first = commit(repository, 'first')
  push(repository)
  const source = follow(repository.bare)
  await poll(source)
  repository.git('checkout', '-q', '--orphan', 'other')
  const other = commit(repository, 'other')
  push(repository)
  await poll(source)
  const news = value(await source.news({ sha: other, since: first, signed: null }, signal))
  expect(news).toMatchObject([{ sha: other, isRoot: true }])
})

it('judges the tag that is followed by its own signature', async () => {
  const repository = freshRepository()
  const sha = commit(repository, 'first')
  repository.git(...ada.config, 'tag', '-s', '-m', 'release', 'v1')
  repository.git('tag', 'light')
  repository.git('push', '-q', 'origin', 'v1', 'light')
  for (const [tag, kind] of [
    ['v1', 'trusted'],
    ['light', 'unsigned'],
  ] as const) {
    const source = follow(repository.bare, { ref: { tag }, signers: signers() })
    await poll(source)
    const news = value(await source.news({ sha, since: null, signed: 'tag' }, signal))
    expect(news[0]?.signature?.kind).toBe(kind)
  }
})

it('refuses to follow with signers that it does not understand', async () => {
  const source = follow(freshRepository().bare, { signers: { allowed: 'ada ssh-ed25519', revoked: '' } })
  expect(codeOf(await source.poll(signal))).toBe('SETTING_INVALID')
})
