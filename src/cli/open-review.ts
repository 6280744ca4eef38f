import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { previewOn } from '../controller/index.js'
import type { Controller, LogEvent, Source } from '../controller/index.js'
import { Reviewer, openForge, openLedger, openOutbox, rolloutReporter } from '../forge/index.js'
import type { ForgeOptions, ProposalPlan } from '../forge/index.js'
import { capacityAfter, impactOf, planHash } from '../planner/index.js'
import { valueOf } from './invocation.js'
import type { Invocation } from './invocation.js'
import { ledgerFile } from './ledger-file.js'
import { refName, repoOf } from './local-controller.js'
import { planReport } from './plan-report.js'

export interface Review {
  /** Looks at proposals now. */
  look(): void
  close(): Promise<void>
}

/**
 * Shows people what happens where they review: statuses of rollouts, plans of proposals. It listens to the controller and is never waited for. Does
 * nothing where no forge is set.
 */
export async function openReview(
  { settings, parts, io }: Invocation,
  controller: Controller,
  log: (event: LogEvent) => void,
): Promise<Review> {
  if (settings.forge === null) return { look: () => undefined, close: () => Promise.resolve() }
  const { clock } = parts
  const repo = repoOf(settings)
  const nowMs = (): number => clock.nowMs()
  const options: ForgeOptions = {
    ...settings.forge,
    repository: repo,
    allowPlainHttp: settings.allowPlainHttp,
    fetch,
    nowMs,
  }
  const forge = valueOf(openForge(options))
  const ledger = openLedger(ledgerFile(settings.dataDir, log, io.nowMs))
  const outbox = openOutbox(clock, ledger, log)
  const reporter = rolloutReporter(forge, outbox, ledger)
  const stopListening = controller.onChange(() => reporter.look(controller.status()))
  const { proposals: patterns } = settings.forge
  // A tag does not move by pull requests.
  const branch = 'branch' in settings.ref ? settings.ref.branch : null
  if (branch === null || patterns.length === 0) return { look: () => undefined, close: () => Promise.resolve(end()) }
  const workshop = await parts.openWorkshop(settings, repo, { dir: join(settings.dataDir, 'proposals'), log })
  const plan = (source: Source, signal: AbortSignal): Promise<ProposalPlan> =>
    planProposal(controller, source, { clock, ref: refName(settings) }, signal)
  const fleetState = (): string => fleetDigest(controller)
  const status = (): ReturnType<Controller['status']> => controller.status()
  const parties = { clock, workshop, forge, outbox, ledger, log, plan, fleetState, status }
  const reviewer = new Reviewer({ ...parties, branch, patterns, pollMs: settings.pollMs })
  reviewer.start()

  function end(): void {
    stopListening()
    outbox.close()
  }
  return {
    look: () => void reviewer.look(),
    async close() {
      end()
      await reviewer.close()
      await workshop.close()
    },
  }
}

async function planProposal(
  controller: Controller,
  source: Source,
  { clock, ref }: { readonly clock: Parameters<typeof previewOn>[2]; readonly ref: string },
  signal: AbortSignal,
): Promise<ProposalPlan> {
  const { plans, status, observation } = await previewOn(controller.snapshot(), source, clock, ref, signal)
  const { markdown, summary, errors, guards } = planReport(plans, status)
  const [impact, capacity] = [impactOf(plans), capacityAfter(plans, observation)]
  return { summary, markdown, impact, capacity, errors, guards, hash: planHash(plans) }
}

/** Everything of the fleet that a plan leans on, but for health: that changes by the second. */
function fleetDigest(controller: Controller): string {
  const { observation, state } = controller.snapshot()
  const hash = createHash('sha256').update(
    JSON.stringify([state.accepted?.revision.sha, state.drained, state.suspended]),
  )
  for (const [server, view] of observation) {
    const replicas = view.kind === 'listed' ? view.listing.replicas : view.mayHold
    hash.update(`\n${server} ${view.kind}`)
    for (const { containerId, specHash, limits } of replicas) hash.update(` ${containerId} ${specHash} ${limits}`)
  }
  return hash.digest('hex').slice(0, 20)
}
