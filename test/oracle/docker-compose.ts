import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { composeAt, ensureDownload } from '../lab/downloads.js'
import type { ComposeKind } from '../lab/downloads.js'
import { run } from '../lab/shell.js'

/** What `docker compose config` prints of a project; every value is checked where it is used. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonMap = { readonly [key: string]: Json }

export type Answer =
  { readonly kind: 'accepted'; readonly project: JsonMap } | { readonly kind: 'refused'; readonly why: string }

export interface DockerCompose {
  /** What one version says of a case may be another's otherwise. */
  readonly version: string
  /** What Compose makes of files, by path; it is run in the folder named. */
  config(files: Readonly<Record<string, string>>, folder: string): Promise<Answer>
  close(): void
}

/** Docker Compose itself, with nothing of this machine's environment. */
export async function dockerCompose(kind: ComposeKind = 'compose'): Promise<DockerCompose> {
  await ensureDownload(kind, (line) => console.log(line))
  const composePath = composeAt(kind)
  const base = mkdtempSync(join(tmpdir(), 'slipway-oracle-'))
  const version = (await run(composePath, ['version', '--short'], { env: { PATH: '', HOME: base } })).trim()
  let made = 0
  return {
    version,
    config: async (files, folder) => {
      const root = join(base, String(made++))
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, path)), { recursive: true })
        writeFileSync(join(root, path), text)
      }
      const cwd = join(root, folder)
      try {
        const printed = await run(composePath, ['config', '--format', 'json'], { cwd, env: { PATH: '', HOME: base } })
        // Paths are made relative to the repository again, and `$$`, which protects a `$` from a second interpolation, is undone.
        const plain = printed
          .replaceAll(`${root}/`, 'repository:/')
          .replaceAll('$$', '$')
          .replaceAll(/(\d{4}-\d\d-\d\d) 00:00:00 \+0000 UTC/g, '$1')
        return { kind: 'accepted', project: JSON.parse(plain) as JsonMap }
      } catch (error) {
        return { kind: 'refused', why: reasonOf(error instanceof Error ? error.message : String(error)) }
      } finally {
        rmSync(root, { recursive: true, force: true })
      }
    },
    close: () => rmSync(base, { recursive: true, force: true }),
  }
}

/** Without the warnings that come before it. */
function reasonOf(printed: string): string {
  return printed.replaceAll(/time="[^"]*" level=warning .*\n/g, '').replace(/^.*config --format json: /, '')
}
