import type { Mutant } from './mutant.js'

const GATE = 'src/controller/gate.ts'
const GUARDS = 'src/controller/guards.ts'
const APPROVALS = 'src/controller/approvals.ts'
const WINDOWS = 'src/controller/windows.ts'
const SSH_SIGNATURE = 'src/trust/ssh-signature.ts'
const UNDOER = 'src/forge/undoer.ts'
const UNDO = 'src/source/undo.ts'
const HOOK_CHECK = 'src/web/hook-check.ts'

/** What lets a revision in, who may say so, and how one is taken back. */
export const ADMISSION_MUTANTS: readonly Mutant[] = [
  {
    file: WINDOWS,
    find: "schedule.window.kind === 'deny' && isActive(schedule)))",
    put: "schedule.window.kind === 'deny' && isActive(schedule) && schedules.length < 2))",
    breaks: 'a window that allows wins over one that forbids',
  },
  {
    file: WINDOWS,
    find: 'allowing.length === 0 || allowing.some(isActive)',
    put: 'allowing.length >= 0 || allowing.some(isActive)',
    breaks: 'revisions go outside of the windows that allow them',
  },
  {
    file: GATE,
    find: 'windowState(accepted.fleet.windows ?? [],',
    put: 'windowState(desired.fleet.windows ?? [],',
    breaks: 'a commit lifts the window that it is held by',
  },
  {
    file: GATE,
    find: 'if (pin === null || pins.isShown(pin)) return null',
    put: "if (pin === null || pins.isShown(pin) || pin !== '') return null",
    breaks: 'a plan goes that nobody was shown',
  },
  {
    file: GATE,
    find: "name === 'plan' && value === pin",
    put: "name === 'plan' && value !== ''",
    breaks: 'a commit that names any plan releases its own',
  },
  {
    file: GATE,
    find: "if (accepted?.fleet.guards.plan !== 'pinned'",
    put: "if (accepted === null || desired.fleet.guards.plan !== 'pinned'",
    breaks: 'a commit lifts the guard of plans for itself',
  },
  {
    file: GATE,
    find: '(accepted?.fleet ?? desired.fleet).guards',
    put: 'desired.fleet.guards',
    breaks: 'a commit brings along the rule for its own signature',
  },
  {
    file: APPROVALS,
    find: '(rules.length === 0 || rules.some((rule) => !rule.approve))',
    put: 'rules.length === 0',
    breaks: 'an approval in place of a signature is taken where the rule forbids it',
  },
  {
    file: GUARDS,
    find: "    return { code: 'SIGNATURE_INVALID', message, next: news.problem.next",
    put: "    if (message !== '') return null\n    return { code: 'SIGNATURE_INVALID', message, next: news.problem.next",
    breaks: 'signatures that cannot be read count as good',
  },
  {
    file: GUARDS,
    find: 'signers.length === 0 || signers.some(',
    put: 'signers.length >= 0 || signers.some(',
    breaks: 'a signature counts of somebody whom the rule does not name',
  },
  {
    file: APPROVALS,
    find: "(gate !== 'signature' && approved.includes(sha))",
    put: '(gate !== undefined && approved.includes(sha))',
    breaks: 'an approval of before there were signatures stands in for one',
  },
  {
    file: APPROVALS,
    find: 'return approved.includes(approvalOf(sha, gate))',
    put: 'return approved.some((one) => one.startsWith(`${sha} `))',
    breaks: 'who releases one guard releases all',
  },
  {
    file: SSH_SIGNATURE,
    find: "if (!matches) return { kind: 'tampered'",
    put: "if (!matches && signer === '') return { kind: 'tampered'",
    breaks: 'a commit that was changed after it was signed is trusted',
  },
  {
    file: SSH_SIGNATURE,
    find: 'if (signers.revoked.has(encoded))',
    put: 'if (signers.revoked.has(signer))',
    breaks: 'a revoked key signs',
  },
  {
    file: SSH_SIGNATURE,
    find: "if (parsed.namespace !== 'git')",
    put: "if (parsed.namespace === '')",
    breaks: 'a signature over a file counts for a commit',
  },
  {
    file: SSH_SIGNATURE,
    find: 'timesMs.every((atMs)',
    put: 'timesMs.some((atMs)',
    breaks: 'a key whose time is over signs commits that are dated back',
  },
  {
    file: SSH_SIGNATURE,
    find: '& USER_WAS_PRESENT) === 0) return null',
    put: '& USER_WAS_PRESENT) < 0) return null',
    breaks: 'a security key signs that nobody has touched',
  },
  {
    file: 'src/trust/signed-object.ts',
    find: "second === undefined ? signature : 'two signatures'",
    put: "second === '' ? 'two signatures' : signature",
    breaks: 'a commit with two signatures is trusted for one of them',
  },
  {
    file: 'src/trust/pgp-signature.ts',
    find: '(packet.signatureType as number | null) !== BINARY',
    put: '(packet.signatureType as number | null) === BINARY - 1',
    breaks: 'an OpenPGP signature over something else than the bytes counts',
  },
  {
    file: UNDOER,
    find: 'if (tip.value.sha !== revision.sha) return this.#end(',
    put: "if (tip.value.sha === '') return this.#end(",
    breaks: 'a rollback is pushed over a newer commit',
  },
  {
    file: UNDOER,
    find: 'if (revertedBy(commit.value) !== null) return',
    put: "if (revertedBy(commit.value) === '') return",
    breaks: 'a revert of ours is reverted, and so on without end',
  },
  {
    file: UNDOER,
    find: 'if (ledger.get(keyOf(rejection)) !== undefined) continue',
    put: "if (ledger.get(keyOf(rejection)) === '') continue",
    breaks: 'a revision is taken back in Git again and again',
  },
  {
    file: UNDOER,
    find: 'return rollout === null && !recovering && isBack && proven',
    put: 'return (rollout === null || !recovering || isBack) && proven',
    breaks: 'a revert is pushed before what was proven runs again',
  },
  {
    file: UNDO,
    find: 'folders.some((folder) => path.startsWith(folder))',
    put: "folders.some((folder) => path.startsWith(folder) || folder !== '')",
    breaks: 'a revert of one stack takes back what others changed',
  },
  {
    file: UNDO,
    find: 'if (conflicts.length > 0) return { conflicts }',
    put: 'if (conflicts.length > 1_000) return { conflicts }',
    breaks: 'a revert that conflicts with newer commits is pushed',
  },
  {
    file: 'src/source/receive-pack.ts',
    find: '`${expected ?? ZERO} ${sha} ${ref}',
    put: '`${ZERO} ${sha} ${ref}${(expected ?? ZERO).slice(40)}',
    breaks: 'a branch is pushed to as if it were not there',
  },
  {
    file: HOOK_CHECK,
    find: 'return isSame(signature, value.toLowerCase()) ? signature : null',
    put: "return isSame(signature, value.toLowerCase()) || value !== '' ? signature : null",
    breaks: 'a webhook with a wrong signature is taken',
  },
  {
    file: HOOK_CHECK,
    find: 'return named.length === 0 || isOurs ?',
    put: 'return named.length >= 0 || isOurs ?',
    breaks: 'a webhook about another repository is taken',
  },
  {
    file: 'src/web/serve-hooks.ts',
    find: 'if (seen.has(delivery)) return 409',
    put: "if (seen.has('')) return 409",
    breaks: 'a webhook that somebody repeats is taken again',
  },
]
