import { nameTaken, policyOf } from './create-container.js'
import { frameOf } from './exec.js'
import {
  freeze,
  killContainer,
  markedForRemoval,
  restartContainer,
  signalContainer,
  signalNamed,
  startContainer,
  stopContainer,
  thaw,
} from './lifecycle.js'
import { checkpoint, findContainer, pause, sayContainer, stateOf } from './machine.js'
import type { Machine, SimContainer } from './machine.js'
import { inspectedContainer, listedContainer } from './print-container.js'
import { done, listOf, numberOf, objectOf, refuse } from './reply.js'
import type { Json, Reply } from './reply.js'
import type { Query } from './call.js'

type OnContainer = (machine: Machine, container: SimContainer, query: Query, body: Json) => Promise<Reply> | Reply

export function listContainers(machine: Machine, query: Query): Reply {
  const filters = objectOf(query['filters'] === undefined ? {} : JSON.parse(query['filters']))
  const wanted = (key: string): readonly string[] =>
    Array.isArray(filters[key]) ? listOf(filters[key]).map(String) : Object.keys(objectOf(filters[key]))
  const [publish, labels, names] = [wanted('publish'), wanted('label'), wanted('name')]
  const isWanted = ({ ports, labels: own, name, listed }: SimContainer): boolean =>
    (query['all'] === '1' || query['all'] === 'true' || listed.running) &&
    (publish.length === 0 || ports.some(({ port, protocol }) => publish.includes(`${port}/${protocol}`))) &&
    labels.every((label) => Object.entries(own).some(([key, value]) => label === key || label === `${key}=${value}`)) &&
    (names.length === 0 || names.some((part) => name.includes(part)))
  const all = [...machine.containers.values()].filter(isWanted)
  // Newest first, as the engine lists them.
  return done(
    200,
    all.reverse().map((container) => listedContainer(machine, container)),
  )
}

/** Calls on one container, by `METHOD what`. */
export const ON_CONTAINER: Readonly<Record<string, OnContainer>> = {
  'GET json': (machine, container) => done(200, inspectedContainer(machine, container)),
  'GET logs': (_machine, { logs }) => ({ status: 200, body: logs === '' ? Buffer.alloc(0) : frameOf(logs) }),
  'POST start': start,
  'POST stop': stop,
  'POST restart': async (machine, container, query) =>
    (await restartContainer(machine, container, graceOf(query))) ?? done(204),
  'POST kill': kill,
  'POST pause': freeze,
  'POST unpause': thaw,
  'POST rename': rename,
  'POST update': update,
  'PUT archive': putFiles,
  'DELETE ': remove,
}

async function start(machine: Machine, container: SimContainer): Promise<Reply> {
  const { flags } = container
  if (flags.paused) return refuse(409, 'cannot start a paused container, try unpause instead')
  if (flags.running) return done(304)
  if (flags.removing || flags.dead) return markedForRemoval()
  return (await startContainer(machine, container, true)) ?? done(204)
}

async function stop(machine: Machine, container: SimContainer, query: Query): Promise<Reply> {
  if (!container.flags.running) return done(304)
  await stopContainer(machine, container, graceOf(query))
  return done(204)
}

/** Null: the container's own. */
function graceOf(query: Query): number | null {
  const seconds = query['t'] === undefined || query['t'] === '' ? Number.NaN : Number(query['t'])
  return Number.isNaN(seconds) ? null : seconds < 0 ? Number.MAX_SAFE_INTEGER : seconds * 1000
}

async function kill(machine: Machine, container: SimContainer, query: Query): Promise<Reply> {
  const asked = query['signal'] ?? 'SIGKILL'
  const signal = signalNamed(asked)
  if (signal === null) return refuse(400, `invalid signal: ${asked}`)
  const refusal =
    signal === 'SIGKILL' ? await killContainer(machine, container) : signalContainer(machine, container, signal)
  if (refusal === null) return done(204)
  const { message } = refusal.body as { readonly message: string }
  return refuse(
    refusal.status,
    `${machine.options.version === '20.10' ? 'Cannot' : 'cannot'} kill container: ${container.id}: ${message}`,
  )
}

function rename(machine: Machine, container: SimContainer, query: Query): Reply {
  const name = query['name'] ?? ''
  if (name === '') return refuse(400, 'Neither old nor new names may be empty')
  const holder = machine.names.get(name)
  if (holder === container.id) return refuse(400, 'Renaming a container with the same name as its current name')
  if (holder !== undefined) return refuse(409, nameTaken(name, holder))
  const oldName = `/${container.name}`
  machine.names.delete(container.name)
  machine.names.set(name, container.id)
  container.name = name
  sayContainer(machine, container, 'rename', { oldName })
  return done(204)
}

function update(machine: Machine, container: SimContainer, _query: Query, body: Json): Reply {
  const { flags } = container
  if (flags.removing || flags.dead)
    return refuse(
      500,
      `Cannot update container ${container.id}: container is marked for removal and cannot be "update"`,
    )
  const memory = numberOf(body['Memory'])
  const swap = numberOf(body['MemorySwap']) || numberOf(container.hostConfig['MemorySwap'])
  if (memory > 0 && swap > 0 && memory > swap)
    return refuse(
      409,
      `Cannot update container ${container.id}: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time`,
    )
  if (memory > 0 && (container.process?.takenBytes ?? 0) > memory) return tooLate(machine, container)
  container.hostConfig = { ...container.hostConfig, ...body }
  const policy = objectOf(body['RestartPolicy'])
  if (Object.keys(policy).length > 0) container.policy = policyOf(container.hostConfig)
  checkpoint(container)
  sayContainer(machine, container, 'update')
  return done(200, { Warnings: null })
}

/** Control groups of version 1 take no limit below what is used; the engine's settings are those of before. A new one tells an update all the same. */
function tooLate(machine: Machine, container: SimContainer): Reply {
  if (machine.options.version !== '20.10') sayContainer(machine, container, 'update')
  return refuse(500, `Cannot update container ${container.id}: unable to set memory limit: device or resource busy`)
}

function putFiles(machine: Machine, container: SimContainer, query: Query): Reply {
  if (container.hostConfig['ReadonlyRootfs'] === true && query['path'] === '/')
    return refuse(500, 'container rootfs is marked read-only')
  if (machine.freeDiskBytes <= 0) return refuse(500, 'write /file: no space left on device')
  sayContainer(machine, container, 'extract-to-dir')
  return done(200)
}

async function remove(machine: Machine, container: SimContainer, query: Query): Promise<Reply> {
  const { flags, id, name } = container
  if (flags.removing) return refuse(409, `removal of container ${name} is already in progress`)
  flags.removing = true
  const isForced = query['force'] === '1' || query['force'] === 'true'
  if (flags.running && !isForced) {
    flags.removing = false
    return refuse(409, runningMessage(machine, container))
  }
  if (flags.running) await killContainer(machine, container)
  flags.dead = true
  checkpoint(container)
  await container.lock
  await pause(machine, machine.times.removeMs)
  machine.containers.delete(id)
  if (machine.names.get(container.name) === id) machine.names.delete(container.name)
  for (const exec of machine.execs.values()) if (exec.container === container) machine.execs.delete(exec.id)
  sayContainer(machine, container, 'destroy')
  return done(204)
}

function runningMessage(machine: Machine, { id, name, flags }: SimContainer): string {
  const state = stateOf(flags)
  const advice =
    state === 'paused'
      ? 'Unpause and then stop the container before attempting removal or force remove'
      : 'Stop the container before attempting removal or force remove'
  return machine.options.version === '20.10'
    ? `You cannot remove a ${state} container ${id}. ${advice}`
    : `cannot remove container "/${name}": container is ${state}: ${advice.toLowerCase()}`
}

export function noSuchContainer(key: string): Reply {
  return refuse(404, `No such container: ${key}`)
}

export function onContainer(
  machine: Machine,
  key: string,
  what: string,
  query: Query,
  body: Json,
): Promise<Reply> | Reply {
  const container = findContainer(machine, key)
  if (container === undefined) return noSuchContainer(key)
  const handler = ON_CONTAINER[what]
  return handler === undefined ? refuse(404, 'page not found') : handler(machine, container, query, body)
}
