import type { PublicKey } from 'openpgp'
import type { SignatureVerdict } from '../model/index.js'

/** Signatures over the bytes as they are; other types sign less, or nothing at all. */
const BINARY = 0

/** How far the clocks of people may be ahead of ours. */
const SKEW_MS = 10 * 60_000

/** Who signed `payload`. The library is loaded when the first signature of its kind comes. */
export async function verifyPgp(
  payload: Buffer,
  armour: string,
  armouredKeys: readonly string[],
  nowMs: number,
): Promise<SignatureVerdict> {
  const { readKeys, readSignature, createMessage, verify } = await import('openpgp')
  const signature = await readSignature({ armoredSignature: armour }).catch(() => null)
  const [packet, second] = signature?.packets ?? []
  if (signature === null || packet === undefined) return { kind: 'unreadable', why: 'it is no OpenPGP signature' }
  if (second !== undefined || (packet.signatureType as number | null) !== BINARY)
    return { kind: 'unreadable', why: 'it is not one plain signature over the commit' }
  const keys: PublicKey[] = []
  for (const armoredKeys of armouredKeys) {
    const read = await readKeys({ armoredKeys }).catch(() => null)
    if (read === null) return { kind: 'unreadable', why: 'an OpenPGP key among the allowed signers is damaged' }
    keys.push(...(read as PublicKey[]))
  }
  const id = packet.issuerKeyID
  const owner = keys.find((key) => key.getKeys(id).length > 0)
  if (owner === undefined) return { kind: 'unknown', key: id.toHex().toUpperCase() }
  const who = identityOf(owner)
  if (await isRevoked(owner)) return { kind: 'revoked', signer: who.signer, key: who.key }
  const message = await createMessage({ binary: new Uint8Array(payload) })
  const { signatures } = await verify({
    message,
    signature,
    verificationKeys: [owner],
    date: new Date(nowMs + SKEW_MS),
    format: 'binary',
  })
  try {
    await signatures[0]?.verified
    await owner.getSigningKey(id, new Date(nowMs))
  } catch (error) {
    return refusalOf(error instanceof Error ? error.message : '', who)
  }
  return { kind: 'trusted', ...who }
}

function identityOf(key: PublicKey): {
  readonly signer: string
  readonly names: readonly string[]
  readonly key: string
} {
  const ids = key.getUserIDs()
  const addresses = ids.flatMap((id) => /<([^<>]+)>/.exec(id)?.[1] ?? [])
  const fingerprint = key.getFingerprint().toUpperCase()
  return { signer: ids[0] ?? fingerprint, names: [...addresses, ...ids, fingerprint], key: fingerprint }
}

/** By whatever date: who revokes a key means it. */
async function isRevoked(key: PublicKey): Promise<boolean> {
  return key.isRevoked(undefined, undefined, undefined).catch(() => true)
}

function refusalOf(
  reason: string,
  { signer, key }: { readonly signer: string; readonly key: string },
): SignatureVerdict {
  if (/revoked/i.test(reason)) return { kind: 'revoked', signer, key }
  if (/digest did not match|verification failed/i.test(reason)) return { kind: 'tampered', signer, key }
  if (/expired|in the future|newer than|not yet|invalid/i.test(reason))
    return { kind: 'expired', signer, key, why: 'whose key or signature does not count at that time' }
  return { kind: 'unreadable', why: reason.slice(0, 120).toLowerCase() }
}
