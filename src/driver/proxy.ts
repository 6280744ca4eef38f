import { fail, ok } from '../model/index.js'
import type { ProxySeen, ProxyTable, Result } from '../model/index.js'
import { addressOf, notTaken, planProxy, seenBy, socketFolder, withoutNames } from '../ingress/index.js'
import type { Listener, ProxyPlan, ProxyState } from '../ingress/index.js'
import type { Engine } from './engine.js'
import { readLogs } from './logs.js'
import {
  absent,
  alertIn,
  confirmTable,
  contactProxy,
  currentTable,
  deliverTable,
  refused,
  socketsOn,
  takeBackTable,
} from './proxy-files.js'
import { heldPorts, whyNotFree } from './proxy-ports.js'
import { askFigures, askProxy, askState, askWorkers, reloadProxy, tellProxy } from './proxy-socket.js'
import type { ProxyNow, ProxySocket } from './proxy-socket.js'
import type { Way } from './way.js'

/** What is remembered of the proxies of a server, by container; the last few that were spoken to. */
export type ProxyMemory = Map<string, ProxyKnown>

interface ProxyKnown {
  readonly socketName: string
  /** It was made to serve names. */
  readonly hasNames: boolean
  readonly listeners: readonly Listener[]
  readonly atMs: number
}

/** Some seconds of an update two run on a server. */
const MOST_REMEMBERED = 4
const OTHER_RUNS_MS = 60_000

interface Proxy {
  readonly engine: Engine
  readonly way: Way
  readonly memory: ProxyMemory
  readonly containerId: string
}

/** See `Balancer`. Calls for one container come one after the other. */
export async function balanceProxy(proxy: Proxy, table: ProxyTable, signal: AbortSignal): Promise<Result<ProxySeen>> {
  const reached = await reach(proxy, signal)
  if (!reached.ok) return reached
  const { socket, now } = reached.value
  const hasNames = proxy.memory.get(proxy.containerId)?.hasNames === true
  const fitting = await fitNames(proxy, hasNames ? table : withoutNames(table, null), now.state, signal)
  if (!fitting.ok) return fitting
  const { value: fit } = fitting
  const brought = await bring(proxy, socket, now, fit.plan, signal)
  if (!brought.ok) return brought
  remember(proxy, { listeners: fit.plan.listeners })
  const seen = await look(proxy, socket, fit.table, signal)
  return seen.ok && fit.unserved.length > 0 ? ok({ ...seen.value, unserved: fit.unserved }) : seen
}

/** A name whose port something else there listens on, on all addresses, is left out: it would reach that. */
async function fitNames(
  { engine, containerId }: Proxy,
  table: ProxyTable,
  state: ProxyState,
  signal: AbortSignal,
): Promise<Result<{ readonly table: ProxyTable; readonly plan: ProxyPlan; readonly unserved: readonly string[] }>> {
  const plan = planProxy(table, state)
  const { newNames, listeners } = plan
  if (newNames.length === 0) return ok({ table, plan, unserved: [] })
  const own = new Set(listeners.filter(({ address }) => address === '').map(({ port }) => port))
  const wanted = newNames.filter(({ port }) => !own.has(port)).map(({ port }) => ({ address: '', port }))
  const sockets = wanted.length === 0 ? ok('') : await socketsOn(engine, containerId, wanted, signal)
  if (!sockets.ok) return sockets
  const held = new Set(heldPorts(sockets.value))
  const addresses = new Set(newNames.filter(({ port }) => held.has(port) && !own.has(port)).map((one) => one.address))
  const left = table.services.filter(({ name }) => name !== undefined && addresses.has(name.address))
  const unserved = left.map(({ key }) => key)
  if (addresses.size === 0) return ok({ table, plan, unserved })
  const served = withoutNames(table, addresses)
  return ok({ table: served, plan: planProxy(served, state), unserved })
}

async function bring(
  proxy: Proxy,
  socket: ProxySocket,
  { workers, state }: ProxyNow,
  plan: ProxyPlan,
  signal: AbortSignal,
): Promise<Result<null>> {
  const { engine, containerId } = proxy
  const { current } = workers
  const commands = current === null ? null : plan.commands
  const there = await currentTable(engine, containerId, signal)
  if (!there.ok) return there
  if (there.value !== plan.digest) {
    const held = await whyNoPort(proxy, state, plan, signal)
    if (held !== null) return held
    // What only its replicas differ in is as good as seen: its structure runs.
    const links = commands === null ? (['current'] as const) : (['current', 'confirmed'] as const)
    const delivered = await deliverTable(engine, containerId, plan, links, signal)
    if (!delivered.ok) return delivered
  }
  if (commands === null || current === null) return reload(proxy, socket, workers.failedReloads, plan, signal)
  if (commands.length === 0) return ok(null)
  const told = await tellProxy(socket, current, commands, signal)
  return told.ok ? ok(null) : fail(absent(engine, told.problem))
}

/** Its socket, made reachable if it is not, and what it says. */
async function reach(
  proxy: Proxy,
  signal: AbortSignal,
): Promise<Result<{ readonly socket: ProxySocket; readonly now: ProxyNow }>> {
  const known = proxy.memory.get(proxy.containerId)
  if (known !== undefined) {
    const socket = socketOf(proxy, known.socketName)
    const now = await askProxy(socket, signal)
    if (now.ok) return ok({ socket, now: now.value })
  }
  if (proxy.way.isNarrow()) {
    const advice = 'sshd forbids forwarding to its socket; set AllowStreamLocalForwarding yes in sshd_config'
    return fail(absent(proxy.engine, advice))
  }
  const group = await proxy.way.engineGroup()
  const { clock, limits } = proxy.engine
  const endMs = clock.nowMs() + limits.proxyStartMs
  for (;;) {
    const contact = await contactProxy(proxy.engine, proxy.containerId, group.ok ? group.value : null, signal)
    if (!contact.ok) return contact
    remember(proxy, { hasNames: contact.value.hasNames })
    const tried = await tryName(proxy, contact.value.socketName, signal)
    if (tried.ok) return tried
    const whose = group.ok ? '' : `; who may reach it cannot be said: ${group.problem}`
    // One that has just been started needs a moment.
    if (signal.aborted || clock.nowMs() >= endMs) return fail(absent(proxy.engine, `${tried.problem}${whose}`))
    await new Promise<void>((resolve) => void clock.after(limits.proxyPollMs, resolve))
  }
}

async function tryName(
  proxy: Proxy,
  socketName: string | null,
  signal: AbortSignal,
): Promise<Result<{ readonly socket: ProxySocket; readonly now: ProxyNow }, string>> {
  if (socketName === null) return fail('it has no socket yet')
  remember(proxy, { socketName })
  const socket = socketOf(proxy, socketName)
  const now = await askProxy(socket, signal)
  return now.ok ? ok({ socket, now: now.value }) : fail(`${now.problem} (${socket.path})`)
}

function socketOf({ engine, way }: Proxy, name: string): ProxySocket {
  return { path: `${socketFolder(engine.fleet)}/${name}.sock`, way, clock: engine.clock, limits: engine.limits }
}

function remember({ engine, memory, containerId }: Proxy, what: Partial<ProxyKnown>): void {
  const known = {
    socketName: '',
    hasNames: false,
    listeners: [],
    ...memory.get(containerId),
    ...what,
    atMs: engine.clock.nowMs(),
  }
  memory.delete(containerId)
  memory.set(containerId, known)
  const [oldest] = memory.keys()
  if (memory.size > MOST_REMEMBERED && oldest !== undefined) memory.delete(oldest)
}

/**
 * HAProxy that cannot bind one port stops serving all others for the 3 s in which it tries: what is held must be known before. A proxy that
 * serves nothing yet has nothing to lose, and shares its ports with the one that it replaces.
 */
async function whyNoPort(
  proxy: Proxy,
  state: ProxyState,
  plan: ProxyPlan,
  signal: AbortSignal,
): Promise<Result<never> | null> {
  if (state.frontends.length === 0 || plan.newListeners.length === 0) return null
  const sockets = await socketsOn(proxy.engine, proxy.containerId, plan.newListeners, signal)
  if (!sockets.ok) return sockets
  const sinceMs = proxy.engine.clock.nowMs() - OTHER_RUNS_MS
  const others = [...proxy.memory].flatMap(([id, { listeners, atMs }]) =>
    id === proxy.containerId || atMs < sinceMs ? [] : listeners,
  )
  const isOthers = (listener: Listener): boolean =>
    others.some(({ address, port }) => address === listener.address && port === listener.port)
  const wanted = plan.newListeners.filter((listener) => !isOthers(listener))
  const own = state.frontends.flatMap((name) => addressOf(name) ?? [])
  const whys = whyNotFree(sockets.value, wanted, own)
  return whys.length === 0 ? null : fail(refused(proxy.engine, whys.join(', ')))
}

/** Reloads and waits until what it was given is what it runs with; else what it starts with is what it was before. */
async function reload(
  proxy: Proxy,
  socket: ProxySocket,
  failedBefore: number,
  plan: ProxyPlan,
  signal: AbortSignal,
): Promise<Result<null>> {
  const { engine, containerId } = proxy
  const endMs = engine.clock.nowMs() + engine.limits.proxyReloadMs
  await reloadProxy(socket, signal)
  for (;;) {
    const outcome = await outcomeOf(socket, failedBefore, plan.structure, signal)
    if (outcome === 'done') {
      const confirmed = await confirmTable(engine, containerId, plan.digest, signal)
      return confirmed.ok ? ok(null) : confirmed
    }
    if (outcome === 'failed') return takeBack(proxy, socket, signal)
    if (signal.aborted) return fail(absent(engine, 'waiting for its reload was given up'))
    if (engine.clock.nowMs() >= endMs) {
      return fail(absent(engine, `it did not reload within ${engine.limits.proxyReloadMs} ms`))
    }
    await new Promise<void>((resolve) => void engine.clock.after(engine.limits.proxyPollMs, resolve))
  }
}

async function outcomeOf(
  socket: ProxySocket,
  failedBefore: number,
  structure: string,
  signal: AbortSignal,
): Promise<'done' | 'failed' | 'unknown'> {
  const workers = await askWorkers(socket, signal)
  // While it executes itself anew nobody listens.
  if (!workers.ok) return 'unknown'
  const { current, failedReloads } = workers.value
  if (failedReloads > failedBefore) return 'failed'
  if (current === null) return 'unknown'
  const state = await askState(socket, current, signal)
  return state.ok && state.value.structure === structure ? 'done' : 'unknown'
}

async function takeBack(proxy: Proxy, socket: ProxySocket, signal: AbortSignal): Promise<Result<null>> {
  const { engine, containerId } = proxy
  const why = alertIn(await lastReload(engine, containerId, signal))
  const taken = await takeBackTable(engine, containerId, signal)
  if (!taken.ok) return taken
  // HAProxy 2.6 has left its process to itself: with what it had it gets a current one again.
  const workers = await askWorkers(socket, signal)
  if (workers.ok && workers.value.current === null) await reloadProxy(socket, signal)
  return fail(refused(engine, why))
}

/** What it wrote since it last began to reload. */
async function lastReload(engine: Engine, containerId: string, signal: AbortSignal): Promise<string> {
  const lines: string[] = []
  try {
    for await (const { text } of readLogs(engine, containerId, { tail: 200, follow: false }, signal)) {
      if (text.includes('Reloading HAProxy')) lines.length = 0
      lines.push(text)
    }
  } catch {
    // It is known that it refuses, if not why.
  }
  return lines.join('\n')
}

async function look(
  { engine }: Proxy,
  socket: ProxySocket,
  table: ProxyTable,
  signal: AbortSignal,
): Promise<Result<ProxySeen>> {
  const now = await askProxy(socket, signal)
  if (!now.ok) return fail(absent(engine, now.problem))
  const { current, old } = now.value.workers
  const left = notTaken(table, now.value.state)
  if (left !== null) return fail(refused(engine, `it does not take ${JSON.stringify(left)}`))
  const former: ProxyState[] = []
  for (const pid of current === null ? [] : old) {
    const state = await askState(socket, pid, signal)
    // One that is gone meanwhile has no connections any more.
    if (state.ok) former.push(state.value)
  }
  const seen = seenBy(table, now.value.state, former)
  const figures = current === null ? undefined : await askFigures(socket, current, table, now.value.state, signal)
  return ok(figures === undefined ? seen : { ...seen, figures })
}
