import { createHash } from 'node:crypto'

/** Who may sign: the controller's own list, never the repository's. */
export interface AllowedSigners {
  readonly ssh: readonly SshSigner[]
  /** Armoured OpenPGP public keys. */
  readonly pgp: readonly string[]
  /** Ssh keys that count no longer, in base64. */
  readonly revoked: ReadonlySet<string>
}

/** One line of an allowed_signers file (ssh-keygen(1)). */
export interface SshSigner {
  readonly principals: readonly string[]
  /** Base64 of the key, as in a public key file. */
  readonly key: string
  readonly validAfterMs: number | null
  readonly validBeforeMs: number | null
}

const PGP_BLOCK = /-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]*?-----END PGP PUBLIC KEY BLOCK-----/g

/**
 * Reads `allowed` (lines of OpenSSH's allowed_signers and armoured OpenPGP keys, mixed) and `revoked` (public ssh keys, one a line).
 * A line that is not understood is a problem: leaving it out could mean to leave out what it forbids.
 */
export function readSigners(
  allowed: string,
  revoked: string,
): { readonly signers: AllowedSigners; readonly problems: readonly string[] } {
  const problems: string[] = []
  if (allowed.includes('-----BEGIN PGP PRIVATE KEY BLOCK-----'))
    problems.push('the allowed signers hold a private OpenPGP key; give the public one (gpg --armor --export)')
  const pgp = allowed.match(PGP_BLOCK) ?? []
  const lines = linesOf(allowed.replace(PGP_BLOCK, (block) => block.replace(/[^\n]/g, '')))
  const ssh = lines.flatMap(({ text, number }) => {
    const signer = readLine(text)
    if (typeof signer !== 'string') return [signer]
    problems.push(`line ${number} of the allowed signers ${signer}`)
    return []
  })
  const dead = linesOf(revoked).flatMap(({ text, number }) => {
    const key = /(?:^|\s)([a-z0-9@.-]+)\s+(AAAA[A-Za-z0-9+/]+=*)(?:\s|$)/.exec(text)?.[2]
    if (key !== undefined) return [key]
    problems.push(`line ${number} of the revoked signers is no public ssh key`)
    return []
  })
  return { signers: { ssh, pgp, revoked: new Set(dead) }, problems }
}

function linesOf(text: string): readonly { readonly text: string; readonly number: number }[] {
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ text: line.trim(), number: index + 1 }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'))
}

/** The signer, or what is wrong with the line. Signers of other things than Git are left out by their namespaces. */
function readLine(line: string): SshSigner | string {
  const match = /^("[^"]*"|\S+)\s+(?:(.*?)\s+)?([a-z0-9-]+(?:@openssh\.com)?)\s+(AAAA[A-Za-z0-9+/]+=*)(?:\s.*)?$/.exec(
    line,
  )
  if (match === null) return 'is not principals, options, kind of key and key'
  const [, principals = '', options = '', , key = ''] = match
  const given = readOptions(options)
  if (typeof given === 'string') return given
  const namespaces = given.get('namespaces')
  const [after, before] = [readTime(given.get('valid-after')), readTime(given.get('valid-before'))]
  if (after === undefined || before === undefined) return 'has a time that is not YYYYMMDD[HHMM[SS]][Z]'
  const isForGit =
    namespaces === undefined || namespaces.split(',').some((pattern) => pattern === 'git' || pattern === '*')
  return {
    principals: isForGit ? principals.replaceAll('"', '').split(',') : [],
    key,
    validAfterMs: after,
    validBeforeMs: before,
  }
}

function readOptions(text: string): ReadonlyMap<string, string> | string {
  const options = new Map<string, string>()
  const rest = text.replace(
    /(?:^|,)([a-z-]+)(?:="([^"]*)")?(?=,|$)/gi,
    (_all, name: string, value: string | undefined) => {
      options.set(name.toLowerCase(), value ?? '')
      return ''
    },
  )
  if (rest !== '') return `has options that do not parse: ${rest.slice(0, 80)}`
  if (options.has('cert-authority')) return 'names a certificate authority, and ssh certificates are not supported'
  const other = [...options.keys()].find((name) => !['namespaces', 'valid-after', 'valid-before'].includes(name))
  return other === undefined ? options : `has the option ${other}, which is not known`
}

/** In local time, as ssh reads it, or in UTC with a Z. Undefined: not a time. */
function readTime(text: string | undefined): number | null | undefined {
  if (text === undefined) return null
  const match = /^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?(Z)?$/.exec(text)
  if (match === null) return undefined
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0))
  const local = new Date(year, month - 1, day, hour, minute, second).getTime()
  return match[7] === undefined ? local : Date.UTC(year, month - 1, day, hour, minute, second)
}

/** `SHA256:…`, as ssh-keygen prints it. */
export function sshFingerprint(key: string): string {
  return `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`
}
