import { COMPOSE_LABELS, fail, ok } from '../model/index.js'
import type { Replica, Result } from '../model/index.js'
import { joinedServices } from '../payload/index.js'
import type { Joined, RunAction } from '../payload/index.js'
import { isReplica, readContainer } from './container.js'
import type { RawContainer } from './container.js'
import { readJson } from './engine.js'
import type { Engine } from './engine.js'
import { about } from './engine-errors.js'

/**
 * The running containers that stand for the `service:name` of a spec: of the same slot number if there is one, else the first. Problem:
 * CONTAINER_GONE where none runs.
 */
export async function findJoined(engine: Engine, action: RunAction, signal: AbortSignal): Promise<Result<Joined>> {
  const found = new Map<string, string>()
  for (const service of joinedServices(action.spec)) {
    const id = await findRunning(engine, action, service, signal)
    if (!id.ok) return id
    found.set(service, id.value)
  }
  return ok(found)
}

async function findRunning(
  engine: Engine,
  { slot }: RunAction,
  service: string,
  signal: AbortSignal,
): Promise<Result<string>> {
  // Compose's labels, since a replica that was taken over from it has no others.
  const label = [`${COMPOSE_LABELS.project}=${slot.stack}`, `${COMPOSE_LABELS.service}=${service}`]
  const query = { filters: JSON.stringify({ label, status: ['running'] }) }
  const call = { method: 'GET', path: '/containers/json', query, lane: 'read' } as const
  const list = await readJson(engine, call, `look for a replica of ${service}`, signal)
  if (!list.ok) return list
  const replicas = replicasIn(list.value, engine)
  const chosen = replicas.find((replica) => replica.slot.key === slot.key) ?? replicas[0]
  if (chosen !== undefined) return ok(chosen.containerId)
  const message = `no replica of ${service} runs on server ${engine.server}, whose namespaces ${slot.service} is to join; it is tried again`
  return fail({ code: 'CONTAINER_GONE', message, ...about(engine, { slot }) })
}

/** Those that are ours by label and name: others may have the labels too. */
function replicasIn(list: unknown, { server, fleet }: Engine): readonly Replica[] {
  const containers: readonly unknown[] = Array.isArray(list) ? list : []
  return containers.flatMap((raw) => {
    const read = readContainer(raw as RawContainer, server, fleet, undefined)
    return read.ok && isReplica(read.value.is) ? [read.value.is] : []
  })
}
