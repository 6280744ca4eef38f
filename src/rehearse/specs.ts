import { LABELS, serviceKey } from '../model/index.js'
import type { Desired, ServiceSpec } from '../model/index.js'

/** Every service of a revision, by `stack/service`. */
export function specsOf({ stacks }: Desired): ReadonlyMap<string, ServiceSpec> {
  const specs = stacks.flatMap((entry) => (entry.kind === 'valid' ? entry.stack.services : []))
  return new Map(specs.map((spec) => [serviceKey(spec), spec]))
}

/** `stack/service` of a container by its labels; null: it is not ours. */
export function serviceOf(labels: Readonly<Record<string, string>>): string | null {
  const [stack, service] = [labels[LABELS.stack], labels[LABELS.service]]
  return stack === undefined || service === undefined ? null : `${stack}/${service}`
}
