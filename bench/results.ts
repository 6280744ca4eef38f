import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { GROUPS, isMet, ratioOf } from './figures.js'
import type { Figure } from './figures.js'

/** The machine in general words: what matters for the figures, and nothing that names it. */
export interface Machine {
  readonly cores: number
  readonly memoryGb: number
  readonly system: string
  readonly kernel: string
  readonly node: string
  readonly engines: readonly string[]
}

export interface Results {
  /** ISO 8601, UTC. */
  readonly at: string
  readonly runs: number
  readonly machine: Machine
  readonly figures: readonly Figure[]
}

export function describeMachine(engines: readonly string[]): Machine {
  return {
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux',
    kernel: release().split('.').slice(0, 2).join('.'),
    node: process.versions.node,
    engines: [...new Set(engines)].sort(),
  }
}

export function formatMachine({ cores, memoryGb, system, kernel, node, engines }: Machine): string {
  const lab = engines.length === 0 ? '' : `, Docker Engine ${engines.join(' and ')}`
  return `${cores} cores, ${memoryGb} GB, ${system}, kernel ${kernel}, Node ${node}${lab}`
}

/** What was measured before, or null. */
export function readResults(path: string): Results | null {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results) : null
}

/** The new figures, and those of the groups that were not measured now. */
export function merge(before: Results | null, now: Results): Results {
  const measured = new Set(now.figures.map((figure) => figure.group))
  const kept = (before?.figures ?? []).filter((figure) => !measured.has(figure.group))
  const order = ({ group }: Figure): number => GROUPS.indexOf(group)
  const engines = now.machine.engines.length > 0 ? now.machine.engines : (before?.machine.engines ?? [])
  const dated = (figures: readonly Figure[], at: string): readonly Figure[] =>
    figures.map((figure) => ({ ...figure, day: figure.day ?? at.slice(0, 10) }))
  return {
    ...now,
    machine: { ...now.machine, engines },
    figures: [...dated(kept, before?.at ?? now.at), ...dated(now.figures, now.at)].sort((a, b) => order(a) - order(b)),
  }
}

/** `2026-11-28 (tick, memory) and 2026-11-21 (deploy)`; one day alone where all was measured on it. */
export function formatDays(figures: readonly Figure[]): string {
  const days = new Map<string, Set<string>>()
  for (const { day = '', group } of figures) days.set(day, (days.get(day) ?? new Set()).add(group))
  const texts = [...days].sort(([a], [b]) => (a < b ? 1 : -1)).map(([day, groups]) => [day, [...groups].join(', ')])
  return texts.length === 1 ? (texts[0]?.[0] ?? '') : texts.map(([day, groups]) => `${day} (${groups})`).join(' and ')
}

export function writeResults(path: string, results: Results): void {
  const figures = results.figures.map((figure) => ({ ...figure, ratio: ratioOf(figure), met: isMet(figure) }))
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify({ ...results, figures }, null, 2)}\n`)
}
