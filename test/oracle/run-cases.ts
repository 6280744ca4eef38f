import fc from 'fast-check'
import { caseOf } from './cases.js'
import { compare } from './check.js'
import type { Verdict } from './check.js'
import type { DockerCompose } from './docker-compose.js'
import type { Files } from './services.js'

/** A repository that both read. */
export interface Case {
  /** `case 12`, for `npm run oracle -- --seed S --only 12`. */
  readonly name: string
  readonly files: Files
}

export interface Difference extends Case {
  readonly lines: readonly string[]
}

export interface Tally {
  readonly counts: Readonly<Record<Verdict['kind'], number>>
  /** Of wanted differences, with how many cases have them. */
  readonly reasons: ReadonlyMap<string, number>
  readonly differences: readonly Difference[]
}

/** As many as there are cores for Compose's processes. */
const LANES = 2

/** The same for the same seed. */
export function generatedCases(cases: number, seed: number): readonly Case[] {
  return fc.sample(caseOf, { numRuns: cases, seed }).map((files, number) => ({ name: `case ${number}`, files }))
}

export async function compareAll(cases: readonly Case[], oracle: DockerCompose): Promise<Tally> {
  const waiting = [...cases]
  const counts = { equal: 0, 'both-refuse': 0, 'wanted-refusal': 0, 'wanted-lenience': 0, differs: 0 }
  const reasons = new Map<string, number>()
  const different = new Map<Case, Difference>()
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const verdict = await compare(next.files, oracle)
      counts[verdict.kind] += 1
      if ('reasons' in verdict)
        for (const reason of new Set(verdict.reasons)) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      if (verdict.kind === 'differs') different.set(next, { ...next, lines: verdict.lines })
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return { counts, reasons, differences: cases.flatMap((one) => different.get(one) ?? []) }
}

export function describeDifference({ name, files, lines }: Difference, withFiles: boolean): string {
  const texts = withFiles ? Object.entries(files).map(([path, text]) => `--- ${path}\n${text}`) : []
  return [name, ...lines.map((line) => `  ${line}`), ...texts].join('\n')
}
