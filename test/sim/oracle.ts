import { specHash } from '../../src/model/index.js'
import type { Desired, ServiceSpec, Stack } from '../../src/model/index.js'
import { createLoader } from '../../src/manifest/index.js'
import type { SimGit } from './git.js'

/** What every commit wants, read without any controller: the measure of what may run. */
export class Oracle {
  /** Shared with the controllers: what a commit says is read once. */
  readonly loader = createLoader()
  private readonly desired = new Map<string, Desired | null>()
  private readonly stacks = new Map<string, Stack>()
  private readonly git: SimGit

  constructor(git: SimGit) {
    this.git = git
  }

  /** Null: the commit cannot be read. */
  of(sha: string): Desired | null {
    const known = this.desired.get(sha)
    if (known !== undefined) return known
    const desired = this.read(sha)
    this.desired.set(sha, desired)
    for (const entry of desired?.stacks ?? []) if (entry.kind === 'valid') this.stacks.set(entry.hash, entry.stack)
    return desired
  }

  private read(sha: string): Desired | null {
    const tree = this.git.tree(sha)
    if (!tree.ok) return null
    for (let round = 0; round < 6; round += 1) {
      const loaded = this.loader.load(tree.value, (oid) => this.git.content(oid))
      if (loaded.kind === 'loaded') return loaded.desired
      if (loaded.kind === 'refused') return null
    }
    return null
  }

  stack(hash: string | null): Stack | null {
    return hash === null ? null : (this.stacks.get(hash) ?? null)
  }

  service(hash: string | null, name: string): ServiceSpec | null {
    return this.stack(hash)?.services.find((spec) => spec.name === name) ?? null
  }

  hashOf(spec: ServiceSpec): string {
    return specHash(spec)
  }

  hashIn(hash: string | null, service: string): string | null {
    const spec = this.service(hash, service)
    return spec === null ? null : specHash(spec)
  }
}
