import type { Dependency, ServiceSpec, Stack } from '../model/index.js'

/** Services so that each comes after what it depends on; ties by name. The loader refuses cycles; should one come, the rest follows by name. */
export function dependencyOrder(stack: Stack): readonly ServiceSpec[] {
  const ordered: ServiceSpec[] = []
  const placed = new Set<string>()
  let left = stack.services
  while (left.length > 0) {
    const names = new Set(left.map((spec) => spec.name))
    const free = left.filter((spec) =>
      spec.dependsOn.every((dependency) => placed.has(dependency.service) || !names.has(dependency.service)),
    )
    const next = free.length > 0 ? free : left
    for (const spec of next) placed.add(spec.name)
    ordered.push(...next)
    left = left.filter((spec) => !placed.has(spec.name))
  }
  return ordered
}

/** How far a service is, as those that depend on it see it. */
export interface ServiceProgress {
  /** Slots that it should have; none: there is nothing to wait for. */
  readonly wanted: number
  readonly settled: boolean
  readonly running: number
  readonly healthy: number
  readonly jobDone: boolean
  /** Its spec changes in the rollout that runs. */
  readonly touched: boolean
}

/** The first dependency that is not where it must be; null when the service may start. Specification: Compose, `depends_on`. */
export function unmetDependency(spec: ServiceSpec, progress: ReadonlyMap<string, ServiceProgress>): Dependency | null {
  return spec.dependsOn.find((dependency) => !isMet(dependency, progress.get(dependency.service))) ?? null
}

function isMet(dependency: Dependency, progress: ServiceProgress | undefined): boolean {
  if (progress === undefined) return !dependency.required
  switch (dependency.condition) {
    case 'service_completed_successfully':
      return progress.jobDone
    case 'service_healthy':
      if (progress.wanted === 0) return true
      return progress.touched ? progress.settled : progress.healthy > 0
    case 'service_started':
      // A one-shot service that has finished has started, too.
      if (progress.wanted === 0 || progress.jobDone) return true
      return progress.touched ? progress.settled || progress.running > 0 : progress.running > 0
  }
}
