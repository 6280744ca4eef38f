import type { SignedBy } from '../model/index.js'
import type { FollowOptions } from './follower.js'
import type { Pins } from './pins.js'
import type { WatchOptions } from './server-watch.js'

/** Times in ms. */
export interface ControllerOptions {
  /** For the status: where Git is. */
  readonly repository: string
  readonly ref: string
  readonly follow: Partial<FollowOptions>
  readonly watch: Partial<WatchOptions>
  /** Replicas of another controller that appear later than this after the first look are a rival's. Default 30 s. */
  readonly rivalGraceMs: number
  /** Plan and show, change nothing: guards are reported instead of obeyed. */
  readonly dryRun: boolean
  /** Demanded of every revision, whatever the repository says. Default null. */
  readonly signedBy: SignedBy | null
  /** Default null: `guards.plan` is not asked. */
  readonly pins: Pins | null
  /** What is under way at the end is awaited this long. Default 30 s. */
  readonly stopDeadlineMs: number
}

export const CONTROLLER_DEFAULTS: ControllerOptions = Object.freeze({
  repository: '',
  ref: 'main',
  follow: {},
  watch: {},
  rivalGraceMs: 30_000,
  dryRun: false,
  signedBy: null,
  pins: null,
  stopDeadlineMs: 30_000,
})
