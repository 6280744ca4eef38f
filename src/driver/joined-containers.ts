import { LABELS, fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { joinedServices } from '../payload/index.js'
import type { Joined, RunAction } from '../payload/index.js'
import { readJson, textAt } from './engine.js'
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
  const label = [`${LABELS.fleet}=${engine.fleet}`, `${LABELS.stack}=${slot.stack}`, `${LABELS.service}=${service}`]
  const query = { filters: JSON.stringify({ label, status: ['running'] }) }
  const call = { method: 'GET', path: '/containers/json', query, lane: 'read' } as const
  const list = await readJson(engine, call, `look for a replica of ${service}`, signal)
  if (!list.ok) return list
  const containers: readonly unknown[] = Array.isArray(list.value) ? list.value : []
  const same = containers.find((container) => textAt(container, 'Labels', LABELS.slot) === slot.key)
  const id = textAt(same ?? containers[0], 'Id')
  if (id !== '') return ok(id)
  const message = `no replica of ${service} runs on server ${engine.server}, whose namespaces ${slot.service} is to join; it is tried again`
  return fail({ code: 'CONTAINER_GONE', message, ...about(engine, { slot }) })
}
