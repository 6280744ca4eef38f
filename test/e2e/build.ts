import { execFileSync } from 'node:child_process'

/** Builds the program from the source as it stands, where that is newer. */
export function setup(): void {
  execFileSync(process.execPath, ['scripts/setup.mjs'], { stdio: 'inherit' })
}
