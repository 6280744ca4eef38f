import type { Fact, HistoryQuery, NewCommit, Workshop } from '../../controller/index.js'
import { commitsOf } from '../commit-range.js'
import { readTarget, runningController } from '../connect.js'
import { EXIT } from '../exit-code.js'
import { usage, valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { withWorkshop } from '../preview.js'
import { formatCommits, formatHistory } from '../show/history.js'

const LIMIT_MAX = 1_000

export async function run(invocation: Invocation): Promise<number> {
  const { args, options, format, io, look } = invocation
  const limit = Number(options.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX)
    throw usage(`--limit is a number from 1 to ${LIMIT_MAX}`)
  if (args[0]?.includes('..') === true) return ofCommits(invocation, args)
  const facts = await readHistory(invocation, { ...readTarget(args[0]), limit })
  io.out(format === 'json' ? `${JSON.stringify(facts, null, 2)}\n` : formatHistory(facts, look))
  return EXIT.ok
}

/** What became of each commit that one has and the other has not, as far as the journal remembers. */
async function ofCommits(invocation: Invocation, args: readonly string[]): Promise<number> {
  const { format, io, look } = invocation
  const [from = '', to = 'HEAD'] = commitsOf(args)
  const commits = await withWorkshop(invocation, (workshop) => commitsBetween(invocation, workshop, from, to))
  const facts = await readHistory(invocation, { limit: LIMIT_MAX })
  const told = commits.map(({ sha, subject, author }) => ({
    sha,
    subject,
    author,
    facts: facts.filter((fact) => 'revision' in fact && fact.revision.sha === sha),
  }))
  io.out(format === 'json' ? `${JSON.stringify(told, null, 2)}\n` : formatCommits(told, look))
  return EXIT.ok
}

/** Newest first. */
async function commitsBetween(
  { io: { interrupted } }: Invocation,
  workshop: Workshop,
  from: string,
  to: string,
): Promise<readonly NewCommit[]> {
  const since = valueOf(await workshop.bring(from, interrupted))
  const until = valueOf(await workshop.bring(to, interrupted))
  return valueOf(await workshop.at(until).news({ sha: until.sha, since: since.sha, signed: null }, interrupted))
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
