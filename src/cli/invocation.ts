import type {
  Adopter,
  Balancer,
  CertificateAuthority,
  CertificateStore,
  Checker,
  Clock,
  Driver,
  Examiner,
  Journal,
  LogEvent,
  ManifestLoader,
  MeshAuthority,
  Source,
  Swarmer,
  Workshop,
} from '../controller/index.js'
import type { Problem, Result } from '../model/index.js'
import type { RehearsalDriver } from '../rehearse/index.js'
import type { Colors, Io } from './io.js'
import type { Settings } from './settings.js'
import type { Look } from './show/status.js'

/** The real ports, each loaded when it is opened and not before. Given by main.ts. */
export interface Parts {
  readonly clock: Clock
  /** `dir` null: the clone in the data directory, which must be taken. */
  openSource(settings: Settings, repo: string, where: SourceWhere): Promise<Source>
  /** Commits beside the followed one, in a clone of their own in `dir`. */
  openWorkshop(settings: Settings, repo: string, where: SourceWhere & { readonly dir: string }): Promise<Workshop>
  /** The loader of what comes from Git: it can be stopped, whatever a file does to it. */
  openLoader(): Promise<ManifestLoader & { close(): Promise<void> }>
  openDriver(
    settings: Settings,
    log: (event: LogEvent) => void,
  ): Promise<Driver & Examiner & Adopter & Balancer & Swarmer>
  /** The authority of the fleet's proxies, in the data directory. */
  openMesh(settings: Settings): Promise<MeshAuthority>
  /** The authority that gives certificates, and those that it gave, in the data directory. */
  openAcme(settings: Settings): Promise<{ readonly authority: CertificateAuthority; readonly store: CertificateStore }>
  /** Who asks the checks of canaries. */
  openChecker(): Promise<Checker>
  /** Takes the data directory for this process, unless only to read. Problems: CONTROLLER_RUNNING, CONTROLLER_ABSENT, STORE_FAILED. */
  openJournal(settings: Settings, mode: { readonly readOnly: boolean }): Promise<Result<Journal>>
  /** The real driver, for engines in memory. */
  loadRehearsalDriver(): Promise<(options: RehearsalDriver) => Driver>
  /** Work of the clock on the wall, such as nightly compaction; returns what ends it. */
  schedule(cron: string, task: () => void, log: (event: LogEvent) => void): Promise<() => void>
}

export interface SourceWhere {
  readonly dir: string | null
  readonly log: (event: LogEvent) => void
}

/** One run of one command. */
export interface Invocation {
  readonly command: string
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  readonly format: string
  readonly io: Io
  readonly colors: Colors
  readonly look: Look
  readonly settings: Settings
  readonly parts: Parts
}

/** Ends a command with problems; the program prints them and exits with 1, or with 64 where the command line is wrong. */
export class CommandError extends Error {
  readonly problems: readonly Problem[]
  readonly isUsage: boolean
  constructor(problems: readonly Problem[], isUsage = false) {
    super(problems.map(({ message }) => message).join('; '))
    this.problems = problems
    this.isUsage = isUsage
  }
}

/** The value, or the end of the command. */
export function valueOf<T>(result: Result<T>): T {
  if (result.ok) return result.value
  throw new CommandError([result.problem])
}

/** The command line is wrong. */
export function usage(message: string): CommandError {
  return new CommandError([{ code: 'SETTING_INVALID', message }], true)
}
