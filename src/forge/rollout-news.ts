import { settlementOf } from '../controller/index.js'
import type { FleetStatus } from '../controller/index.js'
import type { Problem } from '../model/index.js'
import type { CommitStatus } from './ports.js'
import { describe } from './render.js'

/**
 * How it stands with the newest revision of the followed ref, as a status of its commit; null where there is none. Says only what changes when
 * something happens, so that equal news is equal text.
 */
export function rolloutNews(status: FleetStatus): CommitStatus | null {
  const { held, refused, accepted } = status.source
  const revision = held?.revision ?? refused?.revision ?? accepted
  if (revision === null || status.fleet === null) return null
  const news = (state: CommitStatus['state'], text: string): CommitStatus => ({
    sha: revision.sha,
    state,
    context: contextOf(status.fleet ?? ''),
    description: describe(text),
  })
  const end = settlementOf(status, revision.sha)
  switch (end.kind) {
    case 'pending':
      return news('pending', 'rolling out')
    case 'applied':
      return news('success', 'rolled out: every replica is healthy')
    case 'rolled-back':
      return news('failure', `rolled back: ${reasons(failures(status, end.problems))}; slipway status has the log`)
    case 'failed':
      return news('failure', `failed: ${reasons(failures(status, end.problems))}; slipway status has the log`)
    case 'refused':
      return news('failure', `refused: ${reasons(end.problems)}`)
    case 'held':
      return news('pending', `held: ${reasons(end.problems)}`)
    case 'blocked':
      return news('pending', `waits: ${reasons(end.problems)}`)
  }
}

export function contextOf(fleet: string): string {
  return `slipway/${fleet}`
}

/** That a revision was rejected is known; what its replicas failed with is what people want to read. */
function failures({ stacks }: FleetStatus, otherwise: readonly Problem[]): readonly Problem[] {
  const failed = stacks
    .filter(({ phase }) => phase === 'rejected' || phase === 'failed' || phase === 'rollback-failed')
    .flatMap(({ name: stack, services }) =>
      services.flatMap(({ name: service, failure }) =>
        failure === null ? [] : [{ ...failure.problem, stack, service }],
      ),
    )
  return failed.length > 0 ? failed : otherwise
}

/** The first problem with where it is, and how many there are besides. */
function reasons(problems: readonly Problem[]): string {
  const [first] = problems
  if (first === undefined) return 'no reason given'
  const where =
    first.place !== undefined
      ? `${first.place.path}:${first.place.line ?? 1}`
      : [first.stack, first.service].filter(Boolean).join('/')
  const more = problems.length > 1 ? ` and ${problems.length - 1} more` : ''
  // Counters and times in a message would make the same news look new.
  return `${where === '' ? '' : `${where} `}${first.code}${more}`
}
