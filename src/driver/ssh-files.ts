import type { Client, SFTPWrapper } from 'ssh2'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { DiskSpace } from './route.js'
import { textOf } from './problem-error.js'

/** What is left on the file system of a path, by OpenSSH's own extension of SFTP (`statvfs@openssh.com`): no command runs on the server. */
export function sshDiskOf(client: Client, path: string, deadlineMs: number): Promise<Result<DiskSpace, string>> {
  return overSftp(client, deadlineMs, (sftp, settle) =>
    sftp.ext_openssh_statvfs(path, (error, stats: unknown) =>
      settle(error ? fail(`${path} cannot be looked at (${textOf(error)})`) : spaceOf(stats)),
    ),
  )
}

/** The group of a file of the server. */
export function sshGroupOf(client: Client, path: string, deadlineMs: number): Promise<Result<number, string>> {
  return overSftp(client, deadlineMs, (sftp, settle) =>
    sftp.stat(path, (error, stats: unknown) => {
      const gid = Number((stats as Readonly<Record<string, unknown>> | undefined)?.['gid'])
      if (error) settle(fail(`${path} cannot be looked at (${textOf(error)})`))
      else settle(Number.isInteger(gid) && gid >= 0 ? ok(gid) : fail('sshd answers stat with nonsense'))
    }),
  )
}

function overSftp<T>(
  client: Client,
  deadlineMs: number,
  ask: (sftp: SFTPWrapper, settle: (result: Result<T, string>) => void) => void,
): Promise<Result<T, string>> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(fail(`no answer over SFTP within ${deadlineMs} ms`)), deadlineMs)
    const settle = (result: Result<T, string>): void => {
      clearTimeout(timer)
      resolve(result)
    }
    try {
      client.sftp((refused, sftp) => {
        if (refused) return settle(fail(`sshd offers no SFTP (${textOf(refused)})`))
        sftp.on('error', (error: unknown) => settle(fail(textOf(error))))
        try {
          ask(sftp, (result) => {
            sftp.end()
            settle(result)
          })
        } catch (error) {
          sftp.end()
          settle(fail(textOf(error)))
        }
      })
    } catch (error) {
      settle(fail(textOf(error)))
    }
  })
}

/** The fields of statvfs(3); numbers above 2^53 come as bigint. */
function spaceOf(stats: unknown): Result<DiskSpace, string> {
  const field = (name: string): number => Number((stats as Readonly<Record<string, unknown>> | undefined)?.[name])
  const freeBytes = field('f_frsize') * field('f_bavail')
  const totalBytes = field('f_frsize') * field('f_blocks')
  return Number.isFinite(freeBytes) && Number.isFinite(totalBytes)
    ? ok({ freeBytes, totalBytes })
    : fail('sshd answers statvfs with nonsense')
}
