import { fail, ok } from '../model/index.js'
import type { Desired, Listing, Result, Server, ServerView } from '../model/index.js'
import type { Driver } from '../controller/index.js'
import { runningController } from './connect.js'
import { valueOf } from './invocation.js'
import type { Invocation } from './invocation.js'

/** The driver as far as it only looks: whoever has this cannot change a server. */
type Eyes = Pick<Driver, 'use' | 'observe' | 'close'>

const LOOK_DEADLINE_MS = 20_000

/** What each server shows: as the running controller has seen it last, or looked at now where it does not know it. */
export async function observeFleet(
  invocation: Invocation,
  { fleet }: Desired,
): Promise<ReadonlyMap<string, Result<Listing>>> {
  const running = await runningController(invocation.settings)
  const isOfFleet = running !== null && running.status.fleet === fleet.name
  const views = isOfFleet ? valueOf(await running.surface.observation()) : []
  const seen = new Map(views.map((view) => [view.server, asListing(view)]))
  const others = fleet.servers.filter(({ name }) => !seen.has(name))
  if (others.length > 0) for (const [name, look] of await lookAt(invocation, fleet.name, others)) seen.set(name, look)
  return new Map([...seen].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function asListing(view: ServerView): Result<Listing> {
  return view.kind === 'listed' ? ok(view.listing) : fail(view.problem)
}

async function lookAt(
  { parts, settings, io }: Invocation,
  fleet: string,
  servers: readonly Server[],
): Promise<readonly (readonly [name: string, look: Result<Listing>])[]> {
  const eyes: Eyes = await parts.openDriver(settings, () => undefined)
  try {
    eyes.use(fleet, servers)
    const signal = AbortSignal.any([io.interrupted, AbortSignal.timeout(LOOK_DEADLINE_MS)])
    return await Promise.all(servers.map(async ({ name }) => [name, await eyes.observe(name, [], signal)] as const))
  } finally {
    await eyes.close()
  }
}
