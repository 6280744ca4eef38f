import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fingerprintOf } from '../../../src/ssh/index.js'

export interface Sshd {
  readonly port: number
  readonly fingerprint: string
  /** `known_hosts` as ssh-keyscan writes it. */
  readonly knownHosts: string
  stop(): Promise<void>
}

/** A key pair by ssh-keygen. Returns the private key's path. */
export function makeKey(dir: string, name: string): string {
  const path = join(dir, name)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path])
  return path
}

/** OpenSSH's own server on a port of loopback. `lines` are those of authorized_keys: each key with the one command it may run. */
export async function startSshd(dir: string, lines: readonly string[]): Promise<Sshd> {
  mkdirSync('/run/sshd', { recursive: true })
  const hostKey = makeKey(dir, 'host')
  const authorized = join(dir, 'authorized_keys')
  writeFileSync(authorized, `${lines.join('\n')}\n`)
  chmodSync(authorized, 0o600)
  const port = await freePort()
  const config = join(dir, 'sshd_config')
  writeFileSync(
    config,
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${authorized}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      '',
    ].join('\n'),
  )
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>((resolve) => sshd.once('exit', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    let said = ''
    sshd.once('exit', () => reject(new Error(`sshd did not start: ${said}`)))
    sshd.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('Server listening')) resolve()
    })
  })
  const publicKey = readFileSync(`${hostKey}.pub`, 'utf8').split(' ').slice(0, 2).join(' ')
  return {
    port,
    fingerprint: fingerprintOf(Buffer.from(publicKey.split(' ')[1] ?? '', 'base64')),
    knownHosts: `[127.0.0.1]:${port} ${publicKey}\n`,
    stop: async () => {
      sshd.kill()
      await ended
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}
