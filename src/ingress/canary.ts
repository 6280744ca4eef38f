import type { BalancedService, CanaryMatch } from '../model/index.js'
import { isCookieName, isHeaderName, isHeaderValue } from './route-words.js'

/** `match`: who goes to new ones, in words that HAProxy takes. */
export interface CanaryLayout {
  readonly match: CanaryMatch | null
}

/** Connections have neither headers nor cookies. What is none that HAProxy could look for matches nobody. */
export function canaryOf({ canary, protocol }: BalancedService): CanaryLayout | null {
  if (canary === undefined) return null
  const { match } = canary
  const isName = match?.kind === 'cookie' ? isCookieName : isHeaderName
  const isSound =
    protocol !== 'tcp' && match !== null && isName(match.name) && (match.value === null || isHeaderValue(match.value))
  return { match: isSound ? match : null }
}
