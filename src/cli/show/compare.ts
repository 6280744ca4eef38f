import { canonicalJson, compareText, serviceKey, specHash } from '../../model/index.js'
import type { ServiceSpec, Stack } from '../../model/index.js'
import { formatCause, specCauses } from '../../planner/index.js'

export interface ServiceDifference {
  /** `stack/service`. */
  readonly service: string
  readonly kind: 'added' | 'removed' | 'changed'
  readonly causes: readonly string[]
}

/** Fields outside the container that `specCauses` does not speak of, in Compose's words. */
const AROUND: readonly (readonly [field: keyof ServiceSpec, words: string])[] = [
  ['mode', 'deploy.mode'],
  ['replicas', 'deploy.replicas'],
  ['limits', 'deploy.resources.limits'],
  ['reservations', 'deploy.resources.reservations'],
  ['placement', 'deploy.placement'],
  ['update', 'deploy.update_config'],
  ['rollback', 'deploy.rollback_config'],
  ['rollout', 'x-slipway.rollout'],
  ['dependsOn', 'depends_on'],
  ['probe', 'x-slipway.probe'],
  ['pullPolicy', 'pull_policy'],
  ['restartAt', 'x-slipway.restart_at'],
]

/** What one commit wants of each service that another does not. Sorted; values of secrets never appear. */
export function compareFleets(before: readonly Stack[], after: readonly Stack[]): readonly ServiceDifference[] {
  const [old, fresh] = [byKey(before), byKey(after)]
  const keys = [...new Set([...old.keys(), ...fresh.keys()])].sort(compareText)
  return keys.flatMap((service): readonly ServiceDifference[] => {
    const [from, to] = [old.get(service), fresh.get(service)]
    if (from === undefined) return [{ service, kind: 'added', causes: to === undefined ? [] : [`image ${to.image}`] }]
    if (to === undefined) return [{ service, kind: 'removed', causes: [] }]
    const causes = compareSpecs(from, to)
    return causes.length === 0 ? [] : [{ service, kind: 'changed', causes }]
  })
}

function compareSpecs(from: ServiceSpec, to: ServiceSpec): readonly string[] {
  const inside = specHash(from) === specHash(to) ? [] : specCauses(from, to).map(formatCause)
  const around = AROUND.filter(([field]) => canonicalJson(from[field]) !== canonicalJson(to[field]))
  return [...inside, ...around.map(([field, words]) => `${words} ${shown(from[field])} → ${shown(to[field])}`)]
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : value === null ? 'none' : canonicalJson(value)
}

function byKey(stacks: readonly Stack[]): ReadonlyMap<string, ServiceSpec> {
  return new Map(stacks.flatMap(({ services }) => services.map((spec) => [serviceKey(spec), spec])))
}
