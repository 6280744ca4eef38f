export { planStack } from './plan-stack.js'
export type { PlanInput } from './context.js'
export { measureServer, measureUsage, withPlan } from './usage.js'
export type {
  FleetUsage,
  HeldPort,
  HeldReplica,
  PortHolder,
  ReplicaIndex,
  SeenReplicas,
  ServerUsage,
  SpecOf,
} from './usage.js'
