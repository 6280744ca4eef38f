import { createHmac, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { checkHostKey, fingerprintOf, pinnedKeyTypes } from '../../src/ssh/host-key.js'

const type = 'ssh-ed25519'
const blob = (seed: string): Buffer => {
  const name = Buffer.from(type)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(name.length)
  return Buffer.concat([length, name, Buffer.from(seed.repeat(8))])
}
const key = blob('good')
const other = blob('evil')
const text = `${type} ${key.toString('base64')}`
const otherText = `${type} ${other.toString('base64')}`
const name = { host: 'lon.example.com', port: 22 }

function hashed(host: string): string {
  const salt = randomBytes(20)
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(host).digest('base64')}`
}

function check(content: string, port = 22): string {
  const result = checkHostKey({ kind: 'known-hosts', content, path: 'known_hosts' }, { ...name, port }, key)
  return result.ok ? 'ok' : result.problem.kind
}

describe('a known_hosts file', () => {
  it.each([
    ['a plain line', `lon.example.com ${text}`, 'ok'],
    ['a line with a comment', `lon.example.com ${text} root@lon`, 'ok'],
    ['one of several hosts', `a.example.com,lon.example.com ${text}`, 'ok'],
    ['upper case', `LON.example.com ${text}`, 'ok'],
    ['a pattern', `*.example.com ${text}`, 'ok'],
    ['a pattern that excludes it', `*.example.com,!lon.example.com ${text}`, 'host-key-unknown'],
    ['a hashed line', `${hashed('lon.example.com')} ${text}`, 'ok'],
    ['a hashed line of another host', `${hashed('ams.example.com')} ${text}`, 'host-key-unknown'],
    ['a second key of the same host', `lon.example.com ${otherText}\nlon.example.com ${text}`, 'ok'],
    ['another key', `lon.example.com ${otherText}`, 'host-key-mismatch'],
    ['a revoked key that is also listed', `lon.example.com ${text}\n@revoked * ${text}`, 'host-key-mismatch'],
    ['only a certificate authority', `@cert-authority *.example.com ${text}`, 'host-key-unknown'],
    ['an unknown marker', `@future lon.example.com ${text}`, 'host-key-unknown'],
    ['the host at another port', `[lon.example.com]:2222 ${text}`, 'host-key-unknown'],
    ['comments and nonsense', `# lon.example.com ${text}\n\nlon.example.com\n`, 'host-key-unknown'],
    ['a dot that is no wildcard', `lonxexample.com ${text}`, 'host-key-unknown'],
    ['many wildcards', `${'*'.repeat(1000)}a*b*c*d*e*f*g ${text}`, 'host-key-unknown'],
  ])('with %s', (_what, content, expected) => {
    expect(check(content)).toBe(expected)
  })

  it('writes a port that is not 22 in brackets, hashed or not', () => {
    expect(check(`[lon.example.com]:2222 ${text}`, 2222)).toBe('ok')
    expect(check(`${hashed('[lon.example.com]:2222')} ${text}`, 2222)).toBe('ok')
    expect(check(`lon.example.com ${text}`, 2222)).toBe('host-key-unknown')
  })

  it('tells which kinds of key to ask the server for', () => {
    const content = `lon.example.com ${text}\nlon.example.com ecdsa-sha2-nistp256 AAAA\n@revoked lon.example.com ssh-rsa AAAA`
    expect(pinnedKeyTypes({ kind: 'known-hosts', content, path: '' }, name)).toEqual([type, 'ecdsa-sha2-nistp256'])
  })
})

describe('pinned fingerprints', () => {
  it('accept any of several, as ssh prints them', () => {
    const fingerprints = ['SHA256:x', fingerprintOf(key)]
    expect(checkHostKey({ kind: 'fingerprints', fingerprints }, name, key).ok).toBe(true)
    expect(fingerprintOf(key)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/)
  })

  it('refuse another key and name both', () => {
    const result = checkHostKey({ kind: 'fingerprints', fingerprints: [fingerprintOf(key)] }, name, other)
    expect(result).toMatchObject({ ok: false, problem: { kind: 'host-key-mismatch' } })
    expect(JSON.stringify(result)).toContain(fingerprintOf(other))
  })
})
