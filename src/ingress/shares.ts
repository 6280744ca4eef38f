import type { GroupShare } from '../model/index.js'

/**
 * What each replica of a group weighs, so that the new ones together get their share. A group that is alone has all, but new ones whose share is nothing:
 * old ones were proven. Counted are those that stay.
 */
export function groupWeights(
  percent: number,
  freshCount: number,
  oldCount: number,
): { readonly fresh: number; readonly old: number } {
  const share = Math.max(0, Math.min(100, percent)) / 100
  if (share === 0 || freshCount === 0) return { fresh: 0, old: 1 }
  if (share === 1 || oldCount === 0) return { fresh: 1, old: 0 }
  const [fresh, old] = [share * oldCount, (1 - share) * freshCount]
  const larger = Math.max(fresh, old)
  return { fresh: fresh / larger, old: old / larger }
}

/** It has what is its service's own. New ones that share with old ones have not: what nobody else has would be theirs whole. */
export function isServing(
  { share }: { readonly share?: GroupShare },
  { isLeaving, isFresh = false }: { readonly isLeaving: boolean; readonly isFresh?: boolean },
): boolean {
  return !isLeaving && !(isFresh && share !== undefined && share.percent < 100)
}
