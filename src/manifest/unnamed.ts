import { serviceKey } from '../model/index.js'
import type { Fleet, Problem, ServiceSpec, StackEntry } from '../model/index.js'
import { declaredPorts, isNameable, reservedPorts } from '../names/index.js'

/** Services whose names stay Docker's, because they say a port that cannot be had for a name: a warning for each. */
export function unnamedServices(entries: readonly StackEntry[], fleet: Fleet): readonly Problem[] {
  if (fleet.ingress?.names === undefined) return []
  const stacks = entries.flatMap((entry) => (entry.kind === 'valid' ? [entry.stack] : []))
  const reserved = reservedPorts(
    fleet,
    stacks.flatMap(({ services }) => services),
  )
  return stacks.flatMap(({ path, services }) => services.flatMap((spec) => warningOf(spec, path, reserved)))
}

function warningOf(spec: ServiceSpec, path: string, reserved: ReadonlyMap<number, string>): readonly Problem[] {
  const port = isNameable(spec) ? declaredPorts(spec).find((one) => reserved.has(one)) : undefined
  if (port === undefined) return []
  const message = `${serviceKey(spec)} is reached by its name on the same server only: port ${port} is ${reserved.get(port)}; let it listen on another one to be reached from all servers`
  return [{ code: 'NAME_UNSERVED', message, place: { path }, stack: spec.stack, service: spec.name }]
}
