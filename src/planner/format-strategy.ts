import { specHash } from '../model/index.js'
import type { CanaryCheck, Change, Strategy } from '../model/index.js'
import { formatDuration } from './show-value.js'

/** How a replacement goes where it goes by a strategy; null: the rolling way. A spec that was proven before does so too, which the plan does not know. */
export function strategyOf(change: Extract<Change, { kind: 'replace' }>): Strategy | null {
  const { strategy } = change.spec.rollout
  const bringsNew = change.from.specHash !== specHash(change.spec)
  return strategy !== undefined && bringsNew && change.order === 'start-first' ? strategy : null
}

/** `canary 5% 2m, 25%, asks latency`: as it stands in the manifest. */
export function formatStrategy(strategy: Strategy): string {
  switch (strategy.kind) {
    case 'canary':
      return `canary ${strategy.steps
        .map(
          ({ percent, holdMs }) => `${percent}%${holdMs === null ? ' until promoted' : ` ${formatDuration(holdMs)}`}`,
        )
        .join(', ')}${checksText(strategy.checks ?? [])}`
    case 'blue-green':
      return `blue-green, the old ones stay ${formatDuration(strategy.keepMs)}`
  }
}

function checksText(checks: readonly CanaryCheck[]): string {
  return checks.length === 0 ? '' : `, asks ${checks.map(({ name }) => name).join(', ')}`
}
