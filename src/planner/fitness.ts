import { compareText } from '../model/index.js'
import type { Replica } from '../model/index.js'

/** How well a replica serves: lower is better. */
function fitness(replica: Replica): number {
  if (replica.state === 'running') return replica.health === 'starting' ? 1 : replica.health === 'unhealthy' ? 3 : 0
  if (replica.state === 'restarting' || replica.state === 'paused') return 2
  return 4
}

/** Of several replicas with the wanted spec, the one to keep first: the newest, since one that returns with its server was replaced meanwhile. */
export function byNewest(a: Replica, b: Replica): number {
  return fitness(a) - fitness(b) || b.createdAtMs - a.createdAtMs || byPlace(a, b)
}

/** Of several outdated replicas, the one that serves first: the oldest, which has proven itself for longest. */
export function byOldest(a: Replica, b: Replica): number {
  return fitness(a) - fitness(b) || a.createdAtMs - b.createdAtMs || byPlace(a, b)
}

/** Of several runs of a job, the one that counts first: finished well, then under way, then newest. */
export function byJobProgress(a: Replica, b: Replica): number {
  return jobRank(a) - jobRank(b) || b.createdAtMs - a.createdAtMs || byPlace(a, b)
}

function jobRank(replica: Replica): number {
  return hasFinishedWell(replica) ? 0 : replica.state === 'exited' ? 2 : 1
}

export function hasFinishedWell(replica: Replica): boolean {
  return replica.state === 'exited' && replica.exitCode === 0
}

export function byPlace(a: Replica, b: Replica): number {
  return compareText(a.server, b.server) || compareText(a.containerId, b.containerId)
}
