import type { SigningKey } from '../model/index.js'
import { MAGIC, signedBytes } from './ssh-signature.js'
import { wireString } from './wire.js'

/** What `ssh-keygen -Y sign -n git` makes of a payload: an armoured signature (PROTOCOL.sshsig). */
export function signSsh(payload: Buffer, key: SigningKey): string {
  const [nothing, hash] = [Buffer.alloc(0), 'sha512'] as const
  const signature = key.sign(signedBytes(payload, 'git', nothing, hash))
  const version = Buffer.of(0, 0, 0, 1)
  const inner = Buffer.concat([Buffer.from(key.kind), signature].map(wireString))
  const parts = [key.publicKey, Buffer.from('git'), nothing, Buffer.from(hash), inner]
  const body = Buffer.concat([MAGIC, version, ...parts.map(wireString)]).toString('base64')
  const lines = body.match(/.{1,70}/g) ?? []
  return ['-----BEGIN SSH SIGNATURE-----', ...lines, '-----END SSH SIGNATURE-----'].join('\n')
}
