import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyDelta } from '../../src/source/delta.js'
import { GitFailure } from '../../src/source/failure.js'
import { oidOf, parseCommit, parseTree } from '../../src/source/git-object.js'
import type { GitObject } from '../../src/source/git-object.js'
import { SOURCE_LIMITS } from '../../src/source/index.js'
import { openObjectStore } from '../../src/source/object-store.js'
import { indexPack } from '../../src/source/pack-index.js'
import { writeEntryHeader } from '../../src/source/pack-entry.js'
import { indexHas, writePack, writePackIndex } from '../../src/source/pack-write.js'
import { freshDir, freshRepository, signal } from './follow.js'

function sealed(entries: readonly Buffer[], count = entries.length): Buffer {
  const head = Buffer.from('PACK\0\0\0\u0002\0\0\0\0', 'latin1')
  head.writeUInt32BE(count, 8)
  const body = Buffer.concat([head, ...entries])
  return Buffer.concat([body, createHash('sha1').update(body).digest()])
}

const blob = (text: string): Buffer => Buffer.concat([writeEntryHeader('blob', text.length), deflateSync(text)])

async function codeOfPack(pack: Buffer, limits = {}): Promise<string> {
  try {
    await indexPack(pack, { ...SOURCE_LIMITS, ...limits }, signal)
    return 'OK'
  } catch (error) {
    if (error instanceof GitFailure) return error.problem.code
    throw error
  }
}

it('writes the same index as git does, for packs full of deltas', async () => {
  const repository = freshRepository()
  for (let i = 0; i < 25; i++)
    repository.push(`push ${i}`, { big: Array.from({ length: 400 }, (_, n) => `line ${n} ${n % (i + 2)}`).join('\n') })
  for (const flags of [[], ['--no-delta-base-offset']]) {
    const config = flags.length === 0 ? 'true' : 'false'
    repository.bareGit('-c', `repack.usedeltabaseoffset=${config}`, 'repack', '-q', '-a', '-d', '-f', '--depth=50')
    const dir = join(repository.bare, 'objects/pack')
    const stem = join(
      dir,
      readdirSync(dir)
        .find((name) => name.endsWith('.pack'))
        ?.slice(0, -5) ?? '',
    )
    const pack = readFileSync(`${stem}.pack`)
    expect(writePackIndex(await indexPack(pack, SOURCE_LIMITS, signal), pack).equals(readFileSync(`${stem}.idx`))).toBe(
      true,
    )
  }
})

it('writes packs that git accepts, and finds every object in their index', async () => {
  const objects = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 20 })
  const dir = freshDir()
  await fc.assert(
    fc.asyncProperty(objects, async (contents) => {
      const blobs = contents.map((content): GitObject => ({ type: 'blob', content }))
      const unique = [...new Map(blobs.map((object) => [oidOf(object), object])).values()]
      const pack = writePack(unique)
      const index = writePackIndex(await indexPack(pack, SOURCE_LIMITS, signal), pack)
      for (const object of unique) expect(indexHas(index, oidOf(object))).toBe(true)
      expect(indexHas(index, 'f'.repeat(40))).toBe(false)
      expect(indexHas(index, '0'.repeat(40))).toBe(false)
      writeFileSync(join(dir, 'p.pack'), pack)
      execFileSync('git', ['index-pack', '--strict', '-o', join(dir, 'p.idx'), join(dir, 'p.pack')], { stdio: 'pipe' })
      expect(readFileSync(join(dir, 'p.idx')).equals(index)).toBe(true)
    }),
    { numRuns: 15 },
  )
})

const zeros = (size: number): Buffer => Buffer.concat([writeEntryHeader('blob', size), deflateSync(Buffer.alloc(size))])
const offsetDelta = (distance: number, delta: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0x60 | delta.byteLength, distance]), deflateSync(delta)])
const oidDelta = (oid: string, delta: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0x70 | delta.byteLength]), Buffer.from(oid, 'hex'), deflateSync(delta)])

it.each<[string, Buffer, string, object?]>([
  ['a good pack', sealed([blob('one'), blob('two')]), 'OK'],
  ['the same object twice', sealed([blob('one'), blob('one')]), 'OK'],
  ['an empty pack', sealed([]), 'OK'],
  ['fewer objects than it says', sealed([blob('one')], 2), 'GIT_CORRUPT'],
  ['more objects than it says', sealed([blob('one'), blob('two')], 1), 'GIT_CORRUPT'],
  ['an object of unknown type', sealed([Buffer.concat([Buffer.from([0x50]), deflateSync('')])]), 'GIT_CORRUPT'],
  [
    'a size that is too small',
    sealed([Buffer.concat([writeEntryHeader('blob', 2), deflateSync('one')])]),
    'GIT_CORRUPT',
  ],
  [
    'a size that is too large',
    sealed([Buffer.concat([writeEntryHeader('blob', 4), deflateSync('one')])]),
    'GIT_CORRUPT',
  ],
  [
    'data that does not unpack',
    sealed([Buffer.concat([writeEntryHeader('blob', 4), Buffer.alloc(30)])]),
    'GIT_CORRUPT',
  ],
  ['a delta on itself', sealed([offsetDelta(0, Buffer.from([3, 3, 0x90, 3]))]), 'GIT_CORRUPT'],
  ['a delta on nothing', sealed([blob('one'), offsetDelta(5, Buffer.from([3, 3, 0x90, 3]))]), 'GIT_CORRUPT'],
  ['a delta before the pack', sealed([offsetDelta(100, Buffer.from([3, 3, 0x90, 3]))]), 'GIT_CORRUPT'],
  ['a delta on an object elsewhere', sealed([oidDelta('a'.repeat(40), Buffer.from([3, 3, 0x90, 3]))]), 'GIT_CORRUPT'],
  [
    'a delta that does not fit',
    sealed([blob('one'), offsetDelta(blob('one').byteLength, Buffer.from([9, 3, 0x90, 3]))]),
    'GIT_CORRUPT',
  ],
  ['a small pack with a huge object', sealed([zeros(5_000_000)]), 'GIT_TOO_LARGE', { maxObjectBytes: 1_000_000 }],
  [
    'a small pack of many large objects',
    sealed(Array.from({ length: 9 }, (_, i) => zeros(100_000 + i))),
    'GIT_TOO_LARGE',
    { maxUnpackedBytes: 500_000 },
  ],
  ['too many objects', sealed([blob('a'), blob('b'), blob('c')]), 'GIT_TOO_LARGE', { maxObjects: 2 }],
  ['no pack', Buffer.from('nothing of the kind, but long enough to be one'), 'GIT_CORRUPT'],
])('tells %s', async (_what, pack, expected, limits) => {
  expect(await codeOfPack(pack, limits)).toBe(expected)
})

it('finds a base by its id, also when it comes later, and grows deltas within the limit', async () => {
  const base = oidOf({ type: 'blob', content: Buffer.from('one') })
  const twice = Buffer.from([3, 6, 0x90, 3, 0x90, 3])
  const named = await indexPack(sealed([oidDelta(base, twice), blob('one')]), SOURCE_LIMITS, signal)
  expect(named.map(({ oid }) => oid).sort()).toEqual(
    [base, oidOf({ type: 'blob', content: Buffer.from('oneone') })].sort(),
  )
})

it.each([
  ['a long chain of deltas, of which one content is needed at a time', 1, 'OK'],
  ['deltas whose bases are all needed again', 2, 'GIT_TOO_LARGE'],
])('holds no more of bases than two of the largest objects: %s', async (_what, children, expected) => {
  const grow = (size: number, letter: number): Buffer => Buffer.from([size, size + 1, 0x90, size, 1, letter])
  const entries = [blob('A'.repeat(100))]
  for (let size = 100; size < 120; size++) {
    const base = oidOf({ type: 'blob', content: Buffer.from('A'.repeat(size)) })
    // Read in this order: the one that nothing is built on comes last, and its base must be there still.
    for (let child = 0; child < children; child++) entries.push(oidDelta(base, grow(size, 65 + child)))
  }
  expect(await codeOfPack(sealed(entries), { maxObjectBytes: 125 })).toBe(expected)
})

it('tells every pack with a changed byte from the good one', async () => {
  const pack = sealed([blob('one'), blob('two'), blob('three')])
  for (let at = 0; at < pack.byteLength; at++) {
    const changed = Buffer.from(pack)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(await codeOfPack(changed)).not.toBe('OK')
  }
})

it('judges any bytes that carry a right checksum', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 4 }), async (entries) => {
      expect(['OK', 'GIT_CORRUPT', 'GIT_TOO_LARGE']).toContain(
        await codeOfPack(sealed(entries.map((e) => Buffer.from(e)))),
      )
    }),
  )
})

it('stops indexing when it is told to', async () => {
  const pack = sealed(Array.from({ length: 30 }, (_, i) => zeros(2_000_000 + i)))
  await expect(indexPack(pack, SOURCE_LIMITS, AbortSignal.abort())).rejects.toMatchObject({
    problem: { code: 'GIT_TIMEOUT' },
  })
})

describe('deltas', () => {
  it.each([
    ['of another base', [4, 3, 0x90, 3]],
    ['that copy from behind the base', [3, 3, 0x91, 1, 3]],
    ['that end in the middle of an insert', [3, 3, 3, 65]],
    ['that end in the middle of a copy', [3, 3, 0x91]],
    ['with the reserved instruction', [3, 3, 0]],
    ['that make less than they say', [3, 3, 0x90, 2]],
    ['that make more than they say', [3, 3, 0x90, 3, 1, 65]],
    ['without sizes', []],
    ['with an endless size', [0x83, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]],
  ])('%s are refused', (_what, delta) => {
    expect(applyDelta(Buffer.from('one'), Buffer.from(delta), 100)).toBeNull()
  })

  it('never make more than is allowed, and never throw', () => {
    expect(applyDelta(Buffer.from('one'), Buffer.from([3, 3, 0x90, 3]), 2)).toBeNull()
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (base, delta) => {
        const made = applyDelta(Buffer.from(base), Buffer.from([base.length, ...delta]), 1000)
        expect(made === null || made.byteLength <= 1000).toBe(true)
      }),
    )
  })
})

describe('trees', () => {
  const tree = (...entries: readonly string[]): GitObject => ({
    type: 'tree',
    content: Buffer.concat(entries.map((entry) => Buffer.concat([Buffer.from(`${entry}\0`), Buffer.alloc(20, 1)]))),
  })

  it.each<[string, GitObject]>([
    ['a name that leads up', tree('100644 ..')],
    ['a name of here', tree('40000 .')],
    ['a name with a slash', tree('100644 a/b')],
    ['a name of Git’s own', tree('40000 .GIT')],
    ['an empty name', tree('100644 ')],
    ['a mode that nobody writes', tree('100000 a')],
    ['the same name twice', tree('100644 a', '40000 a')],
    ['half an entry', { type: 'tree', content: Buffer.from('100644 a\0short') }],
    ['something that is no tree', { type: 'blob', content: Buffer.alloc(0) }],
  ])('with %s are refused', (_what, object) => {
    expect(() => parseTree('0'.repeat(40), object)).toThrow(GitFailure)
  })

  it('parse or are refused, whatever their bytes, and so do commits', () => {
    const parsers = [parseTree, parseCommit]
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0, 1), (content, i) => {
        try {
          parsers[i]?.('0'.repeat(40), { type: i === 0 ? 'tree' : 'commit', content })
        } catch (error) {
          expect(error).toBeInstanceOf(GitFailure)
        }
      }),
    )
  })
})

it('hashes again what it reads: an index that leads to another object is found out', async () => {
  const dir = freshDir()
  const pack = sealed([blob('one'), blob('two')])
  const [one, two] = await indexPack(pack, SOURCE_LIMITS, signal)
  if (one === undefined || two === undefined) throw new Error('two objects were expected')
  const crossed = [
    { ...one, offset: two.offset },
    { ...two, offset: one.offset },
  ]
  const stem = join(dir, 'objects/pack', `pack-${pack.toString('hex', pack.byteLength - 20)}`)
  mkdirSync(join(dir, 'objects/pack'), { recursive: true })
  writeFileSync(`${stem}.pack`, pack)
  writeFileSync(`${stem}.idx`, writePackIndex(crossed, pack))
  const store = await openObjectStore(dir, SOURCE_LIMITS)
  await expect(store.read(one.oid)).rejects.toMatchObject({ problem: { code: 'GIT_CORRUPT' } })
  expect(store.isDamaged()).toBe(true)
})

it('reads commits as people write them, and shows no control character', () => {
  const text = [
    `tree ${'a'.repeat(40)}`,
    `parent ${'b'.repeat(40)}`,
    `parent ${'c'.repeat(40)}`,
    'author Æsa \u001b[31mRed <a@example.com> 1700000000 +0100',
    'committer <c@example.com> 1700000001 -0730',
    'gpgsig -----BEGIN PGP SIGNATURE-----',
    ' parent nonsense',
    '',
    'Subject over',
    'two lines',
    '',
    'body',
  ].join('\n')
  expect(parseCommit('0'.repeat(40), { type: 'commit', content: Buffer.from(text) })).toEqual({
    tree: 'a'.repeat(40),
    parents: ['b'.repeat(40), 'c'.repeat(40)],
    author: 'Æsa [31mRed',
    committedAtMs: 1_700_000_001_000,
    subject: 'Subject over two lines',
  })
})
