import { FAULTS } from './fault-table.js'
import type { FaultId } from './fault-table.js'
import type { Phase } from './ledger.js'
import type { World } from './world.js'

const PHASES: readonly Phase[] = ['none', 'idle', 'preparing', 'updating', 'rolling back', 'paused', 'stopped']

/** Those of worlds of their own (`certifiedOf`). */
export const OF_CERTIFICATES = ['F60', 'F61', 'F62'] as const

/** Those of worlds with checks: some. */
const OF_CHECKS = 'F63'

/** In how many worlds each fault struck, and what was going on when it did. */
export class Coverage {
  worlds = 0
  private readonly counts = new Map<FaultId, Map<Phase | 'any', number>>()

  add(world: Pick<World, 'coverage'>): void {
    this.worlds += 1
    for (const [fault, phases] of world.coverage)
      for (const phase of [...phases, 'any' as const]) this.count(fault, phase, 1)
  }

  private count(fault: FaultId, phase: Phase | 'any', by: number): void {
    const row = this.counts.get(fault) ?? new Map<Phase | 'any', number>()
    row.set(phase, (row.get(phase) ?? 0) + by)
    this.counts.set(fault, row)
  }

  /** Faults that were met in less than this share of the worlds. */
  rarerThan(share: number): readonly string[] {
    const others = Object.keys(FAULTS).filter(
      (fault) => fault !== OF_CHECKS && !OF_CERTIFICATES.some((one) => one === fault),
    )
    return others.filter((fault) => this.of(fault, 'any') < share * this.worlds)
  }

  /** Of these faults, those that struck in no world. */
  missed(faults: readonly FaultId[]): readonly FaultId[] {
    return faults.filter((fault) => this.of(fault, 'any') === 0)
  }

  private of(fault: string, phase: Phase | 'any'): number {
    return this.counts.get(fault as FaultId)?.get(phase) ?? 0
  }

  table(): string {
    const head = `fault     %  ${PHASES.map((phase) => phase.padStart(14)).join('')}`
    const rows = Object.entries(FAULTS).map(([fault, sentence]) => {
      const share = ((100 * this.of(fault, 'any')) / Math.max(1, this.worlds)).toFixed(1).padStart(5)
      const cells = PHASES.map((phase) => String(this.of(fault, phase)).padStart(14)).join('')
      return `${fault}  ${share}  ${cells}  ${sentence}`
    })
    return [`${this.worlds} worlds; in how many each fault struck, by what was going on`, head, ...rows].join('\n')
  }

  /** For a run that is stopped and gone on with. */
  toJson(): unknown {
    return { worlds: this.worlds, counts: [...this.counts].map(([fault, row]) => [fault, [...row]]) }
  }

  static from(json: unknown): Coverage {
    const { worlds, counts } = json as { worlds: number; counts: [FaultId, [Phase | 'any', number][]][] }
    const coverage = new Coverage()
    coverage.worlds = worlds
    for (const [fault, row] of counts) for (const [phase, times] of row) coverage.count(fault, phase, times)
    return coverage
  }
}
