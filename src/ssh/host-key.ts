import { createHash, createHmac } from 'node:crypto'
import { fail, matchesHostPattern, ok } from '../model/index.js'
import type { HostKey, Result } from '../model/index.js'
import type { HostKeyFailure } from './failure.js'

export interface HostName {
  readonly host: string
  readonly port: number
}

interface KnownHostsLine {
  readonly marker: '' | '@revoked' | '@cert-authority' | 'other'
  readonly hosts: string
  readonly type: string
  readonly key: string
}

/** `SHA256:…` as ssh prints it. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

/** Whether the key a host shows is a pinned one. */
export function checkHostKey(pinned: HostKey, name: HostName, key: Uint8Array): Result<null, HostKeyFailure> {
  const seen = fingerprintOf(key)
  switch (pinned.kind) {
    case 'none':
      return fail({ kind: 'host-key-unknown', seen, why: 'no host key is pinned for it' })
    case 'fingerprints':
      return pinned.fingerprints.includes(seen) ? ok(null) : fail(mismatch(seen, pinned.fingerprints))
    case 'known-hosts':
      return checkKnownHosts(pinned, name, key)
  }
}

/** Types of the keys that known_hosts has for the host, so that the server is asked for one of them. Empty: no preference. */
export function pinnedKeyTypes(pinned: HostKey, name: HostName): readonly string[] {
  if (pinned.kind !== 'known-hosts') return []
  return linesFor(pinned.content, name)
    .filter((line) => line.marker === '')
    .map((line) => line.type)
}

function checkKnownHosts(
  pinned: HostKey & { kind: 'known-hosts' },
  name: HostName,
  key: Uint8Array,
): Result<null, HostKeyFailure> {
  const seen = fingerprintOf(key)
  const encoded = Buffer.from(key).toString('base64')
  const lines = linesFor(pinned.content, name)
  if (lines.some((line) => line.marker === '@revoked' && line.key === encoded))
    return fail({ kind: 'host-key-mismatch', seen, isRevoked: true, why: `${pinned.path} marks that as @revoked` })
  const plain = lines.filter((line) => line.marker === '')
  if (plain.some((line) => line.key === encoded)) return ok(null)
  if (plain.length > 0) {
    const known = plain.map((line) => fingerprintOf(Buffer.from(line.key, 'base64')))
    return fail(mismatch(seen, known))
  }
  const why = lines.some((line) => line.marker === '@cert-authority')
    ? `${pinned.path} has only a @cert-authority line for it, and host certificates are not supported`
    : `${pinned.path} has no line for ${hostPattern(name)}`
  return fail({ kind: 'host-key-unknown', seen, why })
}

function mismatch(seen: string, pinned: readonly string[]): HostKeyFailure {
  return { kind: 'host-key-mismatch', seen, isRevoked: false, why: `pinned is ${pinned.join(' or ')}` }
}

/** The host as known_hosts writes it. */
export function hostPattern(name: HostName): string {
  return name.port === 22 ? name.host : `[${name.host}]:${name.port}`
}

function linesFor(content: string, name: HostName): readonly KnownHostsLine[] {
  return content
    .split('\n')
    .flatMap(parseLine)
    .filter((line) => matchesHost(line.hosts, hostPattern(name).toLowerCase()))
}

function parseLine(text: string): readonly KnownHostsLine[] {
  const words = text.trim().split(/\s+/)
  if (words[0] === undefined || words[0] === '' || words[0].startsWith('#')) return []
  const marker = words[0].startsWith('@') ? words[0] : ''
  const [hosts, type, key] = marker === '' ? words : words.slice(1)
  if (hosts === undefined || type === undefined || key === undefined) return []
  const known = marker === '' || marker === '@revoked' || marker === '@cert-authority'
  return [{ marker: known ? marker : 'other', hosts, type, key }]
}

/** Plain names, `*` and `?` patterns, `!` negation, and the hashed form `|1|salt|hash`. */
function matchesHost(hosts: string, wanted: string): boolean {
  if (hosts.startsWith('|')) return matchesHash(hosts, wanted)
  const patterns = hosts.toLowerCase().split(',')
  if (patterns.some((pattern) => pattern.startsWith('!') && matchesHostPattern(pattern.slice(1), wanted))) return false
  return patterns.some((pattern) => !pattern.startsWith('!') && matchesHostPattern(pattern, wanted))
}

function matchesHash(hosts: string, wanted: string): boolean {
  const [, version, salt, hash] = hosts.split('|')
  if (version !== '1' || salt === undefined || hash === undefined) return false
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(wanted).digest('base64') === hash
}
