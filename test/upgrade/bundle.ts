import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const HOUSE = join(import.meta.dirname, '..', '..')

/** As deep in its folder as a room is in the house: the schemas lie as far up. */
export const BUNDLE = 'rooms/packed/release.mjs'

/** What later releases play a release by. */
const DOORS = `export { Controller } from './src/controller/index.js'
export { dockerDriver } from './src/driver/index.js'
export { createLoader } from './src/manifest/index.js'
export { containerName, formatLimits } from './src/model/index.js'
export { sqliteJournal } from './src/store/index.js'
`

/** Packs the rooms of a commit into one file, with its schemas where it looks for them. Packages stay outside: they are those of whoever plays it. */
export function bundleRelease(release: string, commit: string): void {
  const into = join(import.meta.dirname, release)
  const dir = mkdtempSync(join(tmpdir(), 'slipway-release-'))
  try {
    const archive = execFileSync('git', ['archive', commit, 'src', 'schema'], { cwd: HOUSE, maxBuffer: 1e9 })
    execFileSync('tar', ['-x', '-C', dir], { input: archive })
    symlinkSync(join(HOUSE, 'node_modules'), join(dir, 'node_modules'))
    writeFileSync(join(dir, 'doors.ts'), DOORS)
    mkdirSync(into, { recursive: true })
    cpSync(join(dir, 'schema'), join(into, 'schema'), { recursive: true })
    const how = [
      '--bundle',
      '--platform=node',
      '--format=esm',
      '--packages=external',
      '--minify-whitespace',
      '--log-level=warning',
    ]
    const what = ['doors.ts', `--outfile=${join(into, BUNDLE)}`]
    execFileSync(join(HOUSE, 'node_modules', '.bin', 'esbuild'), [...what, ...how], { cwd: dir, stdio: 'inherit' })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
