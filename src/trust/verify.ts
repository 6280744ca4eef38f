import type { SignatureVerdict } from '../model/index.js'
import { verifyPgp } from './pgp-signature.js'
import type { SignedObject } from './signed-object.js'
import type { AllowedSigners } from './signers.js'
import { verifySsh } from './ssh-signature.js'

/** Who signed a commit or tag. What it says of its own time and the time now must both be times at which the key counts. */
export async function verifySigned(
  { payload, signature, madeAtMs }: SignedObject,
  signers: AllowedSigners,
  nowMs: number,
): Promise<SignatureVerdict> {
  if (signature === null) return { kind: 'unsigned' }
  if (signature.startsWith('-----BEGIN SSH SIGNATURE-----'))
    return verifySsh(payload, signature, signers, madeAtMs === null ? [nowMs] : [madeAtMs, nowMs])
  if (signature.startsWith('-----BEGIN PGP SIGNATURE-----')) return verifyPgp(payload, signature, signers.pgp, nowMs)
  return { kind: 'unreadable', why: 'it is neither of OpenPGP nor of ssh' }
}
