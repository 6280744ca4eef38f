import type { Mutant } from './mutant.js'

const STRATEGY = 'src/rollout/strategy.ts'
const JUDGE = 'src/rollout/judge-canary.ts'
const SHARES = 'src/rollout/shares.ts'
const CHECKS = 'src/rollout/checks.ts'
const BOOK = 'src/controller/check-book.ts'
const STAGE = 'src/rollout/stage-facts.ts'
const LIFE = 'src/rollout/lifecycle.ts'

/** Canary and blue-green: who gets what share, when a step is over, and what is taken back. */
export const STRATEGY_MUTANTS: readonly Mutant[] = [
  {
    file: 'src/rollout/fold-stages.ts',
    find: 'all.filter(([, stage]) => stage.isOver !== true)',
    put: 'all.filter(([, stage]) => stage.step >= 0)',
    breaks: 'new replicas that are all there is of a service get nothing once a commit supersedes their rollout',
  },
  {
    file: 'src/rollout/fold-stages.ts',
    find: 'const over = step >= steps ? { isOver: true } : {}',
    put: 'const over = step > 0 && steps > 0 ? { isOver: true } : {}',
    breaks: 'a canary that fails at a later step keeps its share until its replicas are stopped',
  },
  {
    file: 'src/rollout/rotation.ts',
    find: 'return isSent && isReady(facts.state, facts.tracks.get(from.containerId), from)',
    put: 'return isSent',
    breaks: 'a replica that fell ill counts as chosen for the update, beyond parallelism',
  },
  {
    file: 'src/rollout/rotation.ts',
    find: 'longest.slice(0, Math.max(0, tolerableDown - down))',
    put: 'longest.slice(0, Math.max(down > 0 ? 1 : 0, tolerableDown))',
    breaks: 'an old replica that leaves is stopped though another one fell ill meanwhile',
  },
  {
    file: STRATEGY,
    find: 'const stands = state !== null && fresh.length >= needed && well.length === fresh.length',
    put: 'const stands = state !== null && fresh.length >= needed',
    breaks: 'new replicas get their share before they are proven',
  },
  {
    file: STRATEGY,
    find: '&& !isProvenSpec(facts, spec)',
    put: '&& (facts.nowMs > 0 || !isProvenSpec(facts, spec))',
    breaks: 'a revert waits at the steps of a canary',
  },
  {
    file: STRATEGY,
    find: "if (kind === 'blue-green' || step === undefined || step.percent === 100) return all",
    put: "if ((kind === 'blue-green' && all < 0) || step === undefined || step.percent === 100) return all",
    breaks: 'blue-green has one new replica before it switches',
  },
  {
    file: 'src/rollout/change-steps.ts',
    find: 'if (context.stage?.isOver === false) return bothStay(',
    put: 'if (context.stage?.isOver === true) return bothStay(',
    breaks: 'old replicas leave while a canary is under way',
  },
  {
    file: 'src/rollout/change-steps.ts',
    find: 'if (spec === change.spec && context.stage?.slots.has(change.slot.key) === false) return {}',
    put: '',
    breaks: 'more replicas than a step has get the new spec where the commit scales up, too',
  },
  {
    file: SHARES,
    find: 'return seen?.specHash === stage.specHash && seen.percent === stage.percent ? seen : null',
    put: 'return seen ?? null',
    breaks: 'a step counts as reached while the proxies go by the share of the one before',
  },
  {
    file: JUDGE,
    find: 'if (fresh.errors - FORGIVEN_ERRORS > allowed * fresh.requests)',
    put: 'if (fresh.errors - FORGIVEN_ERRORS > Math.min(allowed, errorRatio) * fresh.requests)',
    breaks: 'a canary that fails no more often than the old replicas is taken back',
  },
  {
    file: JUDGE,
    find: 'if (fresh.requests < Math.max(1, leastRequests)) return null',
    put: '',
    breaks: 'a canary is judged by a handful of requests',
  },
  {
    file: JUDGE,
    find: 'if (requests < leastRequests) return {',
    put: 'if (requests < 0) return {',
    breaks: 'a step is passed without the requests that could judge it',
  },
  {
    file: JUDGE,
    find: 'const untilMs = Math.max(state.reachedAtMs + holdMs, lookedMs)',
    put: 'const untilMs = Math.max(state.reachedAtMs + holdMs, Math.min(lookedMs, 0))',
    breaks: 'a step whose time went by while nobody looked is passed at once',
  },
  {
    file: SHARES,
    find: 'percent: isStopped ? 0 : percent',
    put: 'percent: Number.isNaN(percent) && isStopped ? 0 : percent',
    breaks: 'a canary that failed goes on getting its share while a person is waited for',
  },
  {
    file: SHARES,
    find: 'return [...stages.flatMap((stage) => shareOf(facts, stage)), ...back.map((one) => ({ ...one, percent: 0 }))]',
    put: 'return [...stages.flatMap((stage) => shareOf(facts, stage)), ...back.map((one) => ({ ...one, percent: 100 }))]',
    breaks: 'a canary that was given up gets everything until it has left',
  },
  {
    file: SHARES,
    find: 'return (share.percent === 0 && !serves(false)) || (share.percent === 100 && !serves(true)) ? [] : [share]',
    put: 'return serves(false) || serves(true) ? [share] : []',
    breaks: 'nobody is sent to new replicas although no old one serves any more',
  },
  {
    file: STAGE,
    find: 'if (!stage.isStanding || !stage.isSeen) return []',
    put: 'if (!stage.isStanding) return []',
    breaks: 'a step is passed while its replicas are where nobody can look',
  },
  {
    file: STAGE,
    find: 'return stagesOf(facts).flatMap((stage) => (facts.suspended.has(stage.spec.name) ? [] : nextOf(facts, stage)))',
    put: 'return stagesOf(facts).flatMap((stage) => nextOf(facts, stage))',
    breaks: 'a canary goes on although a person suspended its service',
  },
  {
    file: LIFE,
    find: 'rollout.stages?.[spec.name] === undefined &&',
    put: 'Object.keys(rollout).length > 0 &&',
    breaks: 'a canary whose replica fails goes on where failures are tolerated',
  },
  {
    file: LIFE,
    find: 'others.length === 0 || open.some(',
    put: 'open.some(',
    breaks: 'a step that is held on purpose runs into the progress deadline',
  },
  {
    file: LIFE,
    find: "scope: 'stack', then: 'rollback' }",
    put: "then: 'rollback' }",
    breaks: 'what a person gave up is taken back in part only',
  },
  {
    file: 'src/rollout/fold-stages.ts',
    find: 'const promotedTo = before?.specHash === fact.specHash ? before.promotedTo : -1',
    put: 'const promotedTo = fact.step < 0 ? (before?.promotedTo ?? -1) : -1',
    breaks: 'a promotion to the end is forgotten at the next step',
  },
  {
    file: 'src/controller/decide.ts',
    find: 'advice: { ...NOTHING, ...standing(facts) }',
    put: 'advice: { ...NOTHING, stages: standing(facts).stages }',
    breaks: 'the new replicas of a stack that is left alone get as much as any',
  },
  {
    file: CHECKS,
    find: 'seen.noes < check.failures) continue',
    put: 'seen.noes <= check.failures) continue',
    breaks: 'a canary goes on getting requests after its checks said no as often as they may',
  },
  {
    file: CHECKS,
    find: "return seen?.verdict !== 'yes' || facts.nowMs - seen.askedAtMs >",
    put: "return seen?.verdict === 'no' || facts.nowMs - (seen?.askedAtMs ?? facts.nowMs) >",
    breaks: 'a step is passed although nobody knows what its checks say',
  },
  {
    file: CHECKS,
    find: 'facts.nowMs - seen.askedAtMs > 2 * check.intervalMs',
    put: 'facts.nowMs - seen.askedAtMs > 2_000_000 * check.intervalMs',
    breaks: 'a step is passed by a yes from before the controller stood still',
  },
  {
    file: CHECKS,
    find: "if (facts.state.rollout?.phase !== 'updating') return []",
    put: 'if (facts.state.rollout === null) return []',
    breaks: 'checks are asked about a canary that was given up',
  },
  {
    file: STAGE,
    find: '(whyWorse(facts, stage) ?? whyRefused(facts, stage))',
    put: '(whyWorse(facts, stage) ?? (facts.nowMs < 0 ? whyRefused(facts, stage) : null))',
    breaks: 'a canary whose checks say no only waits',
  },
  {
    file: JUDGE,
    find: 'return check === null ? null :',
    put: 'return check === null || facts.nowMs > 0 ? null :',
    breaks: 'a step is passed by its time whatever its checks say',
  },
  {
    file: BOOK,
    find: "answer.verdict === 'yes' ? 0 : (before?.noes ?? 0)",
    put: '0',
    breaks: 'a check that gives no answer now and then never says no twice in a row',
  },
  {
    file: BOOK,
    find: 'if (this.asked.get(key)?.get(name) !== asked) return',
    put: '',
    breaks: 'checks are asked for ever, about steps that are long over',
  },
  {
    file: 'src/controller/decide.ts',
    find: 'input.checks.decided(name, decided.advice.checks)',
    put: 'if (!held) input.checks.decided(name, decided.advice.checks)',
    breaks: 'a suspended canary goes on being asked about',
  },
  {
    file: 'src/checks/judge.ts',
    find: "if (numbers.length === 0) return unknown('the query finds nothing')",
    put: '',
    breaks: 'a query that finds nothing is a yes',
  },
  {
    file: 'src/checks/judge.ts',
    find: 'if (numbers.some((number) => Number.isNaN(number)))',
    put: 'if (numbers.every((number) => Number.isNaN(number) && number > 0))',
    breaks: 'a query that gives NaN is a yes',
  },
  {
    file: 'src/checks/ask.ts',
    find: 'if (isIP(address) !== 0 && isLinkLocal(address))',
    put: 'if (isIP(address) < 0 && isLinkLocal(address))',
    breaks: 'a commit makes the controller ask its cloud for credentials',
  },
]
