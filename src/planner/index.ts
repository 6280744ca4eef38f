export { violatedConstraint } from './constraints.js'
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
  UnreachableView,
} from './usage.js'
export { formatPlan } from './format-plan.js'
export type { PlanFormat } from './format-plan.js'
export { canUpdateInPlace, limitCauses } from './limits.js'
export { looksSecret, showText } from './show-value.js'
export { specCauses } from './spec-causes.js'
export { formatCause } from './format-cause.js'
export { formatNext } from './fold-plan.js'
export { capacityAfter, impactOf } from './impact.js'
export { planPin } from './pin.js'
export type { Wanted } from './pin.js'
export { planToJson } from './plan-json.js'
export type { ChangeJson, PlanJson, ReplicaJson } from './plan-json.js'
export { countChanges, summarise } from './summarise.js'
export type { PlanCounts } from './summarise.js'
export { planAdoption } from './adoption.js'
export type { Adoptee, AdoptionPlan, Candidate, Named } from './adoption.js'
