import type { Dependency, Problem, Slot } from '../model/index.js'
import type { Advice } from './advice.js'
import type { ServiceContext } from './context.js'

/** What a slot waits with until a dependency is where it must be. */
export function waitingFor(context: ServiceContext, slot: Slot, dependency: Dependency): Partial<Advice> {
  const until = {
    service_started: 'runs',
    service_healthy: 'is healthy',
    service_completed_successfully: 'has finished',
  }[dependency.condition]
  const problem: Problem = {
    code: 'REPLICA_UNHEALTHY',
    stack: context.spec.stack,
    service: context.spec.name,
    message: `waits until ${dependency.service} ${until}`,
    next: { kind: 'wait', until: `${dependency.service} ${until}` },
  }
  return { waiting: [{ service: context.spec.name, slot: slot.key, problem }] }
}
