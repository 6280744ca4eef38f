import { readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseDocument } from 'yaml'
import type { GitServer } from '../test/lab/index.js'
import type { Files } from './git.js'

/** What the demo plays on: servers, a Git server, a folder. */
export interface Stage {
  /** Name of the sample's stack. */
  readonly stack: string
  /** What there is, a line each. */
  readonly lines: readonly string[]
  readonly git: GitServer
  /** Everything of the demo's own is below it and goes with it. */
  readonly dir: string
  /** Where the shop answers, through the proxy of each server. Empty: nobody balances here. */
  readonly shop: readonly string[]
  /** Environment of the controller. */
  readonly env: Readonly<Record<string, string>>
  /** Where the controller looks for SSH keys and registry logins. */
  readonly home: string
  /** The sample repository, with the servers of this stage. */
  readonly files: Files
  /** Ends all of it and leaves nothing behind. */
  readonly down: () => Promise<void>
}

/** Servers cannot be had; the message says what is missing and how to get it. */
export class NoStage extends Error {}

const SAMPLE = fileURLToPath(new URL('../sample-repo/', import.meta.url))

/** A value by the path of its keys; undefined removes it. */
export type YamlChange = readonly [keys: readonly string[], value: unknown]

/** The repository that people are shown, as it is but for the changes to the YAML files named. */
export function sampleFiles(changes: Readonly<Record<string, readonly YamlChange[]>>): Files {
  const paths = readdirSync(SAMPLE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(SAMPLE, join(entry.parentPath, entry.name)))
  const texts = paths.map((path) => [path, readFileSync(join(SAMPLE, path), 'utf8')] as const)
  return Object.fromEntries(texts.map(([path, text]) => [path, changed(text, changes[path] ?? [])]))
}

/** Comments stay: the watcher is going to read it. */
function changed(text: string, changes: readonly YamlChange[]): string {
  if (changes.length === 0) return text
  const document = parseDocument(text)
  for (const [keys, value] of changes) {
    if (value === undefined) document.deleteIn(keys)
    else document.setIn(keys, value)
  }
  return document.toString({ lineWidth: 0 })
}
