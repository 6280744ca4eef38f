import type { State } from '../controller/index.js'
import type { Rollout, StackState, StageState } from '../rollout/index.js'
import { hasItsFields } from './fact-shapes.js'
import {
  fleet,
  flag,
  listOf,
  mapOf,
  nullOr,
  number,
  partly,
  problem,
  revision,
  server,
  shape,
  text,
  time,
} from './shapes.js'
import type { Check, Shape } from './shapes.js'

const version = shape({ hash: text, revision })

const STAGE: Shape<StageState, 'isOver'> = {
  specHash: text,
  step: number,
  begunAtMs: time,
  reachedAtMs: nullOr(time),
  promotedTo: number,
}
const stage: Check = (value) => shape(STAGE)(value) && partly({ isOver: flag })(value)

const ROLLOUT: Shape<Rollout, 'stages' | 'beside' | 'aborted'> = {
  revision,
  hash: text,
  direction: text,
  fast: flag,
  startedAtMs: time,
  slots: number,
  services: mapOf(number),
  from: nullOr(version),
  phase: text,
  blocked: nullOr(shape({ problems: listOf(problem), retryAtMs: time, attempt: number })),
  proven: mapOf(time),
  highWaterAtMs: time,
  failed: mapOf(time),
}
/** Absent where no strategy is under way, and in what older releases wrote. */
const STRATEGIES = { stages: mapOf(stage), beside: mapOf(text), aborted: shape({ atMs: time, by: text }) }
const rollout: Check = (value) => shape(ROLLOUT)(value) && partly(STRATEGIES)(value)

const STACK: Shape<StackState, never> = {
  desired: nullOr(version),
  proven: nullOr(version),
  attempted: nullOr(revision),
  rollout: nullOr(rollout),
  recovering: flag,
  takenBack: mapOf(text),
  rejected: listOf(shape({ atMs: time, hash: text, revision, service: text, serviceHash: text, scope: text, problem })),
  pins: mapOf(shape({ image: text, digest: nullOr(text), ids: mapOf(text) })),
  provenSpecs: mapOf(revision),
  provenReplicas: mapOf(text),
  jobsDone: listOf(text),
  failures: mapOf((value) => hasItsFields('replica-failed', value) && shape({ atMs: time })(value)),
  failedReplicas: mapOf(text),
  heals: mapOf(shape({ count: number, atMs: time })),
  restarts: mapOf(text),
  limits: mapOf(text),
  ended: nullOr(shape({ atMs: time, outcome: text, direction: text, revision })),
}

const STATE: Shape<State, never> = {
  accepted: nullOr(shape({ atMs: time, revision, fleet, stacks: mapOf(text) })),
  held: nullOr(shape({ atMs: time, revision, problem })),
  refused: nullOr(shape({ atMs: time, revision, problems: listOf(problem) })),
  approved: listOf(text),
  stacks: mapOf(partly(STACK)),
  suspended: mapOf(shape({ atMs: time, by: text, reason: text })),
  drained: mapOf(shape({ atMs: time, by: text })),
  engines: mapOf(text),
  restarts: mapOf(text),
  retired: mapOf(server),
  rival: nullOr(shape({ atMs: time, server: text, controller: text, container: text })),
}

/** A snapshot, as far as folding and planning need it: a broken one is refused at the door, by name, not somewhere in a tick. */
export const isState = partly(STATE) as (value: unknown) => value is object
