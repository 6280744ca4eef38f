import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { plainEnvironment, run, tryRun } from './shell.js'

/**
 * A repository that the tests write to with the real git, straight to the disk: a fault of the Git server does not keep
 * a test from committing.
 */
export type LabRepository = {
  readonly name: string
  /** The bare repository that is served. */
  readonly bareDir: string
  readonly workDir: string
  /** Writes (null: removes) files, commits and pushes. Returns the commit. An empty commit is allowed. */
  commit(files: Readonly<Record<string, string | Buffer | null>>, message: string): Promise<string>
  /** `git revert`, pushed. */
  revert(sha: string): Promise<string>
  /** Moves the branch to any commit, backwards too. */
  forcePush(sha: string): Promise<void>
  /** Removes the branch on the server. The next commit brings it back. */
  deleteBranch(): Promise<void>
  /** Later commits go to this branch, made from the present one if it does not exist. */
  switchTo(branch: string): Promise<void>
  /** What a branch points to on the server (default: the present one); undefined when there is none. */
  head(branch?: string): Promise<string | undefined>
  /** Any git command in the work folder. */
  git(...args: readonly string[]): Promise<string>
}

export const gitEnvironment: NodeJS.ProcessEnv = {
  ...plainEnvironment(),
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Lab',
  GIT_AUTHOR_EMAIL: 'lab@example.org',
  GIT_COMMITTER_NAME: 'Lab',
  GIT_COMMITTER_EMAIL: 'lab@example.org',
}

export async function createRepository(dir: string, name: string): Promise<LabRepository> {
  const bareDir = join(dir, 'bare', `${name}.git`)
  const workDir = join(dir, 'work', name)
  mkdirSync(dirname(workDir), { recursive: true })
  const env = gitEnvironment
  await run('git', ['init', '-q', '--bare', '-b', 'main', bareDir], { env })
  await run('git', ['-C', bareDir, 'config', 'http.receivepack', 'true'], { env })
  await run('git', ['-C', bareDir, 'config', 'uploadpack.allowAnySHA1InWant', 'true'], { env })
  await run('git', ['init', '-q', '-b', 'main', workDir], { env })
  const remote = await tryRun('git', ['-C', workDir, 'remote', 'get-url', 'origin'], { env })
  if (remote === undefined) await run('git', ['-C', workDir, 'remote', 'add', 'origin', bareDir], { env })

  let branch = 'main'
  const git = async (...args: readonly string[]): Promise<string> => {
    return (await run('git', ['-C', workDir, ...args], { env })).trim()
  }
  const push = async (): Promise<string> => {
    await git('push', '-q', '--force', 'origin', `HEAD:refs/heads/${branch}`)
    return git('rev-parse', 'HEAD')
  }
  return {
    name,
    bareDir,
    workDir,
    git,
    commit: async (files, message) => {
      for (const [path, content] of Object.entries(files)) writeOrRemove(join(workDir, path), content)
      await git('add', '-A')
      await git('commit', '-q', '--allow-empty', '-m', message)
      return push()
    },
    revert: async (sha) => {
      await git('revert', '--no-edit', sha)
      return push()
    },
    forcePush: async (sha) => {
      await git('reset', '-q', '--hard', sha)
      await push()
    },
    deleteBranch: async () => {
      await run('git', ['-C', bareDir, 'update-ref', '-d', `refs/heads/${branch}`], { env })
    },
    switchTo: async (wanted) => {
      const known = await tryRun('git', ['-C', workDir, 'rev-parse', '-q', '--verify', `refs/heads/${wanted}`], { env })
      await git('checkout', '-q', ...(known === undefined ? ['-b'] : []), wanted)
      branch = wanted
    },
    head: async (wanted = branch) => {
      return (
        await tryRun('git', ['-C', bareDir, 'rev-parse', '-q', '--verify', `refs/heads/${wanted}`], { env })
      )?.trim()
    },
  }
}

function writeOrRemove(file: string, content: string | Buffer | null): void {
  if (content === null) {
    rmSync(file, { recursive: true, force: true })
    return
  }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}
