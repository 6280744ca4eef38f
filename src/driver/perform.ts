import { assertNever, fail, formatSlot, ok } from '../model/index.js'
import type { Action, ActionResult, Guards, Result } from '../model/index.js'
import { at, readJsonIfThere } from './engine.js'
import type { Call, Engine } from './engine.js'
import { segment } from './engine-client.js'
import { about, toProblem } from './engine-errors.js'
import { hooksOf, runHooks } from './hooks.js'
import { ensureNetwork, ensureVolume, removeNetwork } from './ensure-objects.js'
import type { Sightings } from './observe.js'
import { pullImage } from './pull-image.js'
import { runContainer } from './run-container.js'
import { sweepCopies } from './sweep-copies.js'

type OnContainer = Extract<Action, { readonly containerId: string }>
type UpdateAction = Extract<Action, { readonly kind: 'update' }>

/** Does one action. An engine that is not the one last looked at is not touched (I-26). */
export async function performOn(
  engine: Engine,
  sightings: Sightings,
  action: Action,
  guards: Guards | null,
  signal: AbortSignal,
): Promise<Result<ActionResult>> {
  if (sightings.engineId !== null && sightings.engineId !== engine.facts.engineId) {
    const message = `server ${engine.server} has another engine than at the last look (${engine.facts.engineId}, was ${sightings.engineId}); nothing was done`
    return fail({ code: 'ENGINE_CHANGED', message, server: engine.server })
  }
  switch (action.kind) {
    case 'pull':
      return pullImage(engine, action, signal)
    case 'ensure-network':
      return ensureNetwork(engine, action, signal).finally(() => sightings.forget('networks'))
    case 'ensure-volume':
      return ensureVolume(engine, action, guards, signal).finally(() => sightings.forget('volumes'))
    case 'run':
      return runContainer(engine, action, guards, sightings.shipping, signal).then(async (result) => {
        if (!result.ok && hasFolders(action)) await sweepCopies(engine, sightings)
        return result
      })
    case 'start':
      return startContainer(engine, sightings, action, signal)
    case 'stop':
      return stopContainer(engine, sightings, action, signal).then((result) => {
        if (result.ok) sightings.deaths.stopped.heard('die', action.containerId, engine.clock.nowMs())
        return result
      })
    case 'restart':
      return stopContainer(engine, sightings, action, signal)
    case 'remove':
      return removeContainer(engine, action, signal).finally(() => sweepCopies(engine, sightings))
    case 'update':
      return updateContainer(engine, action, signal)
    case 'remove-network':
      return removeNetwork(engine, action, signal).finally(() => sightings.forget('networks'))
    default:
      return assertNever(action)
  }
}

function hasFolders({ spec }: Extract<Action, { readonly kind: 'run' }>): boolean {
  return spec.mounts.some(({ kind }) => kind === 'shipped')
}

/** A container that was created and never started may lack its files (its run was cut short): it is not brought up. */
async function startContainer(
  engine: Engine,
  sightings: Sightings,
  action: Extract<Action, { readonly kind: 'start' }>,
  signal: AbortSignal,
): Promise<Result<ActionResult>> {
  const path = `/containers/${segment(action.containerId)}`
  const inspect = { method: 'GET', path: `${path}/json`, lane: 'read' } as const
  const info = await readJsonIfThere(engine, inspect, `inspect ${formatSlot(action.slot)}`, signal)
  if (!info.ok) return info
  if (at(info.value, 'State', 'Status') === 'created') {
    const what = `${formatSlot(action.slot)} (container ${action.containerId.slice(0, 12)}) on server ${engine.server}`
    const message = `${what} was never started and may lack its configs and secrets; remove it and run it anew`
    return fail({ code: 'CONFLICT', message, ...about(engine, action) })
  }
  const { startMs } = engine.limits
  const call = { method: 'POST', path: `${path}/start`, lane: 'change', deadlineMs: startMs } as const
  const started = await onContainer(engine, action, call, signal)
  return started.ok ? afterStart(engine, sightings, action, started, signal) : started
}

/** A container whose hooks failed is stopped again, so that it is not taken for one that serves. */
async function afterStart(
  engine: Engine,
  sightings: Sightings,
  action: OnContainer,
  started: Result<ActionResult>,
  signal: AbortSignal,
): Promise<Result<ActionResult>> {
  const { postStart } = await hooksOf(engine, sightings.reader, action, signal)
  if (postStart === undefined) return started
  const done = await runHooks(engine, action, 'post_start', postStart, engine.limits.startMs, signal)
  if (done.ok) return started
  const path = `/containers/${segment(action.containerId)}/stop`
  await engine.call({ method: 'POST', path, lane: 'slow', deadlineMs: engine.limits.stopMs * 2 }, signal)
  return fail(done.problem)
}

/** What fails or takes longer than the grace period is said, and the stop goes on: a hook must not keep a container for ever. */
async function beforeStop(
  engine: Engine,
  sightings: Sightings,
  action: StopAction,
  signal: AbortSignal,
): Promise<void> {
  const { preStop } = await hooksOf(engine, sightings.reader, action, signal)
  if (preStop === undefined) return
  const done = await runHooks(engine, action, 'pre_stop', preStop, action.graceMs, signal)
  if (done.ok) return
  const { stack, slot, containerId } = action
  engine.say('warn', 'pre_stop failed', { stack, slot: formatSlot(slot), containerId, problem: done.problem.message })
}

type StopAction = Extract<Action, { readonly kind: 'stop' | 'restart' }>

/** The engine counts the grace period in whole seconds. Stopping what is stopped is 304, which is done. */
async function stopContainer(
  engine: Engine,
  sightings: Sightings,
  action: StopAction,
  signal: AbortSignal,
): Promise<Result<ActionResult>> {
  await beforeStop(engine, sightings, action, signal)
  const query = { t: String(Math.ceil(action.graceMs / 1000)) }
  const deadlineMs = action.graceMs + engine.limits.stopMs + (action.kind === 'restart' ? engine.limits.startMs : 0)
  const path = `/containers/${segment(action.containerId)}/${action.kind}`
  const { stopping } = sightings.deaths
  stopping.add(action.containerId)
  const done = await onContainer(engine, action, { method: 'POST', path, query, lane: 'slow', deadlineMs }, signal)
  stopping.delete(action.containerId)
  return done.ok && action.kind === 'restart' ? afterStart(engine, sightings, action, done, signal) : done
}

/**
 * What is gone, or already going, is removed. Volumes stay. Without force: a container that runs, or that a controller which was killed is just
 * having started, is refused by the engine, and seen running at the next look.
 */
async function removeContainer(
  engine: Engine,
  action: Extract<Action, { readonly kind: 'remove' }>,
  signal: AbortSignal,
): Promise<Result<ActionResult>> {
  const path = `/containers/${segment(action.containerId)}`
  const answer = await engine.call({ method: 'DELETE', path, lane: 'change' }, signal)
  if (answer.ok) return ok({})
  const failure = answer.problem
  if (failure.kind === 'refused') {
    if (failure.status === 404 || /removal of container .* is already in progress/i.test(failure.message)) return ok({})
  }
  return fail(containerProblem(engine, action, failure))
}

/** Swap goes with memory, twice as much together as the engine does it at creation: alone it could not rise above the old swap limit. */
function updateContainer(engine: Engine, action: UpdateAction, signal: AbortSignal): Promise<Result<ActionResult>> {
  const { cpus, memoryBytes, pids, memorySwapBytes, memoryReservedBytes } = action.limits
  const body = {
    ...(cpus === null ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    ...(memoryBytes === null ? {} : { Memory: memoryBytes, MemorySwap: memorySwapBytes ?? memoryBytes * 2 }),
    ...(memoryReservedBytes === undefined ? {} : { MemoryReservation: memoryReservedBytes }),
    PidsLimit: pids ?? -1,
  }
  const path = `/containers/${segment(action.containerId)}/update`
  return onContainer(engine, action, { method: 'POST', path, body, lane: 'change' }, signal)
}

async function onContainer(
  engine: Engine,
  action: OnContainer,
  call: Call,
  signal: AbortSignal,
): Promise<Result<ActionResult>> {
  const answer = await engine.call(call, signal)
  return answer.ok ? ok({ containerId: action.containerId }) : fail(containerProblem(engine, action, answer.problem))
}

function containerProblem(engine: Engine, action: OnContainer, failure: Parameters<typeof toProblem>[0]) {
  const what = `${action.kind} ${formatSlot(action.slot)} (container ${action.containerId.slice(0, 12)})`
  const problem = toProblem(failure, { server: engine.server, what })
  return { ...problem, stack: action.stack, service: action.slot.service }
}
