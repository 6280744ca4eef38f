import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { SwarmCondition, SwarmNode, SwarmStep, Swarmer } from '../controller/index.js'
import { at, numberAt, readJson, textAt } from './engine.js'
import type { Call, Engine } from './engine.js'
import { segment } from './engine-client.js'
import { toProblem } from './engine-errors.js'
import { managersIn } from './swarm.js'

/** A node joins when managers have agreed on it, and the engine waits 20 s for that. */
const CHANGE_MS = 60_000
const LISTEN = '0.0.0.0:2377'

type OnEngine = <T>(
  server: string,
  signal: AbortSignal,
  work: (engine: Engine) => Promise<Result<T>>,
) => Promise<Result<T>>

export function swarmerOn(withEngine: OnEngine): Swarmer {
  return {
    swarm: (server, signal) => withEngine(server, signal, (engine) => conditionOf(engine, signal)),
    async changeSwarm(step, signal) {
      if (step.kind !== 'join') return withEngine(step.server, signal, (engine) => changeOn(engine, step, signal))
      const invited = await withEngine(step.via, signal, (manager) => invite(manager, step.role, signal))
      if (!invited.ok) return invited
      return withEngine(step.server, signal, (engine) => join(engine, step, invited.value, signal))
    },
  }
}

const STATES: readonly SwarmCondition['state'][] = ['inactive', 'pending', 'active', 'error', 'locked']

async function conditionOf(engine: Engine, signal: AbortSignal): Promise<Result<SwarmCondition>> {
  const info = await readJson(engine, { method: 'GET', path: '/info', lane: 'read' }, 'describe its Swarm', signal)
  if (!info.ok) return info
  const swarm = at(info.value, 'Swarm')
  const said = textAt(swarm, 'LocalNodeState')
  const isManager = at(swarm, 'ControlAvailable') === true
  return ok({
    state: STATES.find((state) => state === said) ?? 'inactive',
    error: textAt(swarm, 'Error'),
    node: textAt(swarm, 'NodeID'),
    isManager,
    managers: managersIn(info.value),
    nodes: isManager ? await nodesOf(engine, signal) : null,
  })
}

/** Null: nobody leads, so nobody knows. */
async function nodesOf(engine: Engine, signal: AbortSignal): Promise<readonly SwarmNode[] | null> {
  const nodes = await readJson(engine, { method: 'GET', path: '/nodes', lane: 'read' }, 'list its nodes', signal)
  if (!nodes.ok || !Array.isArray(nodes.value)) return null
  return (nodes.value as readonly unknown[]).map((node) => ({
    node: textAt(node, 'ID'),
    hostname: textAt(node, 'Description', 'Hostname'),
    role: textAt(node, 'Spec', 'Role') === 'manager' ? 'manager' : 'worker',
    isDown: textAt(node, 'Status', 'State') !== 'ready',
  }))
}

/** What lets a server in. Stays in the driver: who has it can join. */
interface Invitation {
  readonly token: string
  readonly managers: readonly string[]
}

async function invite(manager: Engine, role: SwarmNode['role'], signal: AbortSignal): Promise<Result<Invitation>> {
  const swarm = await readJson(manager, { method: 'GET', path: '/swarm', lane: 'read' }, 'say how to join', signal)
  if (!swarm.ok) return swarm
  const info = await readJson(manager, { method: 'GET', path: '/info', lane: 'read' }, 'describe its Swarm', signal)
  if (!info.ok) return info
  const token = textAt(swarm.value, 'JoinTokens', role === 'manager' ? 'Manager' : 'Worker')
  const managers = managersIn(info.value)
  // The engine dials one of those it is given, once: another may be down, or the very server that joins, under the node that it was before.
  const asked = managers.filter(({ node }) => node === textAt(info.value, 'Swarm', 'NodeID'))
  return ok({ token, managers: (asked.length > 0 ? asked : managers).map(({ address }) => address) })
}

async function join(
  engine: Engine,
  { address }: Extract<SwarmStep, { kind: 'join' }>,
  { token, managers }: Invitation,
  signal: AbortSignal,
): Promise<Result<null>> {
  const body = { ListenAddr: LISTEN, AdvertiseAddr: address, RemoteAddrs: managers, JoinToken: token }
  return change(
    engine,
    { method: 'POST', path: '/swarm/join', body },
    `join the Swarm at ${managers.join(', ')}`,
    signal,
  )
}

async function changeOn(
  engine: Engine,
  step: Exclude<SwarmStep, { kind: 'join' }>,
  signal: AbortSignal,
): Promise<Result<null>> {
  switch (step.kind) {
    case 'init': {
      const body = { ListenAddr: LISTEN, AdvertiseAddr: step.address, Spec: {} }
      return change(engine, { method: 'POST', path: '/swarm/init', body }, 'begin a Swarm', signal)
    }
    case 'leave': {
      const call = { method: 'POST', path: '/swarm/leave', query: { force: 'true' } } as const
      return change(engine, call, 'leave the Swarm that gave it up', signal)
    }
    case 'promote':
      return setRole(engine, step.node, 'manager', signal)
    case 'forget': {
      const demoted = step.node.role === 'manager' ? await setRole(engine, step.node, 'worker', signal) : ok(null)
      if (!demoted.ok) return demoted
      const call = { method: 'DELETE', path: `/nodes/${segment(step.node.node)}`, query: { force: 'true' } } as const
      return change(engine, call, `remove the node ${step.node.hostname}`, signal)
    }
  }
}

/** Labels and availability stay: the engine takes the whole, of the version that it was read at. */
async function setRole(
  engine: Engine,
  { node, hostname }: SwarmNode,
  role: SwarmNode['role'],
  signal: AbortSignal,
): Promise<Result<null>> {
  const what = `make the node ${hostname} a ${role}`
  const found = await readJson(engine, { method: 'GET', path: `/nodes/${segment(node)}`, lane: 'read' }, what, signal)
  if (!found.ok) return found
  const spec = at(found.value, 'Spec')
  const body = { ...(spec !== null && typeof spec === 'object' ? spec : {}), Role: role }
  const query = { version: String(numberAt(found.value, 'Version', 'Index')) }
  return change(engine, { method: 'POST', path: `/nodes/${segment(node)}/update`, query, body }, what, signal)
}

async function change(
  engine: Engine,
  call: Omit<Call, 'lane'>,
  what: string,
  signal: AbortSignal,
): Promise<Result<null>> {
  const answer = await engine.call({ ...call, lane: 'change', deadlineMs: CHANGE_MS }, signal)
  if (answer.ok) return ok(null)
  const problem = toProblem(answer.problem, { server: engine.server, what })
  return fail(answer.problem.kind === 'refused' ? { ...problem, code: 'SWARM_REFUSED' } : problem)
}
