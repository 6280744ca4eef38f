import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'

/** The journal holds secrets of the services: nobody else reads it, whatever the umask says. */
export function makePrivateDir(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
}

/** Made before SQLite makes it, which would use the umask; its side files take over this mode. */
export function touchPrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
}
