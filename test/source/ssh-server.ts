import { spawn } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import ssh2 from 'ssh2'
import type { Connection, ServerChannel } from 'ssh2'
import { fingerprintOf } from '../../src/ssh/index.js'
import type { GitSsh } from '../../src/source/index.js'

const hostKey = ssh2.utils.generateKeyPairSync('ed25519')
const login = ssh2.utils.generateKeyPairSync('ed25519')

export const HOST_FINGERPRINT = fingerprintOf(Buffer.from(String(hostKey.public.split(' ')[1]), 'base64'))

/** How a test logs in: with the one key that the server takes, to the one host key that it shows. */
export const LOGIN: GitSsh = {
  identities: { keys: [{ name: 'deploy-key', privateKey: login.private }], agentSocket: null },
  hostKey: { kind: 'fingerprints', fingerprints: [HOST_FINGERPRINT] },
}

/** Does something else with a command than run it: returns true when it did. */
export type SshFault = (channel: ServerChannel, command: string, connection: Connection) => boolean

export interface SshGitServer {
  readonly port: number
  /** Every command line that came, oldest first. */
  readonly commands: string[]
  /** Logins that were let in. */
  connections: number
  fault: SshFault | null
  /** Changes what the service says. */
  twist: ((chunk: Buffer) => Buffer) | null
  /** Ends every connection, as a restart of sshd does. */
  drop(): void
  close(): Promise<void>
}

/** Git's services behind an ssh server on loopback. `takesVersion`: whether it hands on GIT_PROTOCOL, as the big forges do. */
export async function sshGitServer(options: { readonly takesVersion?: boolean } = {}): Promise<SshGitServer> {
  const open = new Set<Connection>()
  const ssh = new ssh2.Server({ hostKeys: [hostKey.private] }, (connection) => {
    open.add(connection)
    connection.on('error', () => undefined)
    connection.on('close', () => open.delete(connection))
    connection.on('authentication', (context) => {
      const isKnown = context.method === 'publickey' && context.key.data.equals(publicKey())
      if (isKnown && context.username === 'git') context.accept()
      else context.reject(['publickey'])
    })
    connection.on('ready', () => {
      server.connections += 1
      connection.on('session', (accept) => {
        const session = accept()
        const env: Record<string, string> = {}
        session.on('env', (_accept, _reject, { key, val }) => (env[key] = val))
        session.on('exec', (acceptExec, _reject, { command }) => {
          server.commands.push(command)
          const channel = acceptExec()
          channel.on('error', () => undefined)
          if (server.fault?.(channel, command, connection) === true) return
          serve(channel, command, options.takesVersion === true ? env : {})
        })
      })
    })
  })
  await new Promise<void>((resolve) => ssh.listen(0, '127.0.0.1', resolve))
  const server: SshGitServer = {
    port: (ssh.address() as AddressInfo).port,
    commands: [],
    connections: 0,
    fault: null,
    twist: null,
    drop: () => open.forEach((connection) => connection.end()),
    close: () =>
      new Promise((resolve) => {
        for (const connection of open) connection.end()
        ssh.close(() => resolve())
      }),
  }

  /** As git-shell does it: one of two services, one quoted path, nothing else. */
  function serve(channel: ServerChannel, command: string, env: Record<string, string>): void {
    const [, service, path] = /^git-(upload-pack|receive-pack) '([^']+)'$/.exec(command) ?? []
    if (service === undefined || path === undefined) {
      channel.stderr.write('fatal: unrecognized command\n')
      channel.exit(128)
      channel.end()
      return
    }
    const git = spawn('git', ['-c', 'safe.directory=*', service, path], {
      env: { PATH: process.env.PATH, HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', ...env },
    })
    git.stdin.on('error', () => undefined)
    channel.pipe(git.stdin)
    git.stdout.on('data', (chunk: Buffer) => channel.write(server.twist?.(chunk) ?? chunk))
    git.stderr.on('data', (chunk: Buffer) => channel.stderr.write(chunk))
    git.on('close', (code) => {
      channel.exit(code ?? 1)
      channel.end()
    })
  }
  return server
}

function publicKey(): Buffer {
  return Buffer.from(String(login.public.split(' ')[1]), 'base64')
}
