import type { Machine, SimContainer, SimProcess } from './machine.js'

/** A process takes its memory; `starve`: the kernel kills one that has taken more than its container may have. */
export function takeLater(machine: Machine, container: SimContainer, process: SimProcess, starve: () => void): void {
  const { takes } = process.behaviour
  if (takes === null) return
  const before = process.cancel
  const cancel = machine.clock.after(takes.afterMs, () => {
    const mostBytes = Number(container.hostConfig['Memory'] ?? 0)
    process.takenBytes = takes.bytes
    if (mostBytes > 0 && takes.bytes > mostBytes) starve()
  })
  process.cancel = () => {
    before()
    cancel()
  }
}
