import { createHash, createPublicKey, verify } from 'node:crypto'
import type { JsonWebKey, KeyObject } from 'node:crypto'
import type { SignatureVerdict } from '../model/index.js'
import { sshFingerprint } from './signers.js'
import type { AllowedSigners, SshSigner } from './signers.js'
import { WireReader, wireString } from './wire.js'

/** A signature of OpenSSH, taken apart (PROTOCOL.sshsig). */
interface SshSignature {
  readonly publicKey: Buffer
  readonly namespace: string
  readonly reserved: Buffer
  readonly hash: 'sha256' | 'sha512'
  readonly kind: string
  readonly signature: Buffer
  /** What a security key adds after it. */
  readonly suffix: Buffer
}

const CURVES: Readonly<Record<string, { readonly crv: string; readonly bytes: number; readonly hash: string }>> = {
  nistp256: { crv: 'P-256', bytes: 32, hash: 'sha256' },
  nistp384: { crv: 'P-384', bytes: 48, hash: 'sha384' },
  nistp521: { crv: 'P-521', bytes: 66, hash: 'sha512' },
}
export const MAGIC = Buffer.from('SSHSIG')
const RSA_BITS_MIN = 2048
const USER_WAS_PRESENT = 1

/** Who signed `payload`, at the time `atMs` and at the one it says it was made. */
export function verifySsh(
  payload: Buffer,
  armour: string,
  signers: AllowedSigners,
  timesMs: readonly number[],
): SignatureVerdict {
  const parsed = parse(armour)
  if (parsed === null) return { kind: 'unreadable', why: 'it is no ssh signature' }
  if (parsed.namespace !== 'git') return { kind: 'unreadable', why: 'it was made for something else than Git' }
  const encoded = parsed.publicKey.toString('base64')
  const key = sshFingerprint(encoded)
  const allowed = signers.ssh.filter((signer) => signer.key === encoded && signer.principals.length > 0)
  const names = [...new Set(allowed.flatMap(({ principals }) => principals))]
  if (names.length === 0) return { kind: 'unknown', key }
  const signer = names.join(', ')
  if (signers.revoked.has(encoded)) return { kind: 'revoked', signer, key }
  const matches = checkSignature(parsed, payload)
  if (typeof matches === 'string') return { kind: 'unreadable', why: matches }
  if (!matches) return { kind: 'tampered', signer, key }
  const valid = allowed.filter((one) => timesMs.every((atMs) => isValidAt(one, atMs)))
  if (valid.length === 0) return { kind: 'expired', signer, key, why: 'whose key does not count at that time' }
  const counted = [...new Set(valid.flatMap(({ principals }) => principals))]
  return { kind: 'trusted', signer: counted.join(', '), names: [...counted, key], key }
}

function isValidAt({ validAfterMs, validBeforeMs }: SshSigner, atMs: number): boolean {
  return (validAfterMs === null || atMs >= validAfterMs) && (validBeforeMs === null || atMs < validBeforeMs)
}

function parse(armour: string): SshSignature | null {
  const body = /^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)\n-----END SSH SIGNATURE-----\s*$/.exec(armour)?.[1]
  if (body === undefined) return null
  const reader = new WireReader(Buffer.from(body, 'base64'))
  try {
    if (reader.bytes(6).toString('latin1') !== 'SSHSIG' || reader.uint32() !== 1) return null
    const [publicKey, namespace, reserved] = [reader.string(), reader.string().toString(), reader.string()]
    const hash = reader.string().toString()
    const inner = new WireReader(reader.string())
    const [kind, signature, suffix] = [inner.string().toString(), inner.string(), inner.rest()]
    if ((hash !== 'sha256' && hash !== 'sha512') || !reader.isAtEnd()) return null
    return { publicKey, namespace, reserved, hash, kind, signature, suffix }
  } catch {
    return null
  }
}

/** What a signature is over: not the payload, but its hash and what it is for. */
export function signedBytes(payload: Buffer, namespace: string, reserved: Buffer, hash: 'sha256' | 'sha512'): Buffer {
  const digest = createHash(hash).update(payload).digest()
  const parts = [Buffer.from(namespace), reserved, Buffer.from(hash), digest]
  return Buffer.concat([MAGIC, ...parts.map(wireString)])
}

/** Whether it is over this payload, or why that cannot be said. */
function checkSignature(parsed: SshSignature, payload: Buffer): boolean | string {
  const { namespace, reserved, hash, kind } = parsed
  const signed = signedBytes(payload, namespace, reserved, hash)
  try {
    const reader = new WireReader(parsed.publicKey)
    const type = reader.string().toString()
    if (type === 'ssh-rsa') return checkRsa(reader, kind, signed, parsed.signature)
    if (kind !== type) return 'its kind is not that of its key'
    const plain = type.replace(/^sk-|@openssh\.com$/g, '')
    const [key, algorithm] = plain === 'ssh-ed25519' ? ed25519(reader) : ecdsa(reader, plain)
    const data = type.startsWith('sk-') ? throughSecurityKey(reader, parsed.suffix, signed) : signed
    if (data === null) return 'its security key was not touched'
    if (algorithm === null) return verify(null, data, key, parsed.signature)
    return verify(algorithm.hash, data, { key, dsaEncoding: 'ieee-p1363' }, rawEcdsa(parsed.signature, algorithm.bytes))
  } catch {
    return 'its key cannot be read'
  }
}

function checkRsa(reader: WireReader, kind: string, signed: Buffer, signature: Buffer): boolean | string {
  const hash = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' }[kind]
  if (hash === undefined) return `${kind.slice(0, 40)} is too weak`
  const [e, n] = [reader.integer(), reader.integer()]
  if (n.byteLength * 8 < RSA_BITS_MIN) return `its RSA key has fewer than ${RSA_BITS_MIN} bits`
  return verify(
    hash,
    signed,
    fromJwk({ kty: 'RSA', n: n.toString('base64url'), e: e.toString('base64url') }),
    signature,
  )
}

type Curve = (typeof CURVES)[string]

function ed25519(reader: WireReader): readonly [KeyObject, null] {
  return [fromJwk({ kty: 'OKP', crv: 'Ed25519', x: reader.string().toString('base64url') }), null]
}

function ecdsa(reader: WireReader, type: string): readonly [KeyObject, Curve] {
  const curve = CURVES[/^ecdsa-sha2-(nistp\d+)$/.exec(type)?.[1] ?? '']
  reader.string()
  const point = reader.string()
  if (curve === undefined || point.byteLength !== 1 + 2 * curve.bytes || point[0] !== 4) throw new Error('no curve')
  const [x, y] = [point.subarray(1, 1 + curve.bytes), point.subarray(1 + curve.bytes)]
  return [fromJwk({ kty: 'EC', crv: curve.crv, x: x.toString('base64url'), y: y.toString('base64url') }), curve]
}

/** A security key signs hashes, with what it saw: whether somebody touched it, and a counter. Null when nobody did. */
function throughSecurityKey(reader: WireReader, suffix: Buffer, signed: Buffer): Buffer | null {
  const application = reader.string()
  if (suffix.byteLength !== 5 || ((suffix[0] ?? 0) & USER_WAS_PRESENT) === 0) return null
  const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()
  return Buffer.concat([sha256(application), suffix, sha256(signed)])
}

function rawEcdsa(signature: Buffer, bytes: number): Buffer {
  const reader = new WireReader(signature)
  const pad = (value: Buffer): Buffer => Buffer.concat([Buffer.alloc(Math.max(0, bytes - value.byteLength)), value])
  return Buffer.concat([pad(reader.integer()), pad(reader.integer())])
}

function fromJwk(key: JsonWebKey): KeyObject {
  return createPublicKey({ key, format: 'jwk' })
}
