import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { whatIsWrong } from './check.js'
import type { Target } from './target.js'

/** What one input does in a process of its own, where nothing else takes time or memory. */
export interface Alone {
  readonly wrong: string | null
  readonly ms: number
  /** How much higher the process's memory went than before. */
  readonly grewBytes: number
}

export const MOST_MS = 1_000
export const MOST_BYTES = 256 * 1024 * 1024
const KILL_MS = 30_000

export function isTooMuch({ ms, grewBytes }: Alone): boolean {
  return ms > MOST_MS || grewBytes > MOST_BYTES
}

/** Runs `main.ts --alone` on the input; null: it had to be killed. */
export function measureAlone(target: string, input: Buffer): Promise<Alone | null> {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-fuzz-'))
  const file = join(dir, 'input')
  writeFileSync(file, input)
  const main = join(import.meta.dirname, 'main.ts')
  const args = ['--max-old-space-size=512', '--import', 'tsx', main, '--alone', target, file]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: KILL_MS, killSignal: 'SIGKILL' }, (error, stdout) => {
      rmSync(dir, { recursive: true, force: true })
      resolve(error !== null ? null : (JSON.parse(stdout) as Alone))
    })
  })
}

/** In that process: the samples first, so that what is loaded once is not taken for the input's doing. */
export async function runAlone(target: Target, path: string): Promise<Alone> {
  for (const sample of target.samples) await whatIsWrong(target, sample)
  const input = readFileSync(path)
  const before = process.resourceUsage().maxRSS
  const start = process.cpuUsage()
  let wrong: string | null = null
  try {
    await target.read(input)
  } catch (error) {
    wrong = error instanceof Error && 'problem' in error ? null : String(error)
  }
  // Of the processor: a machine that is busy with something else makes nothing slower here.
  const { user, system } = process.cpuUsage(start)
  const ms = (user + system) / 1_000
  return { wrong, ms, grewBytes: (process.resourceUsage().maxRSS - before) * 1024 }
}
