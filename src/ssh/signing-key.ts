import type { SigningKey } from '../model/index.js'
import type { SshIdentity } from './login.js'
import { readKey } from './login.js'

/** The key, or why it cannot sign. ECDSA is refused: its signatures differ each time, and with them the commit. */
export function signingKeyOf(identity: SshIdentity): SigningKey | string {
  const key = readKey(identity)
  if (typeof key === 'string') return key
  const isEd25519 = key.type === 'ssh-ed25519'
  if (!isEd25519 && key.type !== 'ssh-rsa') return `it is of the kind ${key.type}: only Ed25519 and RSA keys sign here`
  return {
    kind: isEd25519 ? 'ssh-ed25519' : 'rsa-sha2-512',
    publicKey: key.getPublicSSH(),
    sign: (bytes) => {
      const signature: unknown = isEd25519 ? key.sign(Buffer.from(bytes)) : key.sign(Buffer.from(bytes), 'sha512')
      if (!Buffer.isBuffer(signature)) throw new Error('the key does not sign')
      return signature
    },
  }
}
