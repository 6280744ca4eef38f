import type { ServiceStatus } from '../../controller/index.js'
import { counted, formatAgo, formatSpan } from './words.js'

type Stage = NonNullable<ServiceStatus['stage']>
type Check = NonNullable<Stage['checks']>[number]
type Figures = NonNullable<Stage['seen']>['fresh']

/** Where a service stands on its way, and how both its kinds of replicas do. */
export function stageLines({ stage }: ServiceStatus, atMs: number): readonly string[] {
  if (stage === undefined) return []
  const where = stage.step > stage.steps ? 'the old replicas leave' : `step ${stage.step} of ${stage.steps}`
  const head = `${stage.kind}, ${where}: ${stage.percent} % to the new replicas${goesOn(stage, atMs)}`
  return [head, ...figureLines(stage), ...(stage.checks ?? []).map((check) => checkLine(check, atMs))]
}

function goesOn({ waitsFor, untilMs, seen, limits }: Stage, atMs: number): string {
  switch (waitsFor) {
    case 'time':
      return untilMs === null ? '' : `, ${formatSpan(untilMs - atMs)} left`
    case 'requests':
      return `, waits for requests: ${seen?.fresh.requests ?? 0} of ${limits?.leastRequests ?? 0}`
    case 'checks':
      return ', waits for its checks'
    case 'promote':
      return ', waits for slipway promote'
    case 'replicas':
      return ', waits for them to be healthy'
    case 'proxies':
      return ', waits for the proxies'
    case null:
      return ''
  }
}

function figureLines({ kind, seen, limits }: Stage): readonly string[] {
  if (kind !== 'canary' || seen === null) return []
  const allowed =
    limits === null
      ? ''
      : `; at most ${percent(limits.errorRatio)} more may fail, and take ${limits.p95Ratio} times as long`
  return [`new: ${figures(seen.fresh)}; old: ${figures(seen.old)}${allowed}`]
}

function checkLine({ name, verdict, said, askedAtMs, noes, failures }: Check, atMs: number): string {
  if (verdict === null || askedAtMs === null) return `check ${name}: not asked yet`
  const streak = verdict === 'no' ? ` (${noes} of ${failures})` : ''
  const word = verdict === 'unknown' ? 'no answer' : `${verdict}${streak}`
  return `check ${name}: ${word}, ${said}, ${formatAgo(askedAtMs, atMs)}`
}

function figures({ requests, errors, p95Ms }: Figures): string {
  const failed = requests === 0 ? '' : `, ${percent(errors / requests)} failed`
  return `${counted(requests, 'request')}${failed}${p95Ms === null ? '' : `, p95 ${Math.round(p95Ms)} ms`}`
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 1_000) / 10} %`
}
