import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { answerTo } from './answers.js'
import { waitingFor } from './approvals.js'
import { checkCommand } from './check-command.js'
import type { Command } from './facts.js'
import { Memory } from './memory.js'
import type { Journal } from './ports.js'

/**
 * Writes a command down while no controller runs: the next one, or the next `apply`, obeys it. The answer says so.
 * `sync` asks for something to be done now, which nobody can. Problems: those of the check, STORE_FAILED.
 */
export function commandAtRest(
  journal: Journal,
  command: Exclude<Command, { readonly kind: 'sync' }>,
  nowMs: number,
): Result<string> {
  const { snapshot, facts } = journal.load()
  const memory = new Memory(journal, snapshot, facts, () => undefined)
  const { held, accepted } = memory.state
  const waiting = held === null ? [] : [waitingFor(held.revision, held.problem, null, accepted?.fleet.guards)]
  const checked = checkCommand(memory, waiting, command)
  if (!checked.ok) return checked
  if (!memory.record([{ kind: 'commanded', atMs: nowMs, command: checked.value }]))
    return fail(memory.problem ?? { code: 'STORE_FAILED', message: 'the journal cannot be written' })
  return ok(`${answerTo(checked.value)}; no controller runs, so it holds from the next slipway run or apply on`)
}
