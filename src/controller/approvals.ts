import type { Guards, Problem, ProblemCode, Revision, SignedBy } from '../model/index.js'
import type { State } from './state.js'

/** What holds revisions, and what an approval lets through: one gate of one revision, so that nobody releases what he was not shown. */
export type Gate = 'history' | 'signature' | 'prune' | 'plan' | 'window'

/** A guard that one of the commits of a revision released itself, by a trailer. */
export interface Release {
  readonly guard: Gate
  readonly commit: string
  readonly author: string
  readonly reason: string
}

const GATE_OF: Readonly<Partial<Record<ProblemCode, Gate>>> = {
  HISTORY_REWRITTEN: 'history',
  SIGNATURE_MISSING: 'signature',
  SIGNATURE_UNTRUSTED: 'signature',
  SIGNATURE_INVALID: 'signature',
  PRUNE_GUARD: 'prune',
  PLAN_NOT_SHOWN: 'plan',
  WINDOW_CLOSED: 'window',
}

/** A revision that waits for a person, and why he may not release it. */
export interface Waiting {
  readonly revision: Revision
  readonly gate: Gate
  readonly refusal: Problem | null
}

export function waitingFor(
  revision: Revision,
  problem: Problem,
  signedBy: SignedBy | null,
  guards: Pick<Guards, 'signedBy'> | undefined,
): Waiting {
  const gate = GATE_OF[problem.code] ?? 'history'
  const rules = signatureRules(signedBy, guards)
  // Where no rule is known, nobody may: the first revision brought its own, and is not accepted.
  const isForbidden = gate === 'signature' && (rules.length === 0 || rules.some((rule) => !rule.approve))
  return { revision, gate, refusal: isForbidden ? problem : null }
}

/** The rules in force: the controller's own, and that of the accepted revision, not the one that the revision in question brings along. */
export function signatureRules(
  signedBy: SignedBy | null,
  guards: Pick<Guards, 'signedBy'> | undefined,
): readonly SignedBy[] {
  return [signedBy, guards?.signedBy].filter((rule) => rule !== null && rule !== undefined)
}

/** As it is kept in the state. An approval of before there were several gates names none, and never meant signatures. */
export function approvalOf(sha: string, gate: Gate | undefined): string {
  return gate === undefined ? sha : `${sha} ${gate}`
}

export function isApproved({ approved }: Pick<State, 'approved'>, sha: string, gate: Gate): boolean {
  return approved.includes(approvalOf(sha, gate)) || (gate !== 'signature' && approved.includes(sha))
}
