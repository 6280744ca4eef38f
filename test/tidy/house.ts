import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export const HOUSE = join(import.meta.dirname, '..', '..')
export const { ROOMS, PURE_ROOMS } = createRequire(import.meta.url)('./rooms.cjs') as {
  readonly ROOMS: Readonly<Record<string, { readonly rooms: readonly string[] }>>
  readonly PURE_ROOMS: readonly string[]
}

export interface Violation {
  readonly from: string
  readonly to: string
  readonly rule: { readonly name: string }
}

export interface CruisedModule {
  readonly source: string
  readonly dependencies: readonly {
    readonly resolved: string
    readonly dynamic: boolean
    readonly dependencyTypes: readonly string[]
  }[]
}

export interface Cruise {
  readonly modules: readonly CruisedModule[]
  readonly summary: { readonly violations: readonly Violation[]; readonly totalCruised: number }
}

/** Runs dependency-cruiser over `src` of the given house. */
export async function cruise(house: string): Promise<Cruise> {
  const config = join(house, 'test', 'tidy', 'walls.cjs')
  const args = ['src', '--config', config, '--output-type', 'json']
  return JSON.parse(await output(house, bin('dependency-cruiser', 'bin/dependency-cruise.mjs'), args)) as Cruise
}

export interface LintMessage {
  readonly ruleId: string | null
  readonly message: string
}

/** Lints the files with the house's own configuration; messages by path relative to the house. */
export async function lint(house: string, files: readonly string[]): Promise<ReadonlyMap<string, LintMessage[]>> {
  const text = await output(house, bin('eslint', 'bin/eslint.js'), ['--format', 'json', ...files])
  const results = JSON.parse(text) as { filePath: string; messages: LintMessage[] }[]
  return new Map(files.map((file) => [file, results.find((result) => result.filePath.endsWith(file))?.messages ?? []]))
}

/** Copies the house, adds the planted files, and hands it over; gone afterwards. */
export async function withPlanted<T>(
  planted: Readonly<Record<string, string>>,
  use: (house: string) => Promise<T>,
): Promise<T> {
  const house = mkdtempSync(join(tmpdir(), 'slipway-tidy-'))
  try {
    for (const path of ['src', 'test/tidy', 'schema', 'package.json', 'tsconfig.json', 'eslint.config.js']) {
      cpSync(join(HOUSE, path), join(house, path), { recursive: true })
    }
    symlinkSync(join(HOUSE, 'node_modules'), join(house, 'node_modules'))
    for (const [path, text] of Object.entries(planted)) {
      mkdirSync(dirname(join(house, path)), { recursive: true })
      writeFileSync(join(house, path), text)
    }
    return await use(house)
  } finally {
    rmSync(house, { recursive: true, force: true })
  }
}

/** Paths of all files under `folder`, relative to the house, sorted. */
export function filesUnder(folder: string): readonly string[] {
  return readdirSync(join(HOUSE, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(HOUSE.length + 1))
    .sort()
}

export function read(path: string): string {
  return readFileSync(join(HOUSE, path), 'utf8')
}

function bin(name: string, path: string): string {
  return join(HOUSE, 'node_modules', name, path)
}

/** Standard output, whatever the exit code: these tools exit with the number of violations. */
function output(cwd: string, script: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd, maxBuffer: 64 * 1024 * 1024 }
    execFile(process.execPath, [script, ...args], options, (error, stdout, stderr) => {
      if (stdout === '') reject(new Error(`${script} printed nothing: ${stderr || error?.message}`))
      else resolve(stdout)
    })
  })
}
