import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { loadState } from '../../../src/source/clone-state.js'
import { applyDelta } from '../../../src/source/delta.js'
import { oidOf, parseCommit, parseTag, parseTree } from '../../../src/source/git-object.js'
import { parseAddress, parseRef } from '../../../src/source/address.js'
import { SOURCE_LIMITS } from '../../../src/source/index.js'
import { localTip, openLocal } from '../../../src/source/local-repository.js'
import { openObjectStore } from '../../../src/source/object-store.js'
import { writeEntryHeader } from '../../../src/source/pack-entry.js'
import { indexPack } from '../../../src/source/pack-index.js'
import { writePack, writePackIndex } from '../../../src/source/pack-write.js'
import { checkWhole, readPackets } from '../../../src/source/pkt-line.js'
import { remoteTip } from '../../../src/source/remote-refs.js'
import { downloadPack } from '../../../src/source/upload-pack.js'
import type { Random } from '../random.js'
import { textTarget } from '../target.js'
import type { Target } from '../target.js'

const never = new AbortController().signal
const OID = 'a'.repeat(40)
const REF = { full: 'refs/heads/main', short: 'main', noun: 'branch' } as const
const MIB = 1024 * 1024

const line = (text: string): string => `${(Buffer.byteLength(text) + 4).toString(16).padStart(4, '0')}${text}`
const ADVERTISED = `${line('# service=git-upload-pack\n')}0000${line('version 2\n')}${line('ls-refs\n')}${line('fetch=shallow\n')}0000`
const OLD = `${line('# service=git-upload-pack\n')}0000${line(`${OID} HEAD\0multi_ack symref=HEAD:refs/heads/main\n`)}${line(`${OID} refs/heads/main\n`)}0000`
const LISTED = `${line(`${OID} refs/heads/main\n`)}${line(`${OID} refs/tags/v1 peeled:${OID}\n`)}0000`
const WORDS = [
  '0000',
  '0001',
  '0002',
  '0003',
  '0004',
  'ffff',
  '0008NAK\n',
  'ERR denied',
  OID,
  'refs/heads/main',
  'symref-target:',
  'peeled:',
  '\0',
  ' ',
  '\n',
  'version 2',
  'unborn',
]

function remoteThatSays(get: Buffer, post: Buffer) {
  const send = (call: { readonly method: 'GET' | 'POST' }) => {
    const isGet = call.method === 'GET'
    const kind = isGet ? 'advertisement' : 'result'
    return Promise.resolve({ contentType: `application/x-git-upload-pack-${kind}`, body: pieces(isGet ? get : post) })
  }
  const transport = { send, close: () => undefined }
  return { transport, url: 'http://git/a.git', host: 'git', maxListingBytes: SOURCE_LIMITS.maxListingBytes }
}

async function* pieces(input: Buffer): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  for (let at = 0; at < input.byteLength; at += 1_000) yield input.subarray(at, at + 1_000)
}

async function problemOrValue(work: () => unknown): Promise<unknown> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Error && 'problem' in error) return error.problem
    throw error
  }
}

async function inDirectory<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-fuzz-'))
  try {
    return await work(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const COMMIT = Buffer.from(
  `tree ${OID}\nparent ${OID}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1700000000 +0100\n\nsubject\n\nbody\n`,
)
const TREE = Buffer.concat([
  Buffer.from('100644 a\0'),
  Buffer.alloc(20, 1),
  Buffer.from('40000 dir\0'),
  Buffer.alloc(20, 2),
])
const PACK = writePack([
  { type: 'commit', content: COMMIT },
  { type: 'tree', content: TREE },
  { type: 'blob', content: Buffer.from('hello') },
])

function sealed(pack: Buffer): Buffer {
  const body = pack.subarray(0, Math.max(0, pack.byteLength - 20))
  return Buffer.concat([body, createHash('sha1').update(body).digest()])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest < 128 ? rest : (rest & 0x7f) | 0x80)
    if (rest < 128) return Buffer.from(bytes)
  }
}

/** Instructions that make `to` bytes of a base of `from`: copies of its beginning, as long as each may be. */
function deltaOf(from: number, to: number): Buffer {
  const steps: Buffer[] = []
  for (let left = to; left > 0 && from > 0;) {
    const size = Math.min(left, from, 0xff_ffff)
    steps.push(Buffer.from([0xf0, size & 0xff, (size >> 8) & 0xff, (size >> 16) & 0xff]))
    left -= size
  }
  return Buffer.concat([varint(from), varint(to), ...steps])
}

/** A pack whose deltas fit their bases, of objects that are large unpacked and small packed. */
function packOfDeltas(random: Random): Buffer {
  const size = random.pick([5, 1_000, MIB, 16 * MIB])
  let length = random.chance(0.5) ? size : 1 + random.int(size)
  const entries = [
    Buffer.concat([writeEntryHeader('blob', length), deflateSync(Buffer.alloc(length, random.int(256)))]),
  ]
  for (let count = random.int(12); count > 0; count--) {
    const to = random.pick([length, length * 2, length + 1, random.int(100), 100 * MIB])
    // A base of a few bytes would need millions of copies.
    const delta = deltaOf(length, Math.min(to, length * 1_000))
    // Each is built on the one right before it, by its distance.
    const distance = entries.at(-1)?.byteLength ?? 0
    if (distance < 128 || random.chance(0.1)) {
      const head = writeEntryHeader('blob', delta.byteLength)
      head[0] = ((head[0] ?? 0) & 0x8f) | 0x60
      entries.push(Buffer.concat([head, Buffer.from([distance & 0x7f]), deflateSync(delta)]))
    } else {
      const base = createHash('sha1').update(`blob ${length}\0`).update(Buffer.alloc(length)).digest()
      const head = writeEntryHeader('blob', delta.byteLength)
      head[0] = ((head[0] ?? 0) & 0x8f) | 0x70
      entries.push(Buffer.concat([head, base, deflateSync(delta)]))
    }
    length = to
  }
  const head = Buffer.from('PACK\0\0\0\u0002\0\0\0\0', 'latin1')
  head.writeUInt32BE(entries.length + (random.chance(0.05) ? 1 : 0), 8)
  return sealed(Buffer.concat([head, ...entries, Buffer.alloc(20)]))
}

const BASE = Buffer.from(
  'the base of all deltas of this target, one hundred bytes or so long, which is long enough for copies',
)

export const GIT_TARGETS: readonly Target[] = [
  {
    name: 'git-packets',
    about: 'Git’s wire format',
    samples: [Buffer.from(ADVERTISED), Buffer.from(LISTED), Buffer.from(OLD), Buffer.from('0000')],
    words: WORDS,
    quick: 1_500,
    async read(input) {
      const packets = await problemOrValue(async () => {
        const all = []
        for await (const packet of readPackets(pieces(input), 'git')) all.push(packet)
        return all
      })
      return [packets, await problemOrValue(() => checkWhole(input, 'git'))]
    },
  },
  {
    name: 'git-refs',
    about: 'what a Git server says of itself, and its list of refs',
    samples: [Buffer.from(ADVERTISED), Buffer.from(LISTED), Buffer.from(OLD)],
    words: WORDS,
    quick: 800,
    async read(input) {
      const tip = (get: Buffer, post: Buffer): Promise<unknown> =>
        problemOrValue(() => remoteTip(remoteThatSays(get, post), REF, never))
      return [await tip(input, Buffer.from(LISTED)), await tip(Buffer.from(ADVERTISED), input)]
    },
  },
  {
    name: 'git-download',
    about: 'the answer in which a pack comes',
    samples: [
      Buffer.from(`${line('NAK\n')}${line(`\u0001PACK`)}${line('\u0002counting\n')}0000`),
      Buffer.from(line('\u0003no\n')),
    ],
    words: [...WORDS, '\u0001', '\u0002', '\u0003'],
    quick: 300,
    read: (input) =>
      inDirectory(async (dir) => {
        const request = { want: OID, haves: [], file: join(dir, 'p'), maxPackBytes: MIB }
        await downloadPack(remoteThatSays(input, input), request, never)
        return readFileSync(join(dir, 'p'))
      }),
  },
  {
    name: 'git-pack',
    about: 'packs: every object of them, and what they unpack to',
    samples: [PACK],
    generate: packOfDeltas,
    mend: sealed,
    quick: 150,
    read: (input) => indexPack(input, SOURCE_LIMITS, never),
  },
  {
    name: 'git-delta',
    about: 'instructions that make one object from another',
    samples: [
      deltaOf(BASE.byteLength, 300),
      Buffer.concat([varint(BASE.byteLength), varint(3), Buffer.from([3, 1, 2, 3])]),
    ],
    generate: (random) => deltaOf(BASE.byteLength, random.int(10_000)),
    quick: 4_000,
    read: (input) => applyDelta(BASE, input, SOURCE_LIMITS.maxObjectBytes),
  },
  {
    name: 'git-objects',
    about: 'commits, trees and tags',
    samples: [COMMIT, TREE, Buffer.from(`object ${OID}\ntype commit\ntag v1\n\nmsg`)],
    words: [
      'tree ',
      'parent ',
      'author ',
      'committer ',
      '<',
      '>',
      '\n\n',
      '100644 ',
      '40000 ',
      '160000 ',
      '\0',
      '..',
      '.git',
      '/',
    ],
    quick: 2_500,
    async read(content) {
      const reads = [
        () => parseCommit(OID, { type: 'commit', content }),
        () => parseTree(OID, { type: 'tree', content }),
        () => parseTag(OID, { type: 'tag', content }),
      ]
      const results: unknown[] = [oidOf({ type: 'blob', content })]
      for (const read of reads) results.push(await problemOrValue(read))
      return results
    },
  },
  {
    name: 'git-clone-on-disk',
    about: 'our own clone, as a crash or a broken disk may leave it',
    samples: [
      writePackIndex(await indexPack(PACK, SOURCE_LIMITS, never), PACK),
      PACK,
      Buffer.from(
        JSON.stringify({
          version: 1,
          repository: 'r',
          clone: 'clone-0123456789ab',
          fetches: 1,
          revisions: [OID],
          shallow: [],
          copied: [],
        }),
      ),
    ],
    quick: 60,
    read: (input) =>
      inDirectory(async (dir) => {
        const packs = join(dir, 'objects', 'pack')
        mkdirSync(packs, { recursive: true })
        const isPack = input.toString('latin1', 0, 4) === 'PACK'
        const index = writePackIndex(await indexPack(PACK, SOURCE_LIMITS, never), PACK)
        writeFileSync(join(packs, `pack-${OID}.pack`), isPack ? input : PACK)
        writeFileSync(join(packs, `pack-${OID}.idx`), isPack ? index : input)
        writeFileSync(join(dir, 'clone.json'), input)
        const oid = oidOf({ type: 'commit', content: COMMIT })
        const state = await problemOrValue(() => loadState(dir))
        const commit = await problemOrValue(async () => {
          const store = await openObjectStore(dir, SOURCE_LIMITS)
          return [store.has(oid), await store.commit(oid)]
        })
        return JSON.parse(JSON.stringify([state, commit]).replaceAll(dir, 'DIR')) as unknown
      }),
  },
  {
    name: 'git-local-files',
    about: 'refs and settings of a repository on this machine',
    samples: [
      Buffer.from(`# pack-refs with: peeled\n${OID} refs/heads/main\n^${OID}\n`),
      Buffer.from('ref: refs/heads/main\n'),
      Buffer.from('[core]\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n'),
      Buffer.from('gitdir: ../x\n'),
    ],
    words: [
      'ref: ',
      'refs/heads/main',
      OID,
      '\n',
      '..',
      '/',
      '[extensions]',
      'refstorage = reftable',
      '\0',
      'gitdir: ',
    ],
    quick: 120,
    read: (input) =>
      inDirectory(async (dir) => {
        const gitdir = join(dir, 'r')
        for (const folder of ['objects/info', 'refs/heads', 'refs/tags'])
          mkdirSync(join(gitdir, folder), { recursive: true })
        for (const file of [
          'HEAD',
          'config',
          'packed-refs',
          'shallow',
          'objects/info/alternates',
          'refs/tags/v1',
          'refs/heads/other',
        ])
          writeFileSync(join(gitdir, file), input)
        mkdirSync(join(dir, 'linked'))
        writeFileSync(join(dir, 'linked', '.git'), input)
        const results = [
          await problemOrValue(async () => localTip(await openLocal(gitdir), REF)),
          await problemOrValue(async () => localTip(await openLocal(gitdir), { ...REF, full: 'refs/heads/other' })),
          await problemOrValue(() => openLocal(join(dir, 'linked'))),
        ]
        return JSON.parse(JSON.stringify(results).replaceAll(dir, 'DIR')) as unknown
      }),
  },
  textTarget({
    name: 'git-address',
    about: 'addresses of repositories, and names of refs',
    samples: [
      'https://user:pass@git.example.com/a/b.git',
      'file:///srv/a.git',
      './a',
      'git@host:a/b.git',
      'ext::sh -c x',
      'release/1.0',
    ],
    words: [
      'https://',
      'http://',
      'file://',
      '@',
      ':',
      '%00',
      '%2f',
      '..',
      '~',
      '^',
      '.lock',
      '//',
      '?',
      '#',
      '\\',
      '[::1]',
    ],
    quick: 3_000,
    read: (text) => [
      parseAddress(text),
      parseAddress(text, { allowPlainHttp: true }),
      parseRef({ branch: text }),
      parseRef({ tag: text }),
    ],
  }),
]
