import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HostKey } from '../model/index.js'
import type { Settings } from './settings.js'
import { readSshConfig } from './ssh-config.js'
import type { SshConfig, SshConfigHost } from './ssh-config.js'

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
  readonly user?: string
  readonly port?: number
}

/** How the repository's host is logged in to over ssh. */
export interface GitIdentities {
  readonly identities: { readonly keys: readonly Identity[]; readonly agentSocket: string | null }
  readonly host: HostIdentities
  readonly hostKey: HostKey
}

/** What to log in to servers with: the key that is set, else what ssh itself would try. */
export interface Identities {
  readonly keys: readonly Identity[]
  readonly agentSocket: string | null
  readonly hosts: Readonly<Record<string, HostIdentities>>
}

/** A key file that cannot be read is left out, as ssh does; the login then says which keys it tried. */
export function readIdentities(settings: Settings): Identities {
  const config = configOf(settings)
  return {
    ...generalIdentities(settings, config),
    hosts: Object.fromEntries(
      Object.entries(config.hosts).map(([name, host]) => [
        name,
        hostIdentities(host, keysOf(host.identityFiles, settings.sshPassphrase)),
      ]),
    ),
  }
}

/**
 * The same for the repository's host: its own key when one is set, else what servers are logged in to with. Its host key is the one
 * that is set, else one that ssh itself knows.
 */
export function readGitIdentities(settings: Settings, host: string): GitIdentities {
  const own = settings.gitSshKey
  const sshPassphrase = own === null ? settings.sshPassphrase : settings.gitSshPassphrase
  const used = { ...settings, sshKey: own ?? settings.sshKey, sshPassphrase }
  const config = configOf(settings)
  const said = config.of(host)
  const keys = own !== null ? [] : keysOf(said.identityFiles, sshPassphrase)
  return {
    identities: generalIdentities(used, config),
    host: {
      ...hostIdentities(own !== null ? { ...said, identityAgent: null } : said, keys),
      ...(said.user !== null ? { user: said.user } : {}),
      ...(said.port !== null ? { port: said.port } : {}),
    },
    hostKey:
      settings.gitHostKeys.length > 0
        ? { kind: 'fingerprints', fingerprints: settings.gitHostKeys }
        : knownHosts(settings),
  }
}

/** What signs the commits that are made here; null: nothing does. */
export function readSigningIdentity({ signingKey, signingPassphrase }: Settings): Identity | null {
  return signingKey === null ? null : identity(signingKey.path, signingKey.content, signingPassphrase)
}

function configOf({ home }: Settings): SshConfig {
  return readSshConfig(readOptional(join(home, '.ssh', 'config')) ?? '', home)
}

function knownHosts({ home }: Settings): HostKey {
  const files = [join(home, '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts']
  return {
    kind: 'known-hosts',
    path: '~/.ssh/known_hosts',
    content: files.map((path) => readOptional(path) ?? '').join('\n'),
  }
}

function generalIdentities(settings: Settings, { general }: SshConfig): Omit<Identities, 'hosts'> {
  const { sshKey, sshPassphrase, home, sshAgent } = settings
  if (sshKey !== null) return { keys: [identity(sshKey.path, sshKey.content, sshPassphrase)], agentSocket: null }
  const files = general.identityFiles
  const tried = files.length > 0 ? files : DEFAULT_KEYS.map((name) => join(home, '.ssh', name))
  return { keys: keysOf(tried, sshPassphrase), agentSocket: general.identityAgent ?? sshAgent }
}

function keysOf(paths: readonly string[], passphrase: string | null): readonly Identity[] {
  return paths.flatMap((path) => {
    const content = readOptional(path)
    return content === null ? [] : [identity(path, content, passphrase)]
  })
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
