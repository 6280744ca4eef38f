import { fail, ok } from '../../src/model/index.js'
import type { Problem, Result } from '../../src/model/index.js'
import type { SwarmCondition, SwarmNode, SwarmStep, Swarmer } from '../../src/controller/index.js'

const NONE: SwarmCondition = { state: 'inactive', error: '', node: '', isManager: false, managers: [], nodes: null }

/** The nodes of one Swarm, named after their servers. */
export class FakeSwarm implements Swarmer {
  readonly nodes: SwarmNode[] = []
  /** How a server stands, where that is not as the nodes say. */
  readonly said = new Map<string, Partial<SwarmCondition>>()
  readonly steps: SwarmStep[] = []
  /** What fails, by `kind server` or `kind image`: steps of a Swarm, and actions. */
  readonly failures = new Map<string, Problem>()

  swarm(server: string): Promise<Result<SwarmCondition>> {
    const own = this.nodes.find(({ hostname, isDown }) => hostname === server && !isDown)
    const isManager = own?.role === 'manager'
    const managers = this.nodes.filter(({ role }) => role === 'manager').map(({ node }) => ({ node, address: node }))
    const active: SwarmCondition =
      own === undefined
        ? NONE
        : { ...NONE, state: 'active', node: own.node, isManager, managers, nodes: isManager ? [...this.nodes] : null }
    return Promise.resolve(ok({ ...active, ...this.said.get(server) }))
  }

  changeSwarm(step: SwarmStep): Promise<Result<null>> {
    this.steps.push(step)
    const failure = this.failures.get(`${step.kind} ${step.server}`)
    if (failure !== undefined) return Promise.resolve(fail(failure))
    const { server } = step
    if (step.kind === 'leave') this.said.delete(server)
    else if (step.kind === 'init' || step.kind === 'join')
      this.nodes.push({
        node: `node-${server}`,
        hostname: server,
        role: step.kind === 'init' ? 'manager' : step.role,
        isDown: false,
      })
    else {
      const at = this.nodes.findIndex(({ node }) => node === step.node.node)
      this.nodes.splice(at, 1, ...(step.kind === 'promote' ? [{ ...step.node, role: 'manager' as const }] : []))
    }
    return Promise.resolve(ok(null))
  }
}
