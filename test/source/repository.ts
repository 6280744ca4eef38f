import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A work tree and the bare repository that it pushes to, both in a directory of their own. */
export interface TestRepository {
  readonly root: string
  readonly bare: string
  readonly work: string
  git(...args: string[]): string
  bareGit(...args: string[]): string
  write(path: string, content: string | Buffer): void
  link(path: string, target: string): void
  /** Commits all files as they are. Returns the commit. */
  commit(subject: string): string
  /** Commits and pushes. */
  push(subject: string, files?: Readonly<Record<string, string>>): string
  remove(): void
}

export function scratch(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'slipway-source-')))
}

export function testRepository(): TestRepository {
  const root = scratch()
  const bare = join(root, 'fleet.git')
  const work = join(root, 'work')
  run(root, 'init', '--quiet', '--bare', '--initial-branch=main', bare)
  run(root, 'init', '--quiet', '--initial-branch=main', work)
  const git = (...args: string[]): string => run(work, ...args)
  git('remote', 'add', 'origin', bare)
  const repository: TestRepository = {
    root,
    bare,
    work,
    git,
    bareGit: (...args) => run(bare, ...args),
    write(path, content) {
      mkdirSync(dirname(join(work, path)), { recursive: true })
      writeFileSync(join(work, path), content)
    },
    link: (path, target) => symlinkSync(target, join(work, path)),
    commit(subject) {
      git('add', '--all')
      git('commit', '--quiet', '--allow-empty', '--message', subject)
      return git('rev-parse', 'HEAD')
    },
    push(subject, files = {}) {
      for (const [path, content] of Object.entries(files)) repository.write(path, content)
      const sha = repository.commit(subject)
      git('push', '--quiet', '--force', 'origin', 'HEAD:main')
      return sha
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
  return repository
}

function run(cwd: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Ada Pilot',
      GIT_AUTHOR_EMAIL: 'ada@example.com',
      GIT_COMMITTER_NAME: 'Ada Pilot',
      GIT_COMMITTER_EMAIL: 'ada@example.com',
      GIT_AUTHOR_DATE: '2026-11-21T10:00:00Z',
      GIT_COMMITTER_DATE: '2026-11-21T10:00:00Z',
    },
  }).trim()
}
