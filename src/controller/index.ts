export type { Command, Fact, FactKind, Intent, Outcome } from './facts.js'
export type {
  Clock,
  Driver,
  Evidence,
  HistoryQuery,
  Inventory,
  Journal,
  JournalContent,
  LogEvent,
  LogLine,
  LogOptions,
  Ports,
  Readiness,
  ReadinessQuestion,
  Source,
  SourceTree,
  TreeEntry,
} from './ports.js'
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
