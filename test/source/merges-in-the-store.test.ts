import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { oidOf } from '../../src/source/git-object.js'
import { mergeFiles } from '../../src/source/merge-files.js'
import type { Files } from '../../src/source/merge-files.js'
import { WAYS, codeOf, filesOf, freshDir, freshRepository, reach, signal, value } from './follow.js'
import type { TestRepository } from './repository.js'
import { bring, clean, mergeOf, workshopOn } from './workshop.js'

/** main and `change` go apart from a first commit with these files. */
function forked(
  first: Readonly<Record<string, string>>,
  ours: Readonly<Record<string, string | null>>,
  theirs: Readonly<Record<string, string | null>>,
): TestRepository {
  const repository = freshRepository()
  repository.push('first', first)
  repository.git('checkout', '--quiet', '-b', 'change')
  put(repository, 'theirs', theirs)
  repository.git('push', '--quiet', 'origin', 'HEAD:refs/pull/7/head')
  repository.git('checkout', '--quiet', 'main')
  put(repository, 'ours', ours)
  repository.git('push', '--quiet', 'origin', 'HEAD:main')
  return repository
}

function put(repository: TestRepository, subject: string, files: Readonly<Record<string, string | null>>): void {
  for (const [path, content] of Object.entries(files)) {
    if (content === null) repository.git('rm', '--quiet', path)
    else repository.write(path, content)
  }
  repository.commit(subject)
}

const LINES = 'one\ntwo\nthree\nfour\nfive\n'
const HEAD = 'refs/pull/7/head'

it.each(WAYS)('merges what two sides changed, file by file and line by line (%s)', async (way) => {
  const repository = forked(
    { a: LINES, b: 'b', c: 'c', d: 'd' },
    { a: LINES.replace('one', 'ONE'), b: 'B', e: 'e' },
    { a: LINES.replace('five', 'FIVE'), c: null, 'f/g': 'g' },
  )
  const merged = await mergeOf(workshopOn(await reach(repository, way)), HEAD)
  expect(clean(merged)).toEqual({ a: 'ONE\ntwo\nthree\nfour\nFIVE\n', b: 'B', d: 'd', e: 'e', 'f/g': 'g' })
  expect(merged.merge?.isContained).toBe(false)
  repository.git('merge', '--quiet', '--no-edit', 'change')
  expect(clean(merged)).toMatchObject({ a: `${repository.git('show', 'HEAD:a')}\n` })
})

it('takes the change as it is when nothing else happened since', async () => {
  const repository = forked({ a: '1' }, {}, { a: '2' })
  expect(clean(await mergeOf(workshopOn(repository.bare), HEAD))).toEqual({ a: '2' })
})

it('knows a change that the branch has already', async () => {
  const repository = forked({ a: '1' }, { b: '1' }, { a: '2' })
  repository.git('merge', '--quiet', '--no-edit', 'change')
  repository.git('push', '--quiet', 'origin', 'HEAD:main')
  const { merge, files } = await mergeOf(workshopOn(repository.bare), HEAD)
  expect({ isContained: merge?.isContained, files }).toEqual({ isContained: true, files: { a: '2', b: '1' } })
})

it.each([
  ['the same lines', { a: LINES.replace('two', '2') }, { a: LINES.replace('two', 'zwei') }, 'a', 2],
  ['a file that the other removed', { a: null }, { a: LINES.replace('two', 'zwei') }, 'a', undefined],
  ['a new file with other contents', { n: '1' }, { n: '2' }, 'n', undefined],
  ['a file that is no text', { a: 'x\0y' }, { a: 'x\0z' }, 'a', undefined],
  ['a file where the other made a folder', { n: '1' }, { 'n/m': '1' }, 'n', undefined],
])('says where both sides changed %s', async (_what, ours, theirs, path, line) => {
  const { problems } = await mergeOf(workshopOn(forked({ a: LINES }, ours, theirs).bare), HEAD)
  expect(problems.map(({ code, place }) => ({ code, place }))).toEqual([
    { code: 'MERGE_CONFLICT', place: line === undefined ? { path } : { path, line } },
  ])
})

it('refuses a change that has no history in common with the branch', async () => {
  const repository = freshRepository()
  repository.push('first', { a: '1' })
  repository.git('checkout', '--quiet', '--orphan', 'stranger')
  repository.commit('from elsewhere')
  repository.git('push', '--quiet', 'origin', 'HEAD:stranger')
  const { problems } = await mergeOf(workshopOn(repository.bare), 'stranger')
  expect(problems.map(({ code }) => code)).toEqual(['MERGE_CONFLICT'])
})

it('takes the newest commit in common of branches that were merged into each other', async () => {
  const repository = forked({ a: LINES }, { a: LINES.replace('one', 'ONE') }, { b: '1' })
  repository.git('merge', '--quiet', '--no-edit', 'change')
  repository.git('push', '--quiet', 'origin', 'HEAD:main')
  repository.git('checkout', '--quiet', 'change')
  put(repository, 'more', { b: '2' })
  repository.git('push', '--quiet', 'origin', `HEAD:${HEAD}`)
  expect(clean(await mergeOf(workshopOn(repository.bare), HEAD))).toEqual({ a: LINES.replace('one', 'ONE'), b: '2' })
})

it('does not look at what is outside the followed folder', async () => {
  const repository = forked({ 'in/a': '1', out: '1' }, { out: '2' }, { 'in/a': '2', out: '3' })
  expect(clean(await mergeOf(workshopOn(repository.bare, { path: 'in' }), HEAD))).toEqual({ a: '2' })
})

it('compares only what is between the lines that all have in common', async () => {
  const text = (middle: string): string => `${'x\n'.repeat(20_000)}${middle}${'y\n'.repeat(20_000)}`
  const all = [text('a\nb\nc\n'), text('A\nb\nc\n'), text('a\nb\nC\n')] as const
  expect(await mergeTexts(...all)).toBe(text('A\nb\nC\n'))
  const { problems } = await mergeOf(
    workshopOn(forked({ a: all[0] }, { a: all[1] }, { a: text('B\nb\nc\n') }).bare),
    HEAD,
  )
  expect(problems).toMatchObject([{ code: 'MERGE_CONFLICT', place: { path: 'a', line: 20_001 } }])
})

it('knows other commits of its history as what they are', async () => {
  const repository = forked({ a: '1' }, { b: '1' }, { a: '2' })
  const workshop = workshopOn(repository.bare)
  const merged = await mergeOf(workshop, HEAD)
  const source = merged.merge?.source
  if (source === undefined) throw new Error('it does not merge')
  const [first, second] = repository.git('rev-list', '--reverse', 'main').split('\n')
  for (const [sha = '', files] of [
    [first, { a: '1' }],
    [second, { a: '1', b: '1' }],
  ] as const) {
    expect(value(await source.revision(sha, signal)).sha).toBe(sha)
    expect(await filesOf(source, sha)).toEqual(files)
  }
  expect(await source.revision('1'.repeat(40), signal)).toMatchObject({ ok: false })
  expect(clean(merged)).toEqual({ a: '2', b: '1' })
})

it('gives up on files that would take seconds in all to compare', async () => {
  const same = 'x\n'.repeat(300)
  const paths = Array.from({ length: 15 }, (_, at) => `f${at}`)
  const all = (text: string): Record<string, string> => Object.fromEntries(paths.map((path) => [path, text]))
  const { problems } = await mergeOf(workshopOn(forked(all(same), all(`${same}y\n`), all(`z\n${same}`)).bare), HEAD)
  expect(problems.map(({ code }) => code)).toEqual(['MERGE_CONFLICT', 'MERGE_CONFLICT'])
})

it('gives up on texts that would take long to compare', async () => {
  const same = 'x\n'.repeat(600)
  const { problems } = await mergeOf(
    workshopOn(forked({ a: same }, { a: `${same}y\n` }, { a: `z\n${same}` }).bare),
    HEAD,
  )
  expect(problems.map(({ code }) => code)).toEqual(['MERGE_CONFLICT'])
})

it('never merges lines otherwise than Git does', async () => {
  const dir = freshDir()
  const text = fc
    .array(fc.constantFrom('a\n', 'b\n', 'c\n', 'd\n', 'e\n'), { maxLength: 8 })
    .map((lines) => lines.join(''))
  await fc.assert(
    fc.asyncProperty(text, text, text, async (base, ours, theirs) => {
      const merged = await mergeTexts(base, ours, theirs)
      const byGit = gitMergeFile(dir, base, ours, theirs)
      if (merged !== null && byGit !== null) expect(merged).toBe(byGit)
    }),
    { numRuns: 60, seed: 7 },
  )
})

async function mergeTexts(base: string, ours: string, theirs: string): Promise<string | null> {
  const contents = new Map<string, Buffer>()
  const side = (text: string): Files => {
    const content = Buffer.from(text)
    const oid = oidOf({ type: 'blob', content })
    contents.set(oid, content)
    return new Map([['f', { kind: 'file', mode: '100644', oid }]])
  }
  const sides = [side(base), side(ours), side(theirs)] as const
  const read = (oid: string): Promise<Buffer> => Promise.resolve(contents.get(oid) ?? Buffer.alloc(0))
  const { files, written, conflicts } = await mergeFiles(...sides, read, () => undefined)
  const oid = files.get('f')?.oid ?? ''
  return conflicts.length > 0 ? null : Buffer.from(written.get(oid) ?? contents.get(oid) ?? '').toString()
}

function gitMergeFile(dir: string, base: string, ours: string, theirs: string): string | null {
  const paths = [ours, base, theirs].map((text, index) => {
    const path = join(dir, String(index))
    writeFileSync(path, text)
    return path
  })
  try {
    return execFileSync('git', ['merge-file', '-p', '-q', ...paths], { encoding: 'utf8' })
  } catch {
    return null
  }
}

it.each(WAYS)('lists proposals by pattern, with their heads (%s)', async (way) => {
  const repository = forked({ a: '1' }, {}, { a: '2' })
  const head = repository.git('rev-parse', 'change')
  repository.git('push', '--quiet', 'origin', `${head}:refs/pull/12/head`, `${head}:refs/pull/12/merge`)
  repository.git('push', '--quiet', 'origin', `${head}:refs/merge-requests/3/head`, `${head}:refs/heads/change/x`)
  const workshop = workshopOn(await reach(repository, way))
  const patterns = ['refs/pull/*/head', 'refs/merge-requests/*/head', 'refs/heads/change/*']
  const found = value(await workshop.proposals(patterns, signal))
  expect(found.map(({ key }) => key)).toEqual(['3', '7', '12', 'x'])
  expect(new Set(found.map((proposal) => proposal.head))).toEqual(new Set([head]))
})

it.each(['v1', 'refs/tags/v1', 'main', 'HEAD', 'refs/pull/7/head'])('brings %s by name', async (name) => {
  const repository = forked({ a: '1' }, {}, { a: '2' })
  repository.git('push', '--quiet', 'origin', 'main:refs/tags/v1')
  const wanted = repository.git('rev-parse', name.startsWith('refs/pull') ? 'change' : 'main')
  expect(await bring(workshopOn(repository.bare), name)).toMatchObject({ sha: wanted })
})

it('brings a commit by its digits, all of them or the first', async () => {
  const repository = forked({ a: '1' }, { a: '2' }, {})
  const first = repository.git('rev-parse', 'main~1')
  const workshop = workshopOn(repository.bare)
  expect(await bring(workshop, first.slice(0, 9))).toMatchObject({ sha: first })
  expect(await bring(workshop, first)).toMatchObject({ sha: first })
  expect(codeOf(await workshop.bring('nothing-like-that', signal))).toBe('GIT_REF_MISSING')
  expect(codeOf(await workshop.bring('0000000', signal))).toBe('GIT_REF_MISSING')
})

it('tells of a commit where it comes from and what its folder is', async () => {
  const repository = forked({ 'in/a': '1' }, { out: '2' }, {})
  const workshop = workshopOn(repository.bare, { path: 'in' })
  const tip = await bring(workshop, 'main')
  const [newest, parent] = repository.git('rev-list', '--max-count=2', 'main').split('\n')
  const commit = value(await workshop.commit(tip.sha, signal))
  expect({ sha: tip.sha, parents: commit.parents }).toEqual({ sha: newest, parents: [parent] })
  expect(commit.folder).toBe(value(await workshop.commit(parent ?? '', signal)).folder)
})
