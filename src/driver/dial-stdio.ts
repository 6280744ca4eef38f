import type { Client, ClientChannel } from 'ssh2'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { openChannel } from '../ssh/index.js'
import type { DriverLimits } from './options.js'

const DEFAULT_SOCKET = '/var/run/docker.sock'

/** The only command line the driver ever sends. Null when the path has a character that a shell could take for anything but itself. */
export function stdioCommand(socketPath: string): string | null {
  if (socketPath === DEFAULT_SOCKET) return 'docker system dial-stdio'
  return /^\/[A-Za-z0-9_./-]+$/.test(socketPath) ? `docker -H unix://${socketPath} system dial-stdio` : null
}

/** Whether the engine answers this way, by one ping. The problem is what the command said, in one line. */
export async function checkStdio(client: Client, command: string, limits: DriverLimits): Promise<Result<null, string>> {
  const opened = await openChannel<ClientChannel>((done) => client.exec(command, done), limits.connectMs)
  if (!opened.ok) return fail(opened.problem.message)
  const channel = opened.value
  return new Promise((resolve) => {
    let answer = ''
    let complaint = ''
    const settle = (result: Result<null, string>): void => {
      clearTimeout(timer)
      channel.destroy()
      resolve(result)
    }
    const timer = setTimeout(() => settle(fail(`${command} did not answer`)), limits.readMs)
    channel.on('data', (chunk: Buffer) => {
      answer = (answer + chunk.toString('latin1')).slice(0, 64)
      if (answer.startsWith('HTTP/1.')) settle(ok(null))
    })
    channel.stderr.on('error', () => undefined)
    channel.stderr.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(0, 500)))
    channel.once('close', () => settle(fail(complaint.replace(/\s+/g, ' ').trim() || `${command} ended`)))
    channel.write('GET /_ping HTTP/1.1\r\nHost: docker.invalid\r\nConnection: close\r\n\r\n')
  })
}
