import type { FakeDriver } from '../controller/world.js'

/** What a release left behind: the repository, the containers with what their labels say, and beside it its journal. */
export interface Recorded {
  readonly commits: readonly { readonly subject: string; readonly files: Readonly<Record<string, string>> }[]
  readonly nowMs: number
  readonly containers: readonly (FakeDriver['containers'] extends Map<string, infer C> ? readonly [string, C] : never)[]
}
