import fc from 'fast-check'
import { caseOf } from './cases.js'
import type { Files } from './services.js'
import { compare } from './check.js'
import type { Verdict } from './check.js'
import type { DockerCompose } from './docker-compose.js'

export interface Difference {
  /** Of the case, for `npm run oracle -- --seed S --only N`. */
  readonly number: number
  readonly files: Files
  readonly lines: readonly string[]
}

export interface Tally {
  readonly counts: Readonly<Record<Verdict['kind'], number>>
  readonly differences: readonly Difference[]
}

/** As many as there are cores for Compose's processes. */
const LANES = 2

/** Generated cases, the same for the same seed. */
export async function runCases(
  oracle: DockerCompose,
  { cases, seed, only }: { readonly cases: number; readonly seed: number; readonly only?: number },
): Promise<Tally> {
  const all = fc.sample(caseOf, { numRuns: cases, seed })
  const waiting = all
    .map((files, number) => ({ files, number }))
    .filter(({ number }) => only === undefined || number === only)
  const counts = { equal: 0, 'both-refuse': 0, 'wanted-refusal': 0, 'wanted-lenience': 0, differs: 0 }
  const differences: Difference[] = []
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const verdict = await compare(next.files, oracle)
      counts[verdict.kind] += 1
      if (verdict.kind === 'differs') differences.push({ ...next, lines: verdict.lines })
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return { counts, differences: differences.sort((a, b) => a.number - b.number) }
}

export function describeDifference({ number, files, lines }: Difference, withFiles: boolean): string {
  const texts = withFiles ? Object.entries(files).map(([path, text]) => `--- ${path}\n${text}`) : []
  return [`case ${number}`, ...lines.map((line) => `  ${line}`), ...texts].join('\n')
}
