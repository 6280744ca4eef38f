export type { Gate } from './approvals.js'
export { Controller } from './controller.js'
export { CONTROLLER_DEFAULTS } from './controller-options.js'
export type { ControllerOptions } from './controller-options.js'
export { commandAtRest } from './command-at-rest.js'
export { describeFact } from './describe-fact.js'
export { expiringIn } from './expiring.js'
export { readDesired } from './follower.js'
export { memoryJournal } from './memory-journal.js'
export type { MemoryJournalSeed } from './memory-journal.js'
export { formatAge } from './sentences.js'
export type { Pins } from './pins.js'
export { polledAs } from './polled-as.js'
export { previewOn } from './preview.js'
export type { Preview, Snapshot } from './preview.js'
export type { State } from './state.js'
export { settlementOf } from './settlement.js'
export type { Settlement } from './settlement.js'
export type {
  Attempt,
  CertificateAuthority,
  CertificateStore,
  CheckedCertificate,
  HostCertificate,
  KeptCertificates,
  OpenOrder,
} from './authority-port.js'
export type {
  CertificateKeeper,
  CertificateStatus,
  CertificateSurroundings,
  HeldCertificate,
} from './certificate-port.js'
export { Certificates } from './certificates.js'
export type { CertificatesParts } from './certificates.js'
export type { Command, Fact, FactKind, Intent, Outcome } from './facts.js'
export type {
  Clock,
  Driver,
  Evidence,
  Adopter,
  Balancer,
  Checker,
  Adoption,
  AdoptionAnswer,
  AdoptionQuestion,
  Examiner,
  HistoryQuery,
  Inventory,
  Journal,
  JournalContent,
  LogEvent,
  LogLine,
  LogOptions,
  ManifestLoader,
  MeshAuthority,
  NewCommit,
  NewsQuestion,
  Ports,
  Readiness,
  ReadinessQuestion,
  ServerCondition,
  Source,
  SourceTree,
  TreeEntry,
} from './ports.js'
export type { SwarmCondition, SwarmNode, SwarmRole, SwarmStep, Swarmer } from './swarm-port.js'
export type { Commit, Merge, Proposal, UndoRequest, Undone, Workshop } from './workshop-port.js'
export type {
  FleetStatus,
  ReplicaStatus,
  ServerStatus,
  ServicePhase,
  ServiceStatus,
  SourceStatus,
  StackRevisions,
  StackStatus,
} from './status.js'
