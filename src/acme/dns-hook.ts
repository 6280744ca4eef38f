import { execFile } from 'node:child_process'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { oneLine } from './problems.js'

const HOOK_DEADLINE_MS = 5 * 60_000
const OUTPUT_MOST_BYTES = 64 * 1024

export type DnsHook = (
  what: 'present' | 'cleanup',
  name: string,
  value: string,
  signal: AbortSignal,
) => Promise<Result<null>>

/** A program of this machine, by its path, and the environment that it gets: all of it. */
export interface HookCommand {
  readonly command: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * Changes the TXT record `name` by a command of this machine: `<command> present|cleanup _acme-challenge.example.com <value>`. No shell is between; it has
 * ended when the record is seen by everybody. Problems: ACME_HOOK.
 */
export function dnsHook({ command, environment }: HookCommand): DnsHook {
  return (what, name, value, signal) =>
    new Promise((resolve) => {
      const options = {
        env: environment,
        signal,
        timeout: HOOK_DEADLINE_MS,
        killSignal: 'SIGKILL',
        maxBuffer: OUTPUT_MOST_BYTES,
      } as const
      execFile(command, [what, name, value], options, (error, stdout, stderr) => {
        if (error === null) return resolve(ok(null))
        const said = oneLine(stderr.trim() === '' ? stdout : stderr)
        const why = error.killed === true ? `it did not end within ${HOOK_DEADLINE_MS / 60_000} min` : endOf(error)
        const message = `${command} ${what} ${name}: ${why}${said === '' ? '' : `: ${said}`}`
        resolve(fail({ code: 'ACME_HOOK', message }))
      })
    })
}

function endOf(
  error: Error & { readonly code?: string | number | null; readonly signal?: NodeJS.Signals | null },
): string {
  if (typeof error.code === 'number') return `it ended with ${error.code}`
  if (error.code === 'ENOENT') return 'there is no such command; SLIPWAY_ACME_DNS_HOOK is the path of one'
  if (error.code === 'EACCES') return 'it may not be executed'
  return error.signal === null || error.signal === undefined
    ? oneLine(error.message)
    : `it was ended by ${error.signal}`
}
