import type { Replica } from './observation.js'
import type { RestartPolicy } from './service-spec.js'

/** What a replica is to be brought back from; `paused`: somebody did that by hand. */
export type Ailment = 'exited' | 'unhealthy' | 'paused'

/** Null: it does well, has ended as it may, or is past helping. */
export function ailmentOf({ condition }: RestartPolicy, { state, health, exitCode }: Replica): Ailment | null {
  if (state === 'running') return health === 'unhealthy' ? 'unhealthy' : null
  if (state === 'paused') return 'paused'
  if (state !== 'exited' || condition === 'no') return null
  return condition === 'on-failure' && exitCode === 0 ? null : 'exited'
}
