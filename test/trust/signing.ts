import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestRepository } from '../source/repository.js'

/** A person with a key, as git is to sign with it. */
export interface Signer {
  /** Options for git. */
  readonly config: readonly string[]
  /** What goes among the allowed signers. */
  readonly allowed: string
}

export function sshSigner(dir: string, name: string, kind: readonly string[] = ['-t', 'ed25519']): Signer {
  const path = join(dir, name)
  execFileSync('ssh-keygen', ['-q', ...kind, '-N', '', '-C', name, '-f', path])
  const [type, key] = readFileSync(`${path}.pub`, 'utf8').split(' ')
  return {
    config: ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${path}`],
    allowed: `${name}@example.com namespaces="git" ${type} ${key}`,
  }
}

/** A home of GnuPG with its agent, ended by `stop`. */
export function gpgHome(dir: string): {
  readonly gpg: (...args: string[]) => string
  readonly program: string
  stop(): void
} {
  const home = join(dir, 'gnupg')
  mkdirSync(home, { mode: 0o700 })
  const env = { ...process.env, GNUPGHOME: home }
  const program = join(dir, 'gpg.sh')
  writeFileSync(program, `#!/bin/sh\nGNUPGHOME=${home} exec gpg --batch --no-tty "$@"\n`)
  chmodSync(program, 0o755)
  return {
    program,
    gpg: (...args) =>
      execFileSync('gpg', ['--batch', '--no-tty', '--yes', ...args], { env, encoding: 'utf8', stdio: 'pipe' }),
    stop: () => void execFileSync('gpgconf', ['--kill', 'all'], { env, stdio: 'ignore' }),
  }
}

export function pgpSigner(home: ReturnType<typeof gpgHome>, name: string, kind = ['ed25519', 'sign', 'never']): Signer {
  const id = `${name} <${name}@example.com>`
  home.gpg('--passphrase', '', '--pinentry-mode', 'loopback', '--quick-generate-key', id, ...kind)
  return {
    config: ['-c', `gpg.program=${home.program}`, '-c', `user.signingkey=${name}@example.com`],
    allowed: home.gpg('--armor', '--export', `${name}@example.com`),
  }
}

/** A commit that `signer` signed. Returns its bytes. */
export function signedCommit(repository: TestRepository, signer: Signer | null, subject = 'signed'): Buffer {
  const sign = signer === null ? [] : ['-S']
  repository.git(...(signer?.config ?? []), 'commit', '--quiet', '--allow-empty', ...sign, '-m', subject)
  return objectOf(repository, 'commit', 'HEAD')
}

export function signedTag(repository: TestRepository, signer: Signer, name: string): Buffer {
  repository.git(...signer.config, 'tag', '-s', '-m', `release ${name}`, name)
  return objectOf(repository, 'tag', name)
}

export function objectOf(repository: TestRepository, type: 'commit' | 'tag', name: string): Buffer {
  return execFileSync('git', ['cat-file', type, name], { cwd: repository.work })
}
