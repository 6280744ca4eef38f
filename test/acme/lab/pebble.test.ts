import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openAcme } from '../../../src/acme/index.js'
import type { AcmeOptions } from '../../../src/acme/index.js'
import type { HostCertificate } from '../../../src/controller/index.js'
import type { AcmeSettings, Result } from '../../../src/model/index.js'
import { clock, must, never, problemOf } from '../../driver/fixtures.js'
import { startPebble } from './pebble.js'
import type { Pebble, PebbleOptions } from './pebble.js'

const HMAC = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'
const answers = new Map<string, string>()
const web = createServer((request, response) => {
  const token = /^\/\.well-known\/acme-challenge\/([\w-]+)$/.exec(request.url ?? '')?.[1] ?? ''
  const answer = answers.get(token)
  response.writeHead(answer === undefined ? 404 : 200).end(answer)
})
let httpPort = 0
let dir: string
let pebble: Pebble

beforeAll(async () => {
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  httpPort = (web.address() as AddressInfo).port
})
afterAll(() => new Promise((resolve) => web.close(resolve)))
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'slipway-acme-'))
})
afterEach(async () => {
  answers.clear()
  await pebble.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function start(options: PebbleOptions = {}): Promise<void> {
  pebble = await startPebble({ httpPort, ...options })
}

function open(options: Partial<AcmeOptions> = {}) {
  const defaults = { dir, clock, storeKey: null, bindingHmac: null, dnsHook: null, ca: pebble.ca }
  return openAcme({ ...defaults, ...options })
}

function settings(changes: Partial<AcmeSettings> = {}): AcmeSettings {
  const { directory } = pebble
  return { directory, email: 'ops@example.com', termsAgreed: true, challenge: 'http-01', bindingKid: null, ...changes }
}

async function order(
  host: string,
  options: Partial<AcmeOptions> = {},
  changes: Partial<AcmeSettings> = {},
): Promise<Result<HostCertificate>> {
  const opened = await open(options).authority.open(host, settings(changes), never)
  if (!opened.ok) return opened
  for (const { token, answer } of opened.value.answers) answers.set(token, answer)
  const proven = await opened.value.prove(never)
  return proven.ok ? opened.value.fetch(never) : proven
}

/** What others see in it. */
async function isGood({ host, pem }: HostCertificate): Promise<boolean> {
  const chain = (pem.match(/-----BEGIN CERTIFICATE[^]*?END CERTIFICATE-----/g) ?? []).map(
    (one) => new X509Certificate(one),
  )
  const root = new X509Certificate(await pebble.root())
  const [own, issuer] = chain
  if (own === undefined || issuer === undefined) return false
  return (
    own.checkHost(host.replace('*', 'any')) !== undefined &&
    own.verify(issuer.publicKey) &&
    issuer.verify(root.publicKey)
  )
}

describe('a certificate of a real authority', () => {
  it('comes by HTTP-01, although every fifth nonce is refused and authorizations are used again', async () => {
    await start({ env: { PEBBLE_WFE_NONCEREJECT: '20', PEBBLE_AUTHZREUSE: '100' } })
    const first = must(await order('www.example.com'))
    expect(await isGood(first)).toBe(true)
    expect(first.untilMs - first.fromMs).toBeGreaterThan(89 * 86_400_000)
    const second = must(await order('www.example.com'))
    expect(second.pem).not.toBe(first.pem)
  })

  it('comes by DNS-01 for a wildcard, by a command that gets no shell', async () => {
    await start()
    const hook = join(dir, 'hook')
    const script = `#!${process.execPath}
const [what, name, value] = process.argv.slice(2)
require('node:fs').appendFileSync(${JSON.stringify(join(dir, 'calls'))}, \`\${what} \${name}\\n\`)
const url = '${pebble.txtServer}/' + (what === 'present' ? 'set-txt' : 'clear-txt')
void fetch(url, { method: 'POST', body: JSON.stringify({ host: name + '.', value }) })
`
    writeFileSync(hook, script)
    chmodSync(hook, 0o755)
    const came = must(
      await order('*.example.com', { dnsHook: { command: hook, environment: {} } }, { challenge: 'dns-01' }),
    )
    expect(await isGood(came)).toBe(true)
    expect(readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n')).toEqual([
      'present _acme-challenge.example.com',
      'cleanup _acme-challenge.example.com',
    ])
  })

  it('comes with an account that is bound to one elsewhere', async () => {
    await start({ bindings: { 'kid-1': HMAC } })
    expect(problemOf(await order('www.example.com')).code).toBe('ACME_BINDING')
    const bound = { bindingKid: 'kid-1' }
    expect(problemOf(await order('www.example.com', {}, bound)).code).toBe('ACME_BINDING')
    const wrong = { bindingHmac: Buffer.alloc(48, 7).toString('base64url') }
    expect(problemOf(await order('www.example.com', wrong, bound)).code).toBe('ACME_BINDING')
    expect(await isGood(must(await order('www.example.com', { bindingHmac: HMAC }, bound)))).toBe(true)
  })

  it('comes from the same account after a start anew, and from a new one of an authority that forgot it', async () => {
    await start()
    must(await order('www.example.com'))
    const kept = readFileSync(join(dir, 'certificates.sealed'), 'utf8')
    must(await order('blog.example.com'))
    expect(readFileSync(join(dir, 'certificates.sealed'), 'utf8')).toBe(kept)
    expect(statSync(join(dir, 'certificates.sealed')).mode & 0o777).toBe(0o600)
    expect(kept).not.toContain('PRIVATE KEY')
    await pebble.restart()
    expect(problemOf(await order('www.example.com')).code).toBe('ACME_ACCOUNT')
    expect(await isGood(must(await order('www.example.com')))).toBe(true)
  })
})

describe('what a real authority refuses', () => {
  it('is a host that does not answer, with what was seen', async () => {
    await start()
    const opened = must(await open().authority.open('www.example.com', settings(), never))
    const problem = problemOf(await opened.prove(never))
    expect(problem.code).toBe('ACME_CHALLENGE')
    expect(problem.message).toMatch(/www\.example\.com is ours by http-01, and saw: .*404/)
  })

  it('is an account without agreement to the terms', async () => {
    await start()
    const problem = problemOf(await order('www.example.com', {}, { termsAgreed: false }))
    expect(problem.code).toBe('ACME_TERMS')
    expect(problem.message).toContain('terms_agreed: true')
  })

  it('is a name that it gives to nobody, and an address of mail that is none', async () => {
    await start()
    expect(problemOf(await order('www.blocked.example')).code).toBe('ACME_ORDER')
    expect(problemOf(await order('www.example.com', {}, { email: 'x@y@z' })).code).toBe('ACME_ACCOUNT')
  })

  it('is a directory that nobody serves, or whose certificate is not believed', async () => {
    await start()
    const nobody = await order('www.example.com', {}, { directory: 'https://127.0.0.1:1/dir' })
    expect(problemOf(nobody).code).toBe('ACME_UNREACHABLE')
    expect(problemOf(await order('www.example.com', { ca: null })).code).toBe('ACME_UNREACHABLE')
    expect(
      problemOf(await order('www.example.com', {}, { directory: pebble.directory.replace('/dir', '/no') })).code,
    ).not.toBe('BUG')
  })
})
