import { execFile } from 'node:child_process'

export type RunOptions = {
  readonly input?: string | Buffer
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly timeoutMs?: number
  readonly maxOutputBytes?: number
}

const defaultTimeoutMs = 60_000
const defaultMaxOutputBytes = 64 * 1024 * 1024

/** Runs one command without a shell and returns what it printed; a non-zero exit throws with what it said. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      [...args],
      {
        cwd: options.cwd,
        env: options.env ?? plainEnvironment(),
        timeout: options.timeoutMs ?? defaultTimeoutMs,
        maxBuffer: options.maxOutputBytes ?? defaultMaxOutputBytes,
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`${command} ${args.join(' ')}: ${stderr.trim() || error.message}`, { cause: error }))
      },
    )
    // A command that ends before it has read everything gives EPIPE here; its exit status already tells.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(options.input ?? '')
  })
}

/** Like {@link run}, for questions: undefined when the command fails or does not exist. */
export async function tryRun(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string | undefined> {
  try {
    return await run(command, args, options)
  } catch {
    return undefined
  }
}

/** What the lab's parts see: no proxies, no caller's Git or Docker settings. */
export function plainEnvironment(path = '/usr/sbin:/usr/bin:/sbin:/bin'): NodeJS.ProcessEnv {
  return { PATH: path, HOME: '/root', LANG: 'C.UTF-8' }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Asks until the answer is true. Throws with `what` after `timeoutMs`. */
export async function waitUntil(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
  pauseMs = 25,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    if (await isTrue()) return
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await sleep(pauseMs)
  }
}
