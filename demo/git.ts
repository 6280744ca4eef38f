import { execFile } from 'node:child_process'
import { chownSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const TIMEOUT_MS = 30_000

/** Contents by path. */
export type Files = Readonly<Record<string, string>>

export interface Commit {
  readonly sha: string
  readonly subject: string
  /** Lines that it takes away and adds, as `git show` marks them. */
  readonly changes: readonly string[]
}

/** The fleet's repository, with a clone of a colleague's who makes the demo's commits and one for the person who watches. */
export interface FleetRepository {
  readonly url: string
  /** The watcher's own clone, ready to push. */
  readonly workDir: string
  read(path: string): Promise<string>
  commit(files: Files, subject: string): Promise<Commit>
  /** `git revert` of the colleague's newest commit that still stands. Undefined when there is none that Git can take back by itself. */
  revertNewest(): Promise<Commit | undefined>
}

/** A colleague, so that the watcher sees at a glance who changed what. */
const COLLEAGUE = { name: 'Ann', email: 'ann@example.org' }

/** Why there can be no repository on this machine; undefined when there can. */
export async function whyNoGit(): Promise<string | undefined> {
  try {
    await exec('git', ['--version'], { timeout: TIMEOUT_MS })
    return undefined
  } catch {
    return 'git is missing: install it (Debian: sudo apt-get install git; elsewhere: https://git-scm.com/downloads)'
  }
}

/** Makes the first commit and both clones under `dir`. `url` is that of an empty repository. */
export async function openFleetRepository(url: string, dir: string, files: Files): Promise<FleetRepository> {
  const colleagueDir = join(dir, 'colleague')
  const workDir = join(dir, 'fleet')
  const git = (...args: readonly string[]): Promise<string> => runGit(['-C', colleagueDir, ...args])
  const push = async (): Promise<Commit> => {
    await git('push', '-q', 'origin', 'HEAD:refs/heads/main')
    return describe(git)
  }
  mkdirSync(colleagueDir, { recursive: true })
  await git('init', '-q', '-b', 'main')
  await git('remote', 'add', 'origin', url)
  await addAll(git, colleagueDir, files, 'Open the shop')
  await push()
  await cloneForWatcher(url, workDir)
  return {
    url,
    workDir,
    read: async (path) => {
      await catchUp(git)
      return readFileSync(join(colleagueDir, path), 'utf8')
    },
    commit: async (changed, subject) => {
      await catchUp(git)
      await addAll(git, colleagueDir, changed, subject)
      return push()
    },
    revertNewest: async () => {
      await catchUp(git)
      for (const sha of await standing(git)) if (await revert(git, sha)) return push()
      return undefined
    },
  }
}

type Git = (...args: readonly string[]) => Promise<string>

/** The watcher may have pushed meanwhile. */
async function catchUp(git: Git): Promise<void> {
  await git('fetch', '-q', 'origin')
  await git('reset', '-q', '--hard', 'origin/main')
}

/** The colleague's commits that nobody took back, newest first, but for the one that opened the shop. */
async function standing(git: Git): Promise<readonly string[]> {
  const log = await git('log', '-z', '-n', '200', '--format=%H %ae %B')
  const commits = log.split('\0').map((entry) => /^(\w+) (\S+) ([^]*)$/.exec(entry)?.slice(1) ?? [])
  const reverted = new Set(commits.map(([, , body = '']) => /^This reverts commit (\w+)/m.exec(body)?.[1]))
  return commits
    .slice(0, -1)
    .filter(([sha, email, body = '']) => email === COLLEAGUE.email && !reverted.has(sha) && !body.startsWith('Revert '))
    .map(([sha = '']) => sha)
}

/** False where the lines have changed since. */
async function revert(git: Git, sha: string): Promise<boolean> {
  try {
    await git('revert', '--no-edit', sha)
    return true
  } catch {
    await git('revert', '--abort').catch(() => undefined)
    return false
  }
}

async function addAll(git: Git, dir: string, files: Files, subject: string): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), content)
  }
  await git('add', '-A')
  await git('commit', '-q', '-m', subject)
}

async function describe(git: Git): Promise<Commit> {
  const [sha = '', subject = ''] = (await git('show', '-s', '--format=%H%n%s')).split('\n')
  const shown = await git('show', '--format=', '-U0')
  const changes = shown.split('\n').filter((line) => /^(?:[-+](?![-+]{2})|\+\+\+ )/.test(line))
  return { sha, subject, changes: changes.map((line) => line.replace(/^\+\+\+ b\//, '')) }
}

async function cloneForWatcher(url: string, workDir: string): Promise<void> {
  await runGit(['clone', '-q', url, workDir])
  const git = (...args: readonly string[]): Promise<string> => runGit(['-C', workDir, ...args])
  // A proxy of the watcher's cannot reach this machine, and a rebase spares a first-time watcher the merge.
  const settings = { 'http.proxy': '', 'pull.rebase': 'true', ...(await missingIdentity()) }
  for (const [name, value] of Object.entries(settings)) await git('config', name, value)
  giveToCaller(workDir)
}

/** Without a name Git refuses to commit; who has one keeps it. */
async function missingIdentity(): Promise<Readonly<Record<string, string>>> {
  const known = await exec('git', ['config', '--global', 'user.email'], { timeout: TIMEOUT_MS }).catch(() => null)
  return known === null ? { 'user.name': 'You', 'user.email': 'you@example.org' } : {}
}

/** Under sudo the clone belongs to the person who called it, or they could neither edit nor commit. */
function giveToCaller(dir: string): void {
  const [uid, gid] = [Number(process.env['SUDO_UID']), Number(process.env['SUDO_GID'])]
  if (!Number.isInteger(uid) || !Number.isInteger(gid) || process.getuid?.() !== 0) return
  for (const path of ['.', ...(readdirSync(dir, { recursive: true }) as string[])]) chownSync(join(dir, path), uid, gid)
}

async function runGit(args: readonly string[]): Promise<string> {
  const env = {
    ...process.env,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: COLLEAGUE.name,
    GIT_AUTHOR_EMAIL: COLLEAGUE.email,
    GIT_COMMITTER_NAME: COLLEAGUE.name,
    GIT_COMMITTER_EMAIL: COLLEAGUE.email,
    NO_PROXY: '*',
    no_proxy: '*',
  }
  const { stdout } = await exec('git', [...args], { env, timeout: TIMEOUT_MS })
  return stdout
}
