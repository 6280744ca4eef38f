import type { Problem, Result, Revision, ServerView } from '../model/index.js'
import type { Command, Fact, FleetStatus, HistoryQuery, LogEvent, LogLine } from '../controller/index.js'

/** A plan in every form it is shown in. None holds the value of a secret. */
export interface PlanReport {
  /** Null when no revision could be read. */
  readonly revision: Revision | null
  /** How many slots differ; 0: nothing to do. */
  readonly changes: number
  /** `2 to replace, 12 unchanged`. */
  readonly summary: string
  readonly text: string
  readonly markdown: string
  readonly json: unknown
  /** Names the plan for `guards.plan`; null where no revision was planned. */
  readonly pin: string | null
  /** What keeps the plan from being whole: Git, a stack that is wrong, a server that was not seen. */
  readonly errors: readonly Problem[]
  /** What would keep it from being carried out. */
  readonly guards: readonly Problem[]
}

export interface LogsQuery {
  readonly stack: string
  /** Null: every service of the stack. */
  readonly service: string | null
  readonly tail: number
  readonly follow: boolean
}

/** A line of a replica's output, with whose it is. */
export interface ReplicaLine extends LogLine {
  readonly slot: string
  readonly server: string
}

/** What may be asked of a controller from outside. The running one answers it over the socket, a one-shot one in the same process. */
export interface ControlSurface {
  status(): Promise<Result<FleetStatus>>
  plan(): Promise<Result<PlanReport>>
  /** Each server as it was seen last. */
  observation(): Promise<Result<readonly ServerView[]>>
  history(query: HistoryQuery): Promise<Result<readonly Fact[]>>
  /** The sentence says what will happen now. */
  command(command: Command): Promise<Result<string>>
  logs(query: LogsQuery, signal: AbortSignal): Promise<Result<AsyncIterable<ReplicaLine>>>
  /** Events from now on. Ends when the controller does. */
  events(signal: AbortSignal): Promise<Result<AsyncIterable<LogEvent>>>
}
