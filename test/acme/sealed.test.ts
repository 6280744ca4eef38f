import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAcme } from '../../src/acme/index.js'
import type { CertificateStore, KeptCertificates } from '../../src/controller/index.js'
import type { Problem } from '../../src/model/index.js'
import { clock, must, problemOf } from '../driver/fixtures.js'

const KEY = new Uint8Array(32).fill(7)
const HOST = { host: 'www.example.com', directory: 'https://ca/dir', pem: '-----SECRET-----', fromMs: 1, untilMs: 2 }
const KEPT: KeptCertificates = {
  certificates: [HOST],
  attempts: [
    {
      host: HOST.host,
      directory: HOST.directory,
      atMs: 1,
      outcome: 'issued',
      isFinal: true,
      problem: null,
      retryAtMs: 0,
    },
  ],
}
let dir: string
let path: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'slipway-sealed-'))
  path = join(dir, 'certificates.sealed')
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function open(storeKey: Uint8Array | null = null): CertificateStore {
  return openAcme({ dir, clock, storeKey, bindingHmac: null, dnsHook: null, ca: null }).store
}

function contentOf(store: CertificateStore): KeptCertificates {
  const { certificates, attempts } = must(store.load())
  return { certificates, attempts }
}

describe('certificates on the disk', () => {
  it.each([null, KEY])('are there again after a start anew, and nobody reads them without the key (%j)', (key) => {
    must(open(key).save(KEPT))
    expect(contentOf(open(key))).toEqual(KEPT)
    expect(readFileSync(path, 'latin1')).not.toContain('SECRET')
    expect(Buffer.from(readFileSync(path, 'utf8').split('\n')[1] ?? '', 'base64').toString('latin1')).not.toContain(
      'SECRET',
    )
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(existsSync(join(dir, 'store.key'))).toBe(key === null)
    if (key === null) expect(statSync(join(dir, 'store.key')).mode & 0o777).toBe(0o600)
  })

  it('are nothing where nothing was kept yet', () => {
    expect(contentOf(open())).toEqual({ certificates: [], attempts: [] })
  })

  it('are a problem with another key, without a key, and after any byte was changed or lost: never nothing', () => {
    must(open(KEY).save(KEPT))
    const bytes = readFileSync(path)
    expect(problemOf(open(new Uint8Array(32)).load()).code).toBe('STORE_FAILED')
    expect(problemOf(open(null).load()).message).toContain('store.key is gone')
    const at = fc.integer({ min: 0, max: bytes.length - 2 })
    fc.assert(
      fc.property(at, fc.boolean(), (where, isCut) => {
        const torn = Buffer.from(isCut ? bytes.subarray(0, where) : bytes)
        if (!isCut) torn[where] = torn[where] === 0x41 ? 0x42 : 0x41
        writeFileSync(path, torn)
        const loaded = open(KEY).load()
        // The last character of base64 has bits that mean nothing.
        if (loaded.ok) expect(loaded.value).toMatchObject(KEPT)
        else expect(loaded.problem.code).toBe('STORE_FAILED')
      }),
    )
  })

  it('are not written over while they cannot be read', () => {
    must(open(KEY).save(KEPT))
    const torn = readFileSync(path).subarray(0, 60)
    writeFileSync(path, torn)
    expect(problemOf(open(KEY).save({ certificates: [], attempts: [] })).code).toBe('STORE_FAILED')
    expect(readFileSync(path)).toEqual(torn)
  })

  it('are read again once somebody brought them back', () => {
    must(open(KEY).save(KEPT))
    const bytes = readFileSync(path)
    writeFileSync(path, 'torn')
    const store = open(KEY)
    expect(store.load().ok).toBe(false)
    writeFileSync(path, bytes)
    expect(contentOf(store)).toEqual(KEPT)
  })

  it('sealed, but of a shape that nobody knows, are a problem', () => {
    must(open(KEY).save({ ...KEPT, attempts: [{ ...KEPT.attempts[0], outcome: 'eaten' } as never] }))
    expect(problemOf(open(KEY).load()).code).toBe('STORE_FAILED')
  })

  it('that cannot be written are a problem, and what was there stays', () => {
    must(open(KEY).save(KEPT))
    const store = openAcme({
      dir: join(dir, 'nowhere'),
      clock,
      storeKey: KEY,
      bindingHmac: null,
      dnsHook: null,
      ca: null,
    })
    expect(problemOf(store.store.save(KEPT)).code).toBe('STORE_FAILED')
    expect(contentOf(open(KEY))).toEqual(KEPT)
  })
})

describe('certificates that nobody can read', () => {
  const otherKey = new Uint8Array(32).fill(8)

  it.each<[string, () => Uint8Array | null]>([
    [
      'with another key',
      () => {
        must(open(KEY).save(KEPT))
        return otherKey
      },
    ],
    [
      'without their key',
      () => {
        must(open().save(KEPT))
        rmSync(join(dir, 'store.key'))
        return null
      },
    ],
    [
      'with a torn key',
      () => {
        must(open().save(KEPT))
        writeFileSync(join(dir, 'store.key'), 'torn')
        return null
      },
    ],
    [
      'of another format',
      () => {
        writeFileSync(path, 'slipway sealed 2')
        return KEY
      },
    ],
  ])('%s are put aside when that is wanted, byte for byte, and it is said until they are gone', (_, spoil) => {
    const key = spoil()
    const bytes = readFileSync(path)
    const store = open(key)
    const { problem } = store.load() as { readonly problem: Problem }
    expect(problem).toMatchObject({ code: 'STORE_FAILED', next: { kind: 'stalled' } })
    expect(store.aside()).toBeNull()
    must(store.setAside())
    expect(readFileSync(`${path}.unreadable`)).toEqual(bytes)
    expect(contentOf(store)).toEqual({ certificates: [], attempts: [] })
    must(store.save(KEPT))
    expect(contentOf(open(key))).toEqual(KEPT)
    expect(open(key).aside()).toMatchObject({ code: 'STORE_FAILED', severity: 'warning' })
    expect(open(key).aside()?.message).toContain(`${path}.unreadable`)
    rmSync(`${path}.unreadable`)
    expect(open(key).aside()).toBeNull()
  })

  it('never take the place of others that lie aside, and fill no disk', () => {
    must(open(KEY).save(KEPT))
    for (let round = 1; round <= 9; round += 1) {
      const store = open(new Uint8Array(32).fill(10 + round))
      must(store.setAside())
      must(store.save(KEPT))
    }
    expect(readdirSync(dir).filter((name) => name.includes('unreadable'))).toHaveLength(9)
    const before = readFileSync(path)
    expect(problemOf(open(KEY).setAside()).message).toContain('cannot be put aside')
    expect(readFileSync(path)).toEqual(before)
  })

  it('stay where they are as long as another try may read them, and so does what can be read', () => {
    mkdirSync(path)
    expect(problemOf(open(KEY).setAside()).code).toBe('STORE_FAILED')
    rmdirSync(path)
    must(open(KEY).save(KEPT))
    must(open(KEY).setAside())
    expect(contentOf(open(KEY))).toEqual(KEPT)
    expect(readdirSync(dir)).toEqual(['certificates.sealed'])
  })
})
