import { bySwarm, compareText } from '../model/index.js'
import type { Problem } from '../model/index.js'
import type { SwarmCondition, SwarmNode, SwarmRole, SwarmStep } from '../controller/index.js'

/** A server that said how it stands. In the order of slipway.yaml. */
export interface SwarmSeen {
  readonly server: string
  readonly condition: SwarmCondition
}

export interface SwarmWish {
  readonly seen: readonly SwarmSeen[]
  /** Every server of the fleet is among them. */
  readonly isWhole: boolean
  /** Null: as many as there are, and at least three where there are three servers. */
  readonly managers: number | null
  /** Where others reach a server; empty: the engine chooses. */
  readonly addressOf: (server: string) => string
}

/** What makes all servers one Swarm, in order; nothing where something must be settled first. */
export interface SwarmPlan {
  readonly steps: readonly SwarmStep[]
  readonly problems: readonly Problem[]
  /** Nodes that are up and no server of the fleet. */
  readonly strangers: readonly SwarmNode[]
}

/** Docker's advice for managers: an odd number, so that one may be lost. */
const MANAGERS = 3

export function planSwarm(wish: SwarmWish): SwarmPlan {
  const { seen } = wish
  const active = seen.filter(({ condition }) => condition.state === 'active')
  const groups = bySwarm(active, ({ condition }) => condition.managers.map(({ node }) => node))
  const problems = [...seen.flatMap(stuck), ...apart(groups)]
  const [group = []] = groups
  const leader = group.find(({ condition }) => condition.nodes !== null)
  if (group.length > 0 && leader === undefined) problems.push(headless(group))
  const nodes = leader?.condition.nodes ?? []
  const strangers = wish.isWhole ? nodes.filter((node) => !node.isDown && !isOf(seen, node)) : []
  if (problems.length > 0) return { steps: [], problems, strangers }
  return { steps: stepsFor(wish, nodes, leader?.server ?? null), problems, strangers }
}

function stepsFor(
  { seen, isWhole, managers, addressOf }: SwarmWish,
  nodes: readonly SwarmNode[],
  leader: string | null,
): readonly SwarmStep[] {
  const lost = seen.filter(({ condition }) => condition.state === 'error')
  const outside = seen.filter(({ condition }) => condition.state !== 'active').map(({ server }) => server)
  const first = leader ?? outside[0]
  if (first === undefined) return []
  const up = nodes.filter(({ isDown }) => !isDown)
  const led = leader === null ? 1 : up.filter(({ role }) => role === 'manager').length
  let missing = Math.max(0, (managers ?? Math.max(led, seen.length >= MANAGERS ? MANAGERS : 1)) - led)
  const nextRole = (): SwarmRole => (missing-- > 0 ? 'manager' : 'worker')
  const joining = outside.filter((server) => server !== first)
  const joins = joining.map((server): SwarmStep => ({
    kind: 'join',
    server,
    role: nextRole(),
    via: first,
    address: addressOf(server),
  }))
  const workers = up.filter((node) => node.role === 'worker' && isOf(seen, node))
  const promoted = missing > 0 ? workers.sort((a, b) => compareText(a.hostname, b.hostname)).slice(0, missing) : []
  // A server that cannot be looked at may be the node that is down.
  const gone = isWhole ? nodes.filter((node) => node.isDown && !isOf(seen, node)) : []
  return [
    ...lost.map(({ server }): SwarmStep => ({ kind: 'leave', server })),
    ...(leader === null ? [{ kind: 'init', server: first, address: addressOf(first) } as const] : []),
    ...joins,
    ...promoted.map((node): SwarmStep => ({ kind: 'promote', server: first, node })),
    ...gone.map((node): SwarmStep => ({ kind: 'forget', server: first, node })),
  ]
}

function isOf(seen: readonly SwarmSeen[], { node }: SwarmNode): boolean {
  return seen.some(({ condition }) => condition.state === 'active' && condition.node === node)
}

function stuck({ server, condition }: SwarmSeen): readonly Problem[] {
  if (condition.state === 'locked') {
    const message = `server ${server} is locked out of its Swarm until somebody gives its key`
    return [
      { code: 'SWARM_REFUSED', message, server, next: { kind: 'stalled', remedy: 'run docker swarm unlock there' } },
    ]
  }
  if (condition.state !== 'pending') return []
  const message = `server ${server} still waits for a manager to let it into a Swarm`
  const remedy = `open TCP 2377 between the servers and wait, or run docker swarm leave --force there`
  return [{ code: 'SWARM_REFUSED', message, server, next: { kind: 'stalled', remedy } }]
}

function apart(groups: readonly (readonly SwarmSeen[])[]): readonly Problem[] {
  if (groups.length < 2) return []
  const names = groups.map((group) => group.map(({ server }) => server).join(', '))
  const message = `the servers are in ${groups.length} Swarms: ${names.join('; ')}`
  const remedy = `run docker swarm leave on those that are to join another: their overlay networks go with it`
  return [{ code: 'CONFLICT', message, next: { kind: 'stalled', remedy } }]
}

function headless(group: readonly SwarmSeen[]): Problem {
  const managers = group.filter(({ condition }) => condition.isManager).map(({ server }) => server)
  const [first] = managers
  if (first === undefined) {
    const known = group[0]?.condition.managers.map(({ address }) => address).join(', ')
    const message = `none of the servers is a manager of their Swarm; its managers are ${known}`
    const remedy = 'bring a manager back, or add it to slipway.yaml'
    return { code: 'SWARM_REFUSED', message, next: { kind: 'stalled', remedy } }
  }
  const message = `nobody leads the Swarm: too many of its managers are gone (left: ${managers.join(', ')})`
  const remedy = `bring them back; if they are lost for good, run docker swarm init --force-new-cluster on ${first}`
  return { code: 'SWARM_REFUSED', message, next: { kind: 'stalled', remedy } }
}
