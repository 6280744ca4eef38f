import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAcme } from '../../src/acme/index.js'
import type { Clock, HostCertificate } from '../../src/controller/index.js'
import type { Problem, Result } from '../../src/model/index.js'
import { never, problemOf } from '../driver/fixtures.js'
import { certificateFor, json, refusal, startStandIn, text } from './stand-in.js'
import type { Answer, StandIn } from './stand-in.js'

const HOST = 'www.example.com'
const START_MS = Date.UTC(2026, 10, 28)
let authority: StandIn
let dir: string
let nowMs: number
/** Pauses take no time, but for the clock. */
const clock: Clock = {
  nowMs: () => nowMs,
  after: (delayMs, fn) => {
    const timer = setImmediate(() => {
      nowMs += delayMs
      fn()
    })
    return () => clearImmediate(timer)
  },
}

beforeEach(async () => {
  authority = await startStandIn()
  dir = mkdtempSync(join(tmpdir(), 'slipway-acme-'))
  nowMs = START_MS
})
afterEach(async () => {
  await authority.close()
  rmSync(dir, { recursive: true, force: true })
})

async function order(signal = never): Promise<Result<HostCertificate>> {
  const options = { dir, clock, storeKey: null, bindingHmac: null, dnsHook: null, ca: authority.ca }
  const settings = {
    directory: authority.directory,
    email: null,
    termsAgreed: true,
    challenge: 'http-01',
    bindingKid: null,
  }
  const opened = await openAcme(options).authority.open(HOST, settings as never, signal)
  if (!opened.ok) return opened
  const proven = await opened.value.prove(signal)
  return proven.ok ? opened.value.fetch(signal) : proven
}

const looking: Answer = (request, response) => {
  const challenge = { type: 'http-01', url: `https://${request.headers.host}/challenge`, token: 'token' }
  json({ status: 'pending', identifier: { type: 'dns', value: HOST }, challenges: [challenge] })(request, response)
}
const CASES: readonly (readonly [string, string, Answer, Problem['code'], RegExp])[] = [
  ['a directory that is a page', 'dir', text('<html>'), 'ACME_ANSWER', /makes no sense/],
  ['a directory elsewhere', 'dir', json({}, 301, { location: 'http://example.com' }), 'ACME_ANSWER', /makes no sense/],
  [
    'a directory of plain http',
    'dir',
    json({ newNonce: 'http://127.0.0.1/x', newAccount: 'http://127.0.0.1/y' }),
    'ACME_UNREACHABLE',
    /no https address/,
  ],
  ['an answer without an end', 'dir', text('x'.repeat(2 * 1024 * 1024)), 'ACME_UNREACHABLE', /more than 1048576 bytes/],
  [
    'an answer that breaks off',
    'order',
    (request) => void request.socket.destroy(),
    'ACME_UNREACHABLE',
    /127\.0\.0\.1/,
  ],
  ['a gateway that is down', 'order', text('bad gateway', 502), 'ACME_UNREACHABLE', /it answers 502/],
  [
    'too many orders',
    'order',
    refusal('rateLimited', 'too many', 429, { 'retry-after': '7200' }),
    'ACME_RATE_LIMITED',
    /too many, not before 2026-11-28T02:00/,
  ],
  [
    'too many orders until a date',
    'order',
    refusal('rateLimited', 'too many', 429, { 'retry-after': 'Sat, 28 Nov 2026 05:00:00 GMT' }),
    'ACME_RATE_LIMITED',
    /not before 2026-11-28T05:00/,
  ],
  [
    'no more for ever',
    'order',
    refusal('rateLimited', 'never', 429, { 'retry-after': '99999999' }),
    'ACME_RATE_LIMITED',
    /not before 2026-12-05/,
  ],
  [
    'a closed account',
    'order',
    refusal('unauthorized', 'account is deactivated', 401),
    'ACME_CHALLENGE',
    /deactivated/,
  ],
  ['new terms', 'order', refusal('userActionRequired', 'read https://example.com/terms'), 'ACME_TERMS', /terms/],
  [
    'lines and control characters',
    'order',
    refusal('rejectedIdentifier', 'a\n\u001b[31mb'),
    'ACME_ORDER',
    /: a \[31mb$/,
  ],
  [
    'another challenge',
    'authz',
    json({
      status: 'pending',
      identifier: { type: 'dns', value: HOST },
      challenges: [{ type: 'tls-alpn-01', url: '', token: '' }],
    }),
    'ACME_ORDER',
    /tls-alpn-01/,
  ],
  ['a look that never ends', 'authz', looking, 'ACME_PENDING', /still under way/],
  ['an order that never ends', 'mine', json({ status: 'processing' }), 'ACME_PENDING', /still under way/],
  [
    'an order that it drops',
    'mine',
    json({ status: 'invalid', error: { type: 'x', detail: 'dropped' } }),
    'ACME_ORDER',
    /dropped/,
  ],
  ['no certificate at all', 'cert', text(''), 'ACME_CERTIFICATE', /none in the answer/],
  [
    'what is no certificate',
    'cert',
    text('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
    'ACME_CERTIFICATE',
    /cannot be read/,
  ],
]

describe('an authority', () => {
  it.each(CASES)('with %s is a problem in words', async (_what, path, answer, code, message) => {
    authority.answers.set(path, answer)
    const problem = problemOf(await order())
    expect(problem.code).toBe(code)
    expect(problem.message).toMatch(message)
    expect(problem.message).not.toMatch(/[\n\u001b]/)
  })

  it('that says when it wants to be asked again is understood, to a week', async () => {
    authority.answers.set('order', refusal('rateLimited', 'x', 429, { 'retry-after': '7200' }))
    expect(problemOf(await order()).next).toEqual({ kind: 'retry', afterMs: 7_200_000 })
    authority.answers.set('order', refusal('rateLimited', 'x', 429))
    expect(problemOf(await order()).next).toEqual({ kind: 'retry', afterMs: 3_600_000 })
  })

  it.each([
    ['another key', [{ type: 'dns', value: HOST }] as const, START_MS, /another key/],
    ['another host', [{ type: 'dns', value: 'evil.example.com' }] as const, START_MS, /another key|is for/],
  ])('that gives a certificate for %s gives none', async (_what, names, fromMs, message) => {
    const { certificate } = await certificateFor(names, { fromMs })
    authority.answers.set('cert', text(certificate))
    const problem = problemOf(await order())
    expect(problem.code).toBe('ACME_CERTIFICATE')
    expect(problem.message).toMatch(message)
  })

  it('that does not answer is left as soon as somebody says so', async () => {
    authority.answers.set('order', () => undefined)
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 100)
    expect(problemOf(await order(stop.signal)).message).toMatch(/it was stopped/)
  })

  it('is asked once for an account, and never by a proxy of the environment', async () => {
    process.env['HTTPS_PROXY'] = 'http://127.0.0.1:1'
    try {
      authority.answers.set('cert', text(''))
      await order()
      await order()
      expect(authority.asked.filter((name) => name === 'account')).toHaveLength(1)
      expect(authority.asked.filter((name) => name === 'cert')).toHaveLength(2)
    } finally {
      delete process.env['HTTPS_PROXY']
    }
  })
})
