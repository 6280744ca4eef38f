import { X509Certificate, createPrivateKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAuthority } from '../../src/mesh/index.js'
import type { MeshAuthority } from '../../src/controller/index.js'

const DAY_MS = 24 * 3_600_000
const START_MS = Date.UTC(2026, 10, 28)
let dir: string
let nowMs: number

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'slipway-mesh-'))
  nowMs = START_MS
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

function open(): MeshAuthority {
  return openAuthority({ dir, clock: { nowMs: () => nowMs } })
}

async function renewed(authority: MeshAuthority, ...servers: readonly string[]): Promise<boolean> {
  const done = await authority.renew('acme', servers)
  if (!done.ok) throw new Error(done.problem.message)
  return done.value
}

/** Bundle, certificate and key as others read them. */
function papersOf(authority: MeshAuthority, server: string) {
  const identity = authority.identity(server)
  if (identity === null) throw new Error(`no identity for ${server}`)
  const pems = (text: string): readonly string[] => text.match(/-----BEGIN CERTIFICATE[^]*?END CERTIFICATE-----/g) ?? []
  const [certificate = ''] = pems(identity.certificate)
  return {
    bundle: pems(identity.authority).map((pem) => new X509Certificate(pem)),
    certificate: new X509Certificate(certificate),
    key: createPrivateKey(identity.certificate.slice(identity.certificate.indexOf('-----BEGIN PRIVATE'))),
  }
}

function isSignedByOne(papers: ReturnType<typeof papersOf>): boolean {
  return papers.bundle.some((one) => papers.certificate.checkIssued(one) && papers.certificate.verify(one.publicKey))
}

describe('the authority of a fleet', () => {
  it('gives each server a certificate for its zone, to serve with and to ask with', async () => {
    const authority = open()
    expect(await renewed(authority, 'lon-1', 'Ümlaut.x')).toBe(true)
    const papers = papersOf(authority, 'lon-1')
    const { bundle, certificate, key } = papers
    expect(certificate.subject).toBe('CN=lon-1.mesh')
    expect(certificate.checkHost('shop-web.lon-1.mesh')).toBeDefined()
    expect(certificate.checkHost('shop-web.lon-2.mesh')).toBeUndefined()
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
    expect(certificate.checkPrivateKey(key)).toBe(true)
    expect(certificate.ca).toBe(false)
    expect(bundle.map(({ ca }) => ca)).toEqual([true])
    expect(isSignedByOne(papers)).toBe(true)
    expect(Date.parse(certificate.validFrom)).toBeLessThanOrEqual(nowMs - 12 * 3_600_000)
    expect(papersOf(authority, 'Ümlaut.x').certificate.subject).toMatch(/^CN=mlaut-x-[0-9a-f]{16}\.mesh$/)
    expect(authority.identity('lon-2')).toBeNull()
    expect(authority.identity('toString')).toBeNull()
  })

  it('goes on with what it gave when it is opened again', async () => {
    const first = open()
    await renewed(first, 'lon-1', 'lon-2')
    const again = open()
    await renewed(again, 'lon-2', 'lon-1')
    expect(again.identity('lon-1')).toEqual(first.identity('lon-1'))
    expect(await renewed(again, 'lon-1', 'lon-2')).toBe(false)
  })

  it('has one for all who ask at once', async () => {
    const authority = open()
    await Promise.all([renewed(authority, 'lon-1'), renewed(authority, 'lon-1', 'lon-2')])
    expect(papersOf(authority, 'lon-1').bundle).toHaveLength(1)
    expect(isSignedByOne(papersOf(authority, 'lon-2'))).toBe(true)
  })

  it('is another one in another fleet', async () => {
    const ours = open()
    await renewed(ours, 'lon-1')
    const ourBundle = papersOf(ours, 'lon-1').bundle
    rmSync(join(dir, 'mesh.json'))
    const theirs = open()
    await renewed(theirs, 'lon-1')
    expect(isSignedByOne({ ...papersOf(theirs, 'lon-1'), bundle: ourBundle })).toBe(false)
  })

  it('renews a certificate when two thirds of its life are over, and not before', async () => {
    const authority = open()
    await renewed(authority, 'lon-1')
    const before = authority.identity('lon-1')
    nowMs = START_MS + 59 * DAY_MS
    expect(await renewed(authority, 'lon-1')).toBe(false)
    nowMs = START_MS + 61 * DAY_MS
    expect(await renewed(authority, 'lon-1')).toBe(true)
    expect(authority.identity('lon-1')?.certificate).not.toBe(before?.certificate)
    expect(authority.identity('lon-1')?.authority).toBe(before?.authority)
    expect(Date.parse(papersOf(authority, 'lon-1').certificate.validTo)).toBe(nowMs + 90 * DAY_MS)
  })

  it('forgets a server that left, which gets a new key when it comes again', async () => {
    const authority = open()
    await renewed(authority, 'lon-1', 'lon-2')
    const before = authority.identity('lon-2')
    expect(await renewed(authority, 'lon-1')).toBe(true)
    expect(authority.identity('lon-2')).toBeNull()
    expect(readFileSync(join(dir, 'mesh.json'), 'utf8')).not.toContain('lon-2')
    await renewed(authority, 'lon-1', 'lon-2')
    expect(authority.identity('lon-2')).not.toEqual(before)
  })

  it('lives for ever: at no time is a certificate one that somebody who renewed a month ago does not believe', async () => {
    const authority = open()
    await renewed(authority, 'lon-1', 'lon-2')
    let known = papersOf(authority, 'lon-1')
    const seen = new Set<string>()
    for (let month = 1; month <= 12 * 15; month += 1) {
      nowMs = START_MS + month * 30 * DAY_MS
      await renewed(authority, 'lon-1', 'lon-2')
      const papers = papersOf(authority, 'lon-2')
      expect(isSignedByOne({ ...papers, bundle: known.bundle })).toBe(true)
      expect(isSignedByOne(papers)).toBe(true)
      expect(Date.parse(papers.certificate.validTo)).toBeGreaterThan(nowMs + 20 * DAY_MS)
      expect(papers.bundle.length).toBeLessThanOrEqual(3)
      for (const one of papers.bundle) {
        expect(Date.parse(one.validTo)).toBeGreaterThan(nowMs)
        seen.add(one.fingerprint256)
      }
      known = papersOf(authority, 'lon-1')
    }
    expect(seen.size).toBe(3)
  })
})

describe('the file of the authority', () => {
  it('is for nobody else to read, whatever was there', async () => {
    writeFileSync(join(dir, 'mesh.json.new'), 'left over', { mode: 0o666 })
    await renewed(open(), 'lon-1')
    expect(statSync(join(dir, 'mesh.json')).mode & 0o777).toBe(0o600)
  })

  it.each([
    '',
    '{',
    '[]',
    '{"version":2}',
    '{"version":1,"authorities":[{}],"servers":{}}',
    '{"version":1,"authorities":[{"certificate":"c","key":"k","fromMs":0,"untilMs":9e15}],"servers":{}}',
    '{"version":1,"authorities":[],"servers":{"a":{"certificate":"","key":"","fromMs":0,"untilMs":0}}}',
  ])('is left alone when it makes no sense: %s', async (text) => {
    const path = join(dir, 'mesh.json')
    writeFileSync(path, text)
    const authority = open()
    expect(await authority.renew('acme', ['lon-1'])).toMatchObject({ ok: false, problem: { code: 'STORE_FAILED' } })
    expect(authority.identity('lon-1')).toBeNull()
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  it('that cannot be written changes nothing', async () => {
    const authority = open()
    await renewed(authority, 'lon-1')
    const before = authority.identity('lon-1')
    rmSync(dir, { recursive: true })
    nowMs = START_MS + 61 * DAY_MS
    expect(await authority.renew('acme', ['lon-1'])).toMatchObject({ ok: false, problem: { code: 'STORE_FAILED' } })
    expect(authority.identity('lon-1')).toEqual(before)
  })
})
