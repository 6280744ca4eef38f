export { assertNever, fail, invariant, ok } from './result.js'
export type { Result } from './result.js'
export { PROBLEMS, formatProblem } from './problem.js'
export type { Next, Place, Problem, ProblemCode } from './problem.js'
export { formatRevision } from './revision.js'
export type { Revision } from './revision.js'
export { formatVerdict } from './signature.js'
export type { SignatureVerdict, SignedBy, SignedWhat, SigningKey } from './signature.js'
export { GUARD_DEFAULTS, LOST_AFTER_DEFAULT_MS } from './fleet.js'
export type { Address, Fleet, GuardName, Guards, HostKey, Server } from './fleet.js'
export { ACME_DEFAULTS, INGRESS_DEFAULTS, INGRESS_SERVICE, INGRESS_STACK } from './ingress.js'
export { dnsLabel, meshZone } from './mesh-name.js'
export type {
  BalancedPort,
  BalancedService,
  CanaryNeeds,
  GivenNames,
  GroupShare,
  AcmeSettings,
  IngressSettings,
  MeshIdentity,
  NamedPlace,
  ProxyFigures,
  ProxyPeer,
  ProxySeen,
  ProxyTable,
  ProxyTarget,
  ReplicaFigures,
  ServiceProtocol,
  TargetSeen,
} from './ingress.js'
export type {
  AcmeChallenge,
  HeaderChanges,
  ProxyCertificate,
  ProxyFront,
  RedirectStatus,
  RouteManner,
  RouteRedirect,
  RouteSpec,
  RouteTimeouts,
  RouteTls,
  RouteUser,
} from './routes.js'
export { MOST_ROUTE_WEIGHT, MOST_SHARERS } from './routes.js'
export type {
  BlkioSpec,
  DeviceMapping,
  DeviceRequest,
  DeviceSpec,
  ExecutionSpec,
  HookCommand,
  HookSpec,
  IsolationSpec,
  NamingSpec,
  TuningSpec,
} from './engine-settings.js'
export { growingPauseMs } from './growing-pause.js'
export { matchesHostPattern } from './host-pattern.js'
export { portsClash } from './host-port.js'
export { isLoopback } from './loopback.js'
export type {
  Constraint,
  Dependency,
  DependencyCondition,
  FileSpec,
  HealthcheckSpec,
  Logging,
  MountSpec,
  NetworkAttachment,
  NetworkMode,
  PlacementSpec,
  PortSpec,
  ProbeSpec,
  PullPolicy,
  Reservations,
  ResourceLimits,
  RestartPolicy,
  ServiceSpec,
  ShippedFile,
  Ulimit,
} from './service-spec.js'
export {
  DRAIN_DEFAULT_MS,
  HEALTHY_DEADLINE_DEFAULT_MS,
  ROLLBACK_DEFAULTS,
  ROLLOUT_DEFAULTS,
  STOP_GRACE_DEFAULT_MS,
  UPDATE_DEFAULTS,
} from './rollout-policy.js'
export type {
  CanaryCheck,
  CanaryLimits,
  CanaryMatch,
  CanaryStep,
  CheckQuestion,
  RolloutPolicy,
  ServiceMode,
  Strategy,
  UpdatePolicy,
} from './rollout-policy.js'
export { ailmentOf } from './ailment.js'
export type { Ailment } from './ailment.js'
export { OVERLAY, isOfSwarm, serviceKey } from './stack.js'
export type { Desired, IpamPool, IpamSpec, NetworkSpec, Stack, StackEntry, VolumeSpec } from './stack.js'
export { compareSlots, compareText, formatSlot } from './slot.js'
export { bySwarm, swarmOf } from './swarm.js'
export type { Swarm } from './swarm.js'
export type { Slot } from './slot.js'
export {
  HASHED,
  canonicalJson,
  contentHash,
  formatLimits,
  hashOf,
  serviceHash,
  specHash,
  stackHash,
} from './spec-hash.js'
export type { SpecHash } from './spec-hash.js'
export { COMPOSE_LABELS, LABELS, SETTINGS_LABEL } from './labels.js'
export type {
  ContainerState,
  EngineFacts,
  SwarmFacts,
  EngineHealth,
  ForeignContainer,
  HostPort,
  Listing,
  NetworkSeen,
  Observation,
  Replica,
  ReplicaDetail,
  ServerView,
  VolumeSeen,
} from './observation.js'
export { formatAction } from './action.js'
export type { Action, ActionKind, ActionResult, Identity, ImagePin } from './action.js'
export { containerName } from './container-name.js'
export { OTHER_REVISION, OTHER_SPEC, adoptedName, readAdoptedName } from './adopted-name.js'
export type { AdoptedIdentity } from './adopted-name.js'
export type { Cause, Change, ChangeKind, Order, Reroute, StackPlan } from './plan.js'
export type { Cron, ReleaseWindow } from './window.js'
