import type { Fact, HistoryQuery } from '../../controller/index.js'
import { readTarget, runningController } from '../connect.js'
import { EXIT } from '../exit-code.js'
import { usage, valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { formatHistory } from '../show/history.js'

const LIMIT_MAX = 1_000

export async function run(invocation: Invocation): Promise<number> {
  const { args, options, format, io, look } = invocation
  const limit = Number(options.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
    throw usage(`--limit is a number from 1 to ${LIMIT_MAX}`)
  const facts = await readHistory(invocation, { ...readTarget(args[0]), limit })
  io.out(format === 'json' ? `${JSON.stringify(facts, null, 2)}\n` : formatHistory(facts, look))
  return EXIT.ok
}

/** The journal belongs to the controller while one runs; otherwise it is read in place. */
async function readHistory({ settings, parts }: Invocation, query: HistoryQuery): Promise<readonly Fact[]> {
  const running = await runningController(settings)
  if (running !== null) return valueOf(await running.surface.history(query))
  const journal = valueOf(await parts.openJournal(settings, { readOnly: true }))
  try {
    return journal.history(query)
  } finally {
    journal.close()
  }
}
