import { beforeAll, describe, expect, it } from 'vitest'
import { openAcme } from '../../src/acme/index.js'
import type { CheckedCertificate } from '../../src/controller/index.js'
import { clock } from '../driver/fixtures.js'
import { testAuthority } from '../ingress/papers.js'
import type { TestAuthority, TestPapers } from '../ingress/papers.js'

const WWW = 'www.example.com'
const DAY_MS = 24 * 3_600_000

let ours: TestAuthority
let other: TestAuthority
let papers: TestPapers

beforeAll(async () => {
  ours = await testAuthority()
  other = await testAuthority()
  papers = await ours.issue([WWW])
})

function check(pem: string, host = WWW, ca: string | null = ours.certificate): Promise<CheckedCertificate | null> {
  const dir = '/nowhere'
  return openAcme({ dir, clock, storeKey: null, bindingHmac: null, dnsHook: null, ca }).authority.check(host, pem)
}

describe('a certificate that was found on a server', () => {
  it('is trusted where a client believes it, with the dates that it says', async () => {
    const untilMs = Math.floor(Date.now() / 1_000) * 1_000 + 5 * DAY_MS
    const { pem } = await ours.issue([WWW], { untilMs })
    expect(await check(pem)).toMatchObject({ untilMs, isTrusted: true })
    expect(await check((await ours.issue(['*.example.com'])).pem, '*.example.com')).toMatchObject({ isTrusted: true })
  })

  it('that no known authority has signed is not trusted, whoever it says that it is from', async () => {
    expect(await check(papers.pem, WWW, null)).toMatchObject({ isTrusted: false })
    // Both authorities have one name.
    const { pem } = await other.issue([WWW])
    expect(await check(pem)).toMatchObject({ isTrusted: false })
    expect(await check(pem.replace('-----BEGIN PRIV', `${ours.certificate.trim()}\n-----BEGIN PRIV`))).toMatchObject({
      isTrusted: false,
    })
  })

  it('is written anew: nothing is in it but chain and key', async () => {
    const checked = await check(`# a word\n${papers.pem}\nPATH=/bin\n`)
    expect(checked?.pem).toBe(`${papers.certificate}${papers.key}`)
  })

  it.each<[string, () => Promise<string> | string]>([
    ['for another host', async () => (await ours.issue(['shop.example.com'])).pem],
    ['for names below it', async () => (await ours.issue(['*.www.example.com'])).pem],
    ['that has ended', async () => (await ours.issue([WWW], { fromMs: 0, untilMs: Date.now() - 1_000 })).pem],
    ['that begins next week', async () => (await ours.issue([WWW], { fromMs: Date.now() + 7 * DAY_MS })).pem],
    ['with another key', async () => `${papers.certificate}${(await ours.issue([WWW])).key}`],
    ['with two keys', () => `${papers.pem}${papers.key}`],
    ['without a key', () => papers.certificate],
    ['without a certificate', () => papers.key],
    ['with a key of another kind', async () => (await ours.issue([WWW], { curve: 'P-384' })).pem],
    ['with a torn key', () => papers.pem.replace(/(BEGIN PRIVATE KEY-----\n).{20}/, '$1')],
    ['with a torn chain', () => papers.pem.replace(/(BEGIN CERTIFICATE-----\n).{20}/, '$1')],
    [
      'with a long chain',
      () => papers.pem.replace('-----BEGIN PRIV', `${papers.certificate.repeat(21)}-----BEGIN PRIV`),
    ],
    ['that is too long', () => papers.pem + ' '.repeat(64 * 1024)],
    ['that is none', () => 'root:x:0:0'],
  ])('%s is nothing', async (_, pem) => {
    expect(await check(await pem())).toBeNull()
  })
})
