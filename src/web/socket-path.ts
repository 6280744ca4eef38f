import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'

/** The kernel's `sockaddr_un` holds 108 bytes with the final zero; macOS 104. The smaller holds everywhere. */
const SOCKET_PATH_MAX_BYTES = 103

/**
 * Where the controller of a data directory listens: in that directory, or, where its path is too long for a socket, in a folder
 * of this user's under the temporary directory. Problem: SETTING_INVALID.
 */
export function controlSocketPath(dataDir: string, tmp = tmpdir()): Result<string> {
  const dir = resolve(dataDir)
  const inside = join(dir, 'control.sock')
  if (Buffer.byteLength(inside) <= SOCKET_PATH_MAX_BYTES) return ok(inside)
  const { uid, username } = userInfo()
  const folder = join(tmp, `slipway-${uid >= 0 ? uid : username}`)
  const hashed = join(folder, `${createHash('sha256').update(dir).digest('hex').slice(0, 16)}.sock`)
  if (Buffer.byteLength(hashed) > SOCKET_PATH_MAX_BYTES) {
    const message = `the data directory's path is too long for a socket, and so is ${hashed}: choose a shorter --data`
    return fail({ code: 'SETTING_INVALID', message })
  }
  return ownFolder(folder, uid)
    ? ok(hashed)
    : fail({ code: 'SETTING_INVALID', message: `${folder} belongs to another user: choose a shorter --data` })
}

/** In a directory that everybody may write to, a folder of this name may be somebody else's trap. */
function ownFolder(folder: string, uid: number): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false
  }
  const stat = lstatSync(folder)
  return stat.isDirectory() && (uid < 0 || (stat.uid === uid && (stat.mode & 0o077) === 0))
}
