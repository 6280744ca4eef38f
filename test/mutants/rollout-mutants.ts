import type { Mutant } from './mutant.js'

const STEPS = 'src/rollout/change-steps.ts'
const STEP = 'src/rollout/step.ts'
const LIFE = 'src/rollout/lifecycle.ts'
const HEALTH = 'src/rollout/health.ts'
const HEAL = 'src/rollout/heal.ts'
const PROGRESS = 'src/rollout/progress.ts'
const PREPARE = 'src/rollout/prepare.ts'
const ORDER = 'src/rollout/order.ts'
const FOLD = 'src/rollout/fold.ts'

/** When things may happen, whether they went well, and what is taken back. */
export const ROLLOUT_MUTANTS: readonly Mutant[] = [
  {
    file: STEPS,
    find: 'if (isProven(facts, change.slot, successor) && (isWell || !isHealthy(change.from)))',
    put: "if (successor.state === 'running' && (isWell || !isHealthy(change.from)))",
    breaks: 'the old replica is stopped as soon as the new one runs, before it is proven',
  },
  {
    file: STEPS,
    find: '&& (isWell || !isHealthy(change.from)))',
    put: '&& (isWell || change.from.health !== null))',
    breaks: 'an old replica that still serves is stopped although its successor has fallen ill since it was proven',
  },
  {
    file: STEPS,
    find: "return !facts.tracks.has(containerId) && state === 'running' && health === 'healthy'",
    put: "return containerId !== '' && facts.nowMs > 0 && state === 'running' && health !== 'unhealthy'",
    breaks: 'a successor that crashed after it was proven counts as well as soon as it runs again',
  },
  {
    file: STEPS,
    find: 'const recovered = isHealthy(change.replica) ?',
    put: 'const recovered = isHealthy(change.replica) && facts.state.rollout === null ?',
    breaks:
      'a replica that recovered after its failure is made anew by the next commit, though that leaves its service as it is',
  },
  {
    file: PROGRESS,
    find: "state === 'restarting' || state === 'paused'",
    put: "state === 'restarting'",
    breaks: 'a paused replica does not count beside its successor',
  },
  {
    file: STEP,
    find: 'return change.successor === null ? {} : { watched: [change.successor] }',
    put: 'return {}',
    breaks: 'nobody notices that a successor starts anew while its old one is being stopped',
  },
  {
    file: HEALTH,
    find: 'if (track.readySinceMs === null && nowMs',
    put: 'if (nowMs',
    breaks: 'a replica that is ready fails when it is watched for longer than its deadline',
  },
  {
    file: STEPS,
    find: 'if (context.budget <= 0) return {}',
    put: 'if (context.budget < 0) return {}',
    breaks: 'one replica more than parallelism is replaced at a time',
  },
  {
    file: STEPS,
    find: 'if (facts.nowMs < pauseEndsMs) return { wakeAtMs: pauseEndsMs }',
    put: 'if (facts.nowMs < context.lastProvenAtMs) return { wakeAtMs: pauseEndsMs }',
    breaks: 'the delay between batches is ignored',
  },
  {
    file: STEPS,
    find: 'if (costsOne && context.down >= context.tolerableDown)',
    put: 'if (costsOne && context.down > context.tolerableDown)',
    breaks: 'stop-first takes one replica more away than it may',
  },
  {
    file: STEPS,
    find: 'if (open.length > 0) return prepareHere(facts, context, change.slot, open)\n  return retire(',
    put: 'if (open.length > 1_000) return prepareHere(facts, context, change.slot, open)\n  return retire(',
    breaks: 'stop-first stops the old replica before the new image is on the server',
  },
  {
    file: STEPS,
    find: 'specHash(before) !== specHash(change.spec) ? before : change.spec',
    put: 'specHash(before) === specHash(change.spec) ? before : change.spec',
    breaks: 'a replica that is lost during a rollout comes back with the unproven spec',
  },
  {
    file: STEPS,
    find: 'Number(slot.key) <= spec.replicas',
    put: 'Number(slot.key) <= spec.replicas + 9',
    breaks: 'a service that is scaled up again begins with an image that nobody ever ran',
  },
  {
    file: STEPS,
    find: 'if (context.unmet !== null && spec === change.spec) return',
    put: 'if (context.unmet !== null && spec !== change.spec) return',
    breaks: 'a new service does not wait for what it depends on',
  },
  {
    file: STEPS,
    find: "  'SERVER_UNREACHABLE',\n  'ENGINE_UNREACHABLE',\n",
    put: '',
    breaks: 'a server that does not answer counts as a failed replica',
  },
  {
    file: STEPS,
    find: '  if (context.frozen) return {}\n  return change.successor === null',
    put: '  return change.successor === null',
    breaks: 'a rollout that is paused or stopped goes on replacing',
  },
  {
    file: STEP,
    find: 'const isLast = facts.plan.changes.every(',
    put: 'const isLast = facts.plan.changes.some(',
    breaks: 'what is not wanted any more is removed first, not last',
  },
  {
    file: STEP,
    find: 'Infinity : policy.parallelism - inFlight,',
    put: 'Infinity : policy.parallelism - Math.min(0, inFlight),',
    breaks: 'slots that are in flight do not count towards parallelism',
  },
  {
    file: STEP,
    find: 'if (facts.suspended.has(context.spec.name)) return NOTHING',
    put: "if (facts.suspended.has('')) return NOTHING",
    breaks: 'a suspended service is rolled out all the same',
  },
  {
    file: STEP,
    find: 'return !isProven(facts, change.slot, change.successor) || isUp(change.from)',
    put: 'return isUp(change.from)',
    breaks: 'a slot whose new replica is there is in flight no more',
  },
  {
    file: STEP,
    find: 'if (facts.busySlots.has(key)) return watchOnly(facts, change)',
    put: "if (facts.busySlots.has('')) return watchOnly(facts, change)",
    breaks: 'a slot gets a second action while the first is under way',
  },
  {
    file: STEP,
    find: 'const removals = frozen ? [] : unwantedRemovals(facts)',
    put: 'const removals = unwantedRemovals(facts)',
    breaks: 'a rollout that is paused or stopped still removes services',
  },
  {
    file: STEP,
    find: 'const policy = back ? spec.rollback : spec.update',
    put: 'const policy = back ? spec.update : spec.update',
    breaks: 'rollback_config is ignored',
  },
  {
    file: LIFE,
    find: 'if (rollout.hash !== facts.target.version.hash) return [',
    put: "if (rollout.hash !== facts.target.version.hash && rollout.phase !== 'updating') return [",
    breaks: 'a newer commit waits until the rollout of the last one has ended',
  },
  {
    file: LIFE,
    find: '<= policy.maxFailureRatio)',
    put: '<= 1 + policy.maxFailureRatio)',
    breaks: 'max_failure_ratio is ignored: every failure is tolerated',
  },
  {
    file: LIFE,
    find: 'if (waits || quietMs <= spec.rollout.progressDeadlineMs) return null',
    put: 'if (waits || quietMs <= spec.rollout.progressDeadlineMs * 1_000) return null',
    breaks: 'a rollout without progress goes on for ever',
  },
  {
    file: LIFE,
    find: 'const waits = open.some((change) => isAway(change) ||',
    put: 'const waits = open.some((change) => (isAway(change) && facts.nowMs < 0) ||',
    breaks: 'the time that a server is away counts towards the progress deadline',
  },
  {
    file: LIFE,
    find: "rollout.direction === 'back' || facts.state.proven === null\n",
    put: 'facts.state.proven === null\n',
    breaks: 'a rollback that fails is rolled back again instead of asking for a person',
  },
  {
    file: LIFE,
    find: ": policy.failureAction === 'pause'",
    put: ": policy.failureAction === 'continue'",
    breaks: 'failure_action: pause rolls back',
  },
  {
    file: LIFE,
    find: "(policy.failureAction === 'continue' ||",
    put: "(policy.failureAction === 'rollback' ||",
    breaks: 'failure_action: rollback goes on as if nothing had failed',
  },
  {
    file: HEALTH,
    find: 'if (nowMs < provenAtMs) {',
    put: 'if (nowMs < track.readySinceMs) {',
    breaks: 'the monitor window is ignored',
  },
  {
    file: HEALTH,
    find: 'const before = restarted ? null : track.readySinceMs',
    put: 'const before = track.readySinceMs',
    breaks: 'a flapping replica keeps the health that it had before it crashed',
  },
  {
    file: HEALTH,
    find: 'if (track.restarts >= CRASH_LOOP_RESTARTS) {',
    put: 'if (track.restarts >= CRASH_LOOP_RESTARTS * 1_000) {',
    breaks: 'a crash loop is watched until the deadline',
  },
  {
    file: HEALTH,
    find: "if (replica.state !== 'running' || replica.health === 'unhealthy')\n",
    put: "if (replica.state !== 'running')\n",
    breaks: 'an unhealthy spell does not begin the monitored time anew',
  },
  {
    file: HEALTH,
    find: 'return { ...asked, refused: true, readySinceMs: null, confirmedAtMs: null, lastSeenMs: nowMs }',
    put: 'return { ...asked, lastSeenMs: nowMs }',
    breaks: 'a probe that says no is not believed once one has said yes',
  },
  {
    file: HEALTH,
    find: "(replica.health === 'healthy' && !refused)",
    put: "replica.health === 'healthy'",
    breaks: 'the engine, whose last check is older, is believed after a replica said no',
  },
  {
    file: HEALTH,
    find: 'untilMs: Math.min(provenAtMs, heardAtMs + pauseMs)',
    put: 'untilMs: Math.min(provenAtMs, heardAtMs + pauseMs * 1_000)',
    breaks: 'a replica is asked only when its monitored time ends, and what flaps in between passes',
  },
  {
    file: STEPS,
    find: 'const recovered = isHealthy(change.replica) ?',
    put: 'const recovered = facts.nowMs < 0 ?',
    breaks: 'a replica that failed where that is tolerated is restarted for ever although it recovered',
  },
  {
    file: STEP,
    find: 'if (isHeldElsewhere(facts, change)) return true',
    put: 'if (isHeldElsewhere(facts, change)) return false',
    breaks: 'a replica made through a name that led elsewhere does not count as in flight',
  },
  {
    file: HEALTH,
    find: 'nowMs - track.sinceMs > policy.deadlineMs) {',
    put: 'nowMs - track.sinceMs > policy.deadlineMs * 1_000) {',
    breaks: 'a replica that never becomes healthy is waited for without end',
  },
  {
    file: HEALTH,
    find: 'const sinceMs = blindMs > BLIND_MS ?',
    put: 'const sinceMs = blindMs > BLIND_MS * 1_000_000 ?',
    breaks: 'the time in which nobody could look counts towards the healthy deadline',
  },
  {
    file: HEALTH,
    find: "if (track.confirmedAtMs >= provenAtMs) return { kind: 'proven' }",
    put: "if (track.confirmedAtMs >= 0) return { kind: 'proven' }",
    breaks: 'a replica that fell ill at the end of its monitored time passes',
  },
  {
    file: HEAL,
    find: 'return before.atMs + Math.min(HEAL_MOST_MS,',
    put: 'return before.atMs - Math.min(HEAL_MOST_MS,',
    breaks: 'a replica that crashes again and again is restarted without pause',
  },
  {
    file: HEAL,
    find: 'HEAL_MOST_MS, HEAL_FIRST_MS * 2 **',
    put: 'HEAL_MOST_MS * 1_000, HEAL_FIRST_MS * 2 **',
    breaks: 'the pause between restarts grows over its ceiling',
  },
  {
    file: HEAL,
    find: "return { actions: [isUp(replica) ? { kind: 'stop'",
    put: "return { actions: [isUp(replica) && graceMs < 0 ? { kind: 'stop'",
    breaks: 'a running container is removed without being stopped',
  },
  {
    file: PROGRESS,
    find: 'return isServerLost(facts, change)',
    put: 'return isServerLost(facts, change) || facts.nowMs > 0',
    breaks: 'a slot that nothing can be done about counts as done',
  },
  {
    file: PROGRESS,
    find: "if (replica.state !== 'running' || replica.health === 'unhealthy') return false",
    put: "if (replica.state !== 'running') return false",
    breaks: 'a replica that has become unhealthy counts as one that serves',
  },
  {
    file: PROGRESS,
    find: "view?.kind === 'unreachable' && view.phase === 'lost'",
    put: "view?.kind === 'unreachable'",
    breaks: 'a rollout completes without a server that was missed once',
  },
  {
    file: PREPARE,
    find: 'pin?.digest ?? spec.image,',
    put: 'pin?.image ?? spec.image,',
    breaks: 'the digest pin is dropped: a tag that moved gives new replicas other bytes',
  },
  {
    file: PREPARE,
    find: '  if (problems.length > 0) return {',
    put: '  if (problems.length > 1_000) return {',
    breaks: 'a server without the image does not hold the rollout up',
  },
  {
    file: PREPARE,
    find: 'const deviating = found.filter(({ pin }) => digest !== null &&',
    put: 'const deviating = found.filter(({ pin }) => digest === null &&',
    breaks: 'servers that pulled another digest of the tag run it',
  },
  {
    file: PREPARE,
    find: 'const open = needs.some((need)',
    put: 'const open = needs.every((need)',
    breaks: 'the image pull is not awaited on every server',
  },
  {
    file: PREPARE,
    find: 'id: pin.ids[server] ?? byTag.id }',
    put: 'id: byTag.id }',
    breaks: 'an image without a digest is not pinned by its id',
  },
  {
    file: 'src/rollout/job-step.ts',
    find: 'if (replica.exitCode === 0) return',
    put: 'if (replica.exitCode !== null && replica.exitCode !== 1) return',
    breaks: 'a one-shot service that exits with 2 counts as done',
  },
  {
    file: ORDER,
    find: 'return progress.touched ? progress.settled : progress.healthy > 0',
    put: 'return progress.healthy > 0',
    breaks: 'a dependent service is updated while its dependency is half updated',
  },
  {
    file: ORDER,
    find: 'return progress.jobDone\n',
    put: 'return progress.jobDone || progress.running > 0\n',
    breaks: 'a service starts while the job that it waits for still runs',
  },
  {
    file: 'src/rollout/effective.ts',
    find: 'serviceHash(service) === rejection.serviceHash',
    put: 'serviceHash(service) === rejection.hash',
    breaks: 'a commit that still has what failed is tried again',
  },
  {
    file: FOLD,
    find: '[...state.rejected, rejection].slice(-REJECTIONS_KEPT)',
    put: '[...state.rejected, rejection].slice(REJECTIONS_KEPT)',
    breaks: 'nothing is ever rejected: what failed is tried again and again',
  },
  {
    file: FOLD,
    find: 'return { ...state, attempted: fact.revision, recovering: false, rollout: startedRollout(fact) }',
    put: 'return { ...state, attempted: fact.revision, recovering: false, rollout: startedRollout(fact), proven: { hash: fact.hash, revision: fact.revision } }',
    breaks: 'a rollback goes to what was tried before instead of what was proven',
  },
  {
    file: FOLD,
    find: 'rejected: fact.hash === state.desired?.hash ? [] : state.rejected,',
    put: 'rejected: [],',
    breaks: 'a rollback that succeeded forgets what was rejected',
  },
  {
    file: FOLD,
    find: 'HEAL_FORGIVEN_MS ? before.count + 1 : 1',
    put: 'HEAL_FORGIVEN_MS ? before.count : 1',
    breaks: 'pauses between restarts never grow',
  },
  {
    file: FOLD,
    find: 'if (state.rollout === null || state.rollout.proven[key] !== undefined) return next',
    put: 'if (state.rollout === null) return next',
    breaks: 'a slot that is proven again and again extends the progress deadline',
  },
  {
    file: PROGRESS,
    find: "!(replica.health === 'starting' && isStartedAgain)",
    put: "!(replica.health === 'none' && isStartedAgain)",
    breaks: 'a replica that was started again counts as serving before it is healthy',
  },
  {
    file: 'src/rollout/effective.ts',
    find: 'if (proven === null) return wanted',
    put: 'if (proven === null) return { ...wanted, stack: { ...wanted.stack, services: [] } }',
    breaks: 'a service that fails is taken away where nothing was ever proven',
  },
  {
    file: HEALTH,
    find: 'Math.min(nowMs, track.sinceMs + nowMs - (track.askedAtMs ?? nowMs))',
    put: 'Math.min(nowMs, track.sinceMs)',
    breaks: 'a replica that nobody could ask fails by its deadline',
  },
  {
    file: STEP,
    find: 'return new Set(away.map(({ slot }) => slot.key).filter(isDoubled))',
    put: 'return new Set(away.map(({ slot }) => slot.key).filter((key) => !isDoubled(key)))',
    breaks: 'a slot whose second replica is where nobody can look is not in flight',
  },
  {
    file: STEP,
    find: "(change.kind === 'unchanged' && facts.busySlots.has(slotKey(change.slot)))",
    put: "(change.kind === 'unchanged' && facts.preparing.has(slotKey(change.slot)))",
    breaks: 'what a plan that was given up has begun is not in flight',
  },
  {
    file: STEPS,
    find: '? `${restart} again` : restart',
    put: '? restart : restart',
    breaks: 'a replica takes the name of the one with the same spec that it replaces',
  },
]
