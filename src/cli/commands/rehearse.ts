import { resolve } from 'node:path'
import { memoryJournal } from '../../controller/index.js'
import { formatRehearsals, rehearsalsToJson, rehearse } from '../../rehearse/index.js'
import type { Assumptions, Rehearsal } from '../../rehearse/index.js'
import { EXIT } from '../exit-code.js'
import { isOfFolder } from '../folder-source.js'
import { usage } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { repoOf, withoutUserinfo } from '../local-controller.js'
import { observeFleet } from '../observe-fleet.js'
import { desiredOf, rememberedSeed, withSource } from '../preview.js'
import { readSha } from '../read-sha.js'
import { parseTime } from '../settings.js'
import { formatCommit, formatProblemLines } from '../show/words.js'

/** Plays a revision on engines in memory that begin as the real ones are. Changes nothing, neither there nor here. */
export async function run(invocation: Invocation): Promise<number> {
  const { options, settings } = invocation
  const folder = typeof options.folder === 'string' ? options.folder : null
  const sha = readSha(invocation.args[0])
  if (folder !== null && sha !== null) throw usage('name a commit or a --folder, not both')
  const healthyAfterMs = readHealthyAfter(options.healthyAfter)
  const failing = readFailing(options.fail)
  const rehearsals = await withSource(invocation, folder, async (source) => {
    const desired = await desiredOf(invocation, source, sha)
    const observation = await observeFleet(invocation, desired)
    const seed = await rememberedSeed(invocation)
    const openDriver = await invocation.parts.loadRehearsalDriver()
    const play = (assumptions: Assumptions): Promise<Rehearsal> =>
      rehearse({
        observation,
        desired,
        source,
        openJournal: () => memoryJournal(seed),
        openDriver,
        settle: () => new Promise((settled) => void setImmediate(settled)),
        nowMs: invocation.io.nowMs(),
        repository: folder === null ? withoutUserinfo(repoOf(settings)) : resolve(folder),
        assumptions,
        signal: invocation.io.interrupted,
      })
    const plain = await play({ healthyAfterMs, failing: null })
    return failing === null ? [plain] : [plain, await play({ healthyAfterMs, failing })]
  })
  return show(invocation, rehearsals)
}

function show({ io, format, colors }: Invocation, rehearsals: readonly Rehearsal[]): number {
  const [first] = rehearsals
  if (first === undefined) return EXIT.failure
  if (format === 'json') {
    io.out(`${JSON.stringify(rehearsalsToJson(rehearsals), null, 2)}\n`)
  } else {
    const { revision } = first
    if (format === 'text')
      io.out(`${colors.bold(isOfFolder(revision) ? `the files in ${revision.ref}` : formatCommit(revision))}\n\n`)
    io.out(formatRehearsals(rehearsals, format === 'markdown' ? 'markdown' : 'text'))
    if (first.outcome.kind !== 'applied')
      for (const problem of first.outcome.problems)
        io.err(`${colors.red('error')} ${formatProblemLines(problem).join('\n  ')}\n`)
  }
  return exitCode(first)
}

/** Of the rehearsal in which all goes well: one that is told to fail does what it should. */
function exitCode({ outcome }: Rehearsal): number {
  if (outcome.kind === 'applied') return EXIT.ok
  return outcome.kind === 'rolled-back' ? EXIT.rolledBack : EXIT.failure
}

function readHealthyAfter(text: string | boolean | undefined): number {
  const ms = typeof text === 'string' ? parseTime(text) : null
  if (ms === null || ms > 24 * 3_600_000) throw usage('--healthy-after is a time up to 24h, such as 5s or 2m')
  return ms
}

function readFailing(text: string | boolean | undefined): number | null {
  if (text === undefined) return null
  if (typeof text === 'string' && /^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw usage('--fail is the number of the new replica that does not become healthy: 1 is the first to start')
}
