import type { Guards, ServiceSpec, Stack } from '../../model/index.js'
import { createPayload, joinedServices, mayAsk, refusal, refusedAsks, refusedVolumeAsks } from '../../payload/index.js'
import type { Ask, RunAction } from '../../payload/index.js'
import type { Node } from '../node.js'
import { get, items, keyOf, textOf } from '../node.js'
import { readText } from '../read.js'
import type { Report, Spot } from '../report.js'
import { volumeName } from './volumes.js'

/** Reports what the fleet does not allow, as it will be refused on the server: by the body of the engine's call, whatever says it. */
export function reportRefused(
  stack: Stack,
  services: ReadonlyMap<string, Node>,
  volumes: ReadonlyMap<string, Node>,
  { guards, report }: { readonly guards: Guards; readonly report: Report },
): void {
  for (const spec of stack.services.filter(mayAsk)) {
    const joined = new Map(joinedServices(spec).map((service) => [service, service]))
    const payload = createPayload(anyRun(spec), spec.image, NEWEST_API, joined)
    for (const ask of refusedAsks(payload, guards, joined))
      report.error('GUARD_REFUSED', spotOf(services.get(spec.name), ask), refusal(ask))
  }
  for (const volume of stack.volumes) {
    for (const ask of refusedVolumeAsks(volume, guards)) {
      const [, node] = [...volumes].find(([key, one]) => volumeName(key, one, stack.name) === volume.name) ?? []
      report.error('GUARD_REFUSED', spotOf(node, ask), refusal(ask))
    }
  }
}

const NEWEST_API = 99

/** Labels and names are not what guards look at. */
function anyRun(spec: ServiceSpec): RunAction {
  const slot = { stack: spec.stack, service: spec.name, key: '1' }
  const identity = { fleet: '', slot, specHash: '', revision: '', restart: '', controller: '' }
  return { kind: 'run', server: '', stack: spec.stack, slot, spec, image: { digest: null, id: '' }, identity }
}

/** The item of a list that says it, else the key, else the service. */
function spotOf(service: Node | undefined, { key, detail }: Ask): Spot | null {
  const item = items(get(service, key)).find(
    (one) => textOf(one).includes(detail) || readText(one, 'source') === detail,
  )
  return item ?? get(service, key) ?? keyOf(service, key) ?? service ?? null
}
