import { planPin } from '../planner/index.js'
import { fail, ok } from '../model/index.js'
import type { Observation, Problem, Result, Stack, StackPlan } from '../model/index.js'
import { Controller } from './controller.js'
import { memoryJournal } from './memory-journal.js'
import type { Clock, Driver, Inventory, ManifestLoader, Source } from './ports.js'
import type { State } from './state.js'
import type { FleetStatus } from './status.js'

/** What a controller knows at one moment. */
export interface Snapshot {
  readonly observation: Observation
  readonly state: State
  readonly stack: (hash: string) => Stack | undefined
  readonly controllerId: string
  readonly loader: ManifestLoader
}

export interface Preview {
  readonly plans: readonly StackPlan[]
  readonly status: FleetStatus
  readonly observation: Observation
  /** The name of the plan; null when what the source says was not accepted. */
  readonly pin: string | null
}

const DEADLINE_MS = 60_000
const LOOK_AGAIN_MS = 20

/**
 * What a controller would do if Git said what `source` says: a dry run on what was seen last. No server is asked, not even one that the source
 * names for the first time, and nothing is written.
 */
export async function previewOn(
  snapshot: Snapshot,
  source: Source,
  clock: Clock,
  ref: string,
  signal: AbortSignal,
): Promise<Preview> {
  const { observation, state, stack, controllerId, loader } = snapshot
  const content = { snapshot: state, facts: [], inventories: inventoriesOf(observation), openIntents: [] }
  const journal = memoryJournal({ controllerId, content, stack })
  const ports = { clock, source, loader, driver: rememberedDriver(observation), journal, log: () => undefined }
  const controller = new Controller(ports, { ref, dryRun: true })
  try {
    controller.start()
    await controller.poll()
    const endMs = clock.nowMs() + DEADLINE_MS
    const isRead = (): boolean => controller.status().source.accepted === null || controller.isDecided()
    while (!isRead() && !signal.aborted && clock.nowMs() < endMs)
      await new Promise<void>((resolve) => void clock.after(LOOK_AGAIN_MS, resolve))
    const plans = controller.plans()
    const { accepted } = controller.snapshot().state
    const isAccepted = accepted !== null && accepted !== state.accepted && controller.isDecided()
    return { plans, status: controller.status(), observation, pin: isAccepted ? planPin(accepted, plans) : null }
  } finally {
    await controller.stop()
  }
}

function inventoriesOf(observation: Observation): readonly Inventory[] {
  return [...observation.values()].map((view) => ({
    server: view.server,
    engineId: (view.kind === 'listed' ? view.listing.facts.engineId : view.facts?.engineId) ?? '',
    replicas: view.kind === 'listed' ? view.listing.replicas : view.mayHold,
  }))
}

/** Servers as they were seen last. Whatever else is asked of them is a bug: a dry run only looks. */
function rememberedDriver(observation: Observation): Driver {
  const refuse = (): Promise<Result<never>> =>
    Promise.resolve(fail({ code: 'BUG', message: 'a plan that only shows asked a server to do something' }))
  return {
    use: () => undefined,
    observe: (server) => Promise.resolve(seen(server, observation)),
    perform: refuse,
    ask: refuse,
    diagnose: refuse,
    // eslint-disable-next-line @typescript-eslint/require-await -- the port is asynchronous, and there are no logs here
    async *logs() {
      yield* []
    },
    onHint: () => undefined,
    close: () => Promise.resolve(),
  }
}

function seen(server: string, observation: Observation): Awaited<ReturnType<Driver['observe']>> {
  const view = observation.get(server)
  if (view?.kind === 'listed') return ok(view.listing)
  const why = view === undefined ? 'is new here: it is looked at when this is merged' : 'is away'
  const problem: Problem = { code: 'SERVER_UNREACHABLE', server, message: `server ${server} ${why}` }
  return fail(problem)
}
