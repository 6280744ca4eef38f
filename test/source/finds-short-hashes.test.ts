import { expect, it } from 'vitest'
import { WAYS, codeOf, filesOf, follow, freshRepository, poll, reach, signal, value } from './follow.js'

it.each(WAYS)('finds an earlier commit by the first digits of its hash, and its files (%s)', async (way) => {
  const repository = freshRepository()
  const first = repository.push('first', { a: '1' })
  repository.push('second', { a: '2' })
  const source = follow(await reach(repository, way))
  await poll(source)
  expect(value(await source.revision(first.slice(0, 7), signal))).toMatchObject({ sha: first, subject: 'first' })
  expect(await filesOf(source, first)).toEqual({ a: '1' })
})

it('finds nothing by digits that no commit of the history begins with', async () => {
  const repository = freshRepository()
  const sha = repository.push('first', { a: '1' })
  const source = follow(repository.bare)
  await poll(source)
  const other = sha.startsWith('0') ? '1111111' : '0000000'
  expect(codeOf(await source.revision(other, signal))).toBe('GIT_REF_MISSING')
})

it('does not guess by fewer than seven digits', async () => {
  const repository = freshRepository()
  const sha = repository.push('first', { a: '1' })
  const source = follow(repository.bare)
  await poll(source)
  expect(codeOf(await source.revision(sha.slice(0, 6), signal))).toBe('GIT_REF_MISSING')
})
