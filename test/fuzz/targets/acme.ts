import { generateKeyPairSync } from 'node:crypto'
import { checkChain } from '../../../src/acme/check-certificate.js'
import { problemOfCall } from '../../../src/acme/problems.js'
import { textTarget } from '../target.js'
import type { Target } from '../target.js'

const NOW_MS = Date.UTC(2026, 10, 28)
const { privateKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})
/** Of somebody else's key, for www.example.com, until 2036. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBijCCAS+gAwIBAgIUQ8xQ5SHpxM1qkunQFhAoqbSGhqUwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBeDAeFw0yNjExMjgxNTQ2NDFaFw0zNjExMjUxNTQ2NDFaMAwx
CjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARq9mGSB7pyy8p0
5bOFUTY4YRp9Bs35YGrIjB2pj0Y0up0yrl7SCrAKMLd+eBhpqbo0x+zW9DLY4vie
aBsjPr1eo28wbTAdBgNVHQ4EFgQUgLMjheqw1DZeeExn9CyFqQ7S6KkwHwYDVR0j
BBgwFoAUgLMjheqw1DZeeExn9CyFqQ7S6KkwDwYDVR0TAQH/BAUwAwEB/zAaBgNV
HREEEzARgg93d3cuZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSQAwRgIhANk/+BMG
uGYpvV12E5/3NUiCMAXxivoWcS3fW2aHO4IWAiEAvOElZYbJA+SObuvQmwnTTMHH
j/fejQVrkoGUt5S7bwo=
-----END CERTIFICATE-----
`
const NEVER = new AbortController().signal

/** What a certificate authority answers, which can be anybody. */
export const ACME_TARGETS: readonly Target[] = [
  textTarget({
    name: 'acme-refusal',
    about: 'why a certificate authority refuses, and until when: a status, Retry-After, and a document',
    samples: [
      '403\n\n{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"no"}',
      '429\n7200\n{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"}',
      '429\nSat, 28 Nov 2026 05:00:00 GMT\n{}',
      '502\n\n<html>',
    ],
    words: ['urn:ietf:params:acme:error:', 'userActionRequired', '__proto__', 'toString', '\u001b[31m', '99999999999'],
    quick: 1_500,
    read: (text) => {
      const [status = '', after = '', ...data] = text.split('\n')
      const headers = { 'retry-after': after }
      const answer = { status: Number(status) || 400, headers, data: data.join('\n') }
      const problem = problemOfCall(new Error(text), { ca: null, signal: NEVER, answer }, 'an order', NOW_MS)
      if (/[\n\u001b]/.test(problem.message)) throw new Error('its message moves the cursor')
      if (problem.message.length > 1_000) throw new Error('its message is a book')
      return problem
    },
  }),
  textTarget({
    name: 'acme-chain',
    about: 'the certificates that an authority gives',
    samples: [CERTIFICATE, CERTIFICATE + CERTIFICATE],
    words: ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', 'AAAA'],
    quick: 500,
    read: (text) => {
      const checked = checkChain(text, 'www.example.com', privateKey, NOW_MS)
      if (checked.ok) throw new Error('it takes a certificate for another key')
      return checked.problem
    },
  }),
]
