import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Settings } from './settings.js'
import { readSshConfig } from './ssh-config.js'
import type { SshConfigHost } from './ssh-config.js'

/** The names that ssh itself tries, in its order. */
const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa']

export interface Identity {
  /** For messages: the file it came from. */
  readonly name: string
  readonly privateKey: string
  readonly passphrase?: string
}

export interface HostIdentities {
  readonly hostName?: string
  readonly keys?: readonly Identity[]
  readonly agentSocket?: string
}

/** What to log in to servers with: the key that is set, else what ssh itself would try. */
export interface Identities {
  readonly keys: readonly Identity[]
  readonly agentSocket: string | null
  readonly hosts: Readonly<Record<string, HostIdentities>>
}

/** A key file that cannot be read is left out, as ssh does; the login then says which keys it tried. */
export function readIdentities(settings: Settings): Identities {
  const { sshKey, sshPassphrase, home, sshAgent } = settings
  const config = readSshConfig(readOptional(join(home, '.ssh', 'config')) ?? '', home)
  const own = sshKey === null ? [] : [identity(sshKey.path, sshKey.content, sshPassphrase)]
  const keysOf = (paths: readonly string[]): readonly Identity[] =>
    paths.flatMap((path) => {
      const content = readOptional(path)
      return content === null ? [] : [identity(path, content, sshPassphrase)]
    })
  const general = config.general.identityFiles
  const fallback = general.length > 0 ? general : DEFAULT_KEYS.map((name) => join(home, '.ssh', name))
  return {
    keys: own.length > 0 ? own : keysOf(fallback),
    agentSocket: own.length > 0 ? null : (config.general.identityAgent ?? sshAgent),
    hosts: Object.fromEntries(
      Object.entries(config.hosts).map(([name, host]) => [name, hostIdentities(host, keysOf(host.identityFiles))]),
    ),
  }
}

function hostIdentities({ hostName, identityAgent }: SshConfigHost, keys: readonly Identity[]): HostIdentities {
  return {
    ...(hostName !== null ? { hostName } : {}),
    ...(keys.length > 0 ? { keys } : {}),
    ...(identityAgent !== null ? { agentSocket: identityAgent } : {}),
  }
}

function identity(name: string, privateKey: string, passphrase: string | null): Identity {
  return { name, privateKey, ...(passphrase !== null ? { passphrase } : {}) }
}

function readOptional(path: string): string | null {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8') : null
  } catch {
    return null
  }
}
