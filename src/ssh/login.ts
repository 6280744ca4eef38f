import ssh2 from 'ssh2'
import type { AnyAuthMethod, ParsedKey } from 'ssh2'

/** A private key to log in with. `name` is for messages only (its file's name). */
export interface SshIdentity {
  readonly name: string
  readonly privateKey: string | Uint8Array
  readonly passphrase?: string
}

/** What `~/.ssh/config` says of a host. */
export interface SshHost {
  readonly hostName?: string
  /** Tried before the general ones. */
  readonly keys?: readonly SshIdentity[]
  readonly agentSocket?: string
}

export interface SshIdentities {
  readonly keys: readonly SshIdentity[]
  readonly agentSocket: string | null
}

/** What to log in with, in order, and what was left out and why. */
export interface Logins {
  readonly methods: readonly AnyAuthMethod[]
  readonly names: readonly string[]
  readonly unusable: readonly string[]
}

/** Keys of the host's own configuration first, then the general ones, then the agents. */
export function loginsFor(identities: SshIdentities, own: SshHost | undefined, username: string): Logins {
  const keys = [...(own?.keys ?? []), ...identities.keys].map((identity) => ({
    identity,
    key: readKey(identity),
  }))
  const agents = [...new Set([own?.agentSocket, identities.agentSocket])].filter(
    (agent): agent is string => typeof agent === 'string' && agent !== '',
  )
  const usable = keys.flatMap(({ identity, key }) => (typeof key === 'string' ? [] : [{ identity, key }]))
  return {
    methods: [
      ...usable.map(({ key }): AnyAuthMethod => ({ type: 'publickey', username, key })),
      ...agents.map((agent): AnyAuthMethod => ({ type: 'agent', username, agent })),
    ],
    names: [...usable.map(({ identity }) => `key ${identity.name}`), ...agents.map((agent) => `agent ${agent}`)],
    unusable: keys.flatMap(({ identity, key }) => (typeof key === 'string' ? [`key ${identity.name}: ${key}`] : [])),
  }
}

/** The key, or why it cannot be used. Never a piece of it. */
export function readKey(identity: SshIdentity): ParsedKey | string {
  try {
    const content = typeof identity.privateKey === 'string' ? identity.privateKey : Buffer.from(identity.privateKey)
    const parsed = ssh2.utils.parseKey(content, identity.passphrase)
    if (parsed instanceof Error) return reason(parsed.message)
    const key = Array.isArray(parsed) ? (parsed as ParsedKey[])[0] : parsed
    if (key === undefined || !key.isPrivateKey()) return 'it is a public key'
    return key
  } catch {
    return 'it cannot be read'
  }
}

function reason(message: string): string {
  if (/no passphrase given/i.test(message)) return 'it is encrypted and no passphrase was given'
  if (/bad passphrase|bad decrypt|integrity check failed/i.test(message)) return 'the passphrase is wrong'
  return 'it is not a private key in OpenSSH or PEM form'
}
