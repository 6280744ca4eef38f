import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInside } from './capsule.js'
import { enginePath } from './downloads.js'
import type { ProcessIdentity } from './processes.js'
import { run } from './shell.js'
import type { ServerState } from './state.js'

const deployId = 5000

/** The server's own users, keys and sshd_config. Keys that are there already stay. */
export async function prepareSshd(serverDir: string, clientKeyPath: string, server: ServerState): Promise<void> {
  const etc = join(serverDir, 'etc')
  mkdirSync(join(etc, 'ssh'), { recursive: true })
  writeUsers(etc)
  const hostKey = join(etc, 'ssh/ssh_host_ed25519_key')
  if (!existsSync(hostKey)) await makeKey(hostKey, server.name)
  const own = Object.entries(server.sshd ?? {}).map(([key, value]) => `${key} ${value}`)
  const lines = [
    // The first line of a keyword wins.
    ...own,
    'Port 22',
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${clientKeyPath}.pub`,
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'PidFile /run/sshd.pid',
    `SetEnv PATH=${enginePath(server.engine)}`,
    'Subsystem sftp internal-sftp',
  ]
  writeFileSync(join(etc, 'ssh/sshd_config'), lines.join('\n') + '\n')
}

/** The machine's users plus `deploy`, who may use Docker and nothing else. */
function writeUsers(etc: string): void {
  const without = (file: string, name: string): string =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(`${name}:`))
      .map((line) => line + '\n')
      .join('')
  const passwd = without('/etc/passwd', 'deploy')
  writeFileSync(join(etc, 'passwd'), `${passwd}deploy:x:${deployId}:${deployId}::/run/deploy:/bin/sh\n`)
  const group = without('/etc/group', 'docker')
  writeFileSync(join(etc, 'group'), `${group}deploy:x:${deployId}:\ndocker:x:${deployId + 1}:deploy\n`)
  writeFileSync(join(etc, 'shadow'), 'root:*:19000:0:99999:7:::\ndeploy:*:19000:0:99999:7:::\n', { mode: 0o640 })
}

export async function makeKey(path: string, comment: string): Promise<void> {
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path])
}

export async function startSshd(keeper: ProcessIdentity, serverDir: string): Promise<void> {
  await runInside(keeper, ['sh', '-c', `mkdir -p /run/sshd /run/deploy && chown ${deployId}:${deployId} /run/deploy`])
  const config = join(serverDir, 'etc/ssh/sshd_config')
  await runInside(keeper, ['/usr/sbin/sshd', '-f', config, '-E', join(serverDir, 'sshd.log')])
}

/** Ends sshd; sessions that are open stay open. */
export async function stopSshd(keeper: ProcessIdentity): Promise<void> {
  await runInside(keeper, ['sh', '-c', 'kill "$(cat /run/sshd.pid)" && rm -f /run/sshd.pid'])
}

export type HostKey = { readonly fingerprint: string; readonly publicKey: string }

export async function readHostKey(serverDir: string): Promise<HostKey> {
  const file = join(serverDir, 'etc/ssh/ssh_host_ed25519_key.pub')
  const fingerprint = (await run('ssh-keygen', ['-l', '-f', file])).split(' ')[1] ?? ''
  return { fingerprint, publicKey: readFileSync(file, 'utf8').split(' ').slice(0, 2).join(' ').trim() }
}
