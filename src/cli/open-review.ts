import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { previewOn } from '../controller/index.js'
import type { Clock, Controller, LogEvent, Source } from '../controller/index.js'
import { Reviewer, Undoer, openForge, openOutbox, rolloutReporter } from '../forge/index.js'
import type { Forge, ProposalPlan, ReviewerOptions } from '../forge/index.js'
import { capacityAfter, impactOf } from '../planner/index.js'
import { bell } from '../web/index.js'
import { valueOf } from './invocation.js'
import type { Invocation } from './invocation.js'
import { refName, repoOf } from './local-controller.js'
import type { LocalController } from './local-controller.js'
import { planReport } from './plan-report.js'
import type { Settings } from './settings.js'

const LOOK_PAUSE_MS = 1_000

export interface Review {
  /** Looks at proposals now. */
  look(): void
  close(): Promise<void>
}

/**
 * Shows people what happens where they review: statuses of rollouts, plans of proposals, rollbacks as commits. It listens to the controller and is
 * never waited for. Without a forge only rollbacks are shown, where the manifest asks for it.
 */
export async function openReview(
  { settings, parts }: Invocation,
  { controller, ledger }: Pick<LocalController, 'controller' | 'ledger'>,
  log: (event: LogEvent) => void,
): Promise<Review> {
  const { clock } = parts
  const repo = repoOf(settings)
  const forge = openedForge(settings, repo, clock)
  const outbox = openOutbox(clock, ledger, log)
  const reporter = forge === null ? null : rolloutReporter(forge, outbox, ledger)
  // A tag does not move by pull requests, and is never pushed.
  const branch = 'branch' in settings.ref ? settings.ref.branch : null
  // Nothing is cloned before it is needed.
  const workshop = await parts.openWorkshop(settings, repo, { dir: join(settings.dataDir, 'proposals'), log })
  const shared = { clock, workshop, ledger, outbox, log, snapshot: () => controller.snapshot() }
  const undoer =
    branch === null ? null : new Undoer({ ...shared, branch, forge, onPushed: () => void controller.poll() })
  const reviewer =
    branch === null || forge === null ? null : reviewerOf(settings, controller, { ...shared, branch, forge })
  reviewer?.start()
  // A status of thousands of containers takes its time, and news is no hurry.
  const looks = bell(clock, LOOK_PAUSE_MS, () => {
    reporter?.look(controller.status())
    undoer?.look()
  })
  const stopListening = controller.onChange(() => looks.pull())
  return {
    look: () => void reviewer?.look(),
    async close() {
      stopListening()
      looks.close()
      outbox.close()
      await Promise.all([reviewer?.close(), undoer?.close()])
      await workshop.close()
    },
  }
}

function openedForge({ forge, allowPlainHttp }: Settings, repository: string, clock: Clock): Forge | null {
  if (forge === null) return null
  return valueOf(openForge({ ...forge, repository, allowPlainHttp, fetch, nowMs: () => clock.nowMs() }))
}

type Shared = Omit<ReviewerOptions, 'patterns' | 'pollMs' | 'status' | 'plan' | 'secret' | 'fleetState'>

function reviewerOf(settings: Settings, controller: Controller, shared: Shared): Reviewer | null {
  const patterns = settings.forge?.proposals ?? []
  if (patterns.length === 0) return null
  const about = { clock: shared.clock, ref: refName(settings) }
  return new Reviewer({
    ...shared,
    patterns,
    pollMs: settings.pollMs,
    status: () => controller.status(),
    plan: (source, signal) => planProposal(controller, source, about, signal),
    secret: controller.snapshot().controllerId,
    fleetState: () => fleetDigest(controller),
  })
}

async function planProposal(
  controller: Controller,
  source: Source,
  { clock, ref }: { readonly clock: Clock; readonly ref: string },
  signal: AbortSignal,
): Promise<ProposalPlan> {
  const preview = await previewOn(controller.snapshot(), source, clock, ref, signal)
  const { plans, status, observation } = preview
  const { markdown, summary, errors, guards, pin } = planReport(plans, status, preview.pin)
  const [impact, capacity] = [impactOf(plans), capacityAfter(plans, observation)]
  return { summary, markdown, impact, capacity, pin, errors, guards }
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
