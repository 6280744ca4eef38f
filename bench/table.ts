import { isMet, ratioOf } from './figures.js'
import type { Figure, Sample, Unit } from './figures.js'

const HEAD = ['what', 'Slipway', 'floor', 'ratio', 'target', 'the floor is'] as const

/** The figures as a Markdown table, padded so that it reads well on a terminal too. */
export function formatTable(figures: readonly Figure[]): string {
  const rows = [HEAD, ...figures.map(cellsOf)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`)
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}

function cellsOf(figure: Figure): readonly string[] {
  const { what, unit, slipway, floor, floorIs, target } = figure
  const ratio = ratioOf(figure)
  const met = isMet(figure)
  return [
    what,
    formatSample(slipway, unit),
    floor === null ? '' : formatSample(floor, unit),
    ratio === null ? '' : ratio.toFixed(2),
    target === null ? '' : `≤ ${target}${floor === null ? '' : ' ×'}${met === true ? '' : ' **missed**'}`,
    floorIs,
  ]
}

/** The median, and how far the runs lay apart. */
function formatSample({ median, min, max, values }: Sample, unit: Unit): string {
  const digits = unit === 'ms' ? 0 : 1
  const name = unit === 'calls' ? '' : ` ${unit}`
  const spread = values.length === 1 || min === max ? '' : ` (${min.toFixed(digits)}–${max.toFixed(digits)})`
  return `${median.toFixed(digits)}${name}${spread}`
}
