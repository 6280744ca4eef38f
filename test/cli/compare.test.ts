import { describe, expect, it } from 'vitest'
import { compareFleets } from '../../src/cli/show/compare.js'
import { createLoader } from '../../src/manifest/index.js'
import type { Stack } from '../../src/model/index.js'
import { revision } from './fleet-status.js'

/** Stacks as the loader makes them of Compose text. */
function stacks(compose: string): readonly Stack[] {
  const files = new Map([
    ['slipway.yaml', 'fleet: acme\nservers:\n  one: { engine: unix:///var/run/docker.sock }\n'],
    ['stacks/shop/compose.yaml', compose],
  ])
  const entries = new Map([...files.keys()].map((path) => [path, { kind: 'file' as const, oid: path }]))
  const loaded = createLoader().load({ revision: revision('a'), entries }, (oid) => Buffer.from(files.get(oid) ?? ''))
  if (loaded.kind !== 'loaded') throw new Error(JSON.stringify(loaded))
  return loaded.desired.stacks.flatMap((entry) => (entry.kind === 'valid' ? [entry.stack] : []))
}

const before = stacks(`services:
  web: { image: "busybox:1.36", deploy: { replicas: 2 }, environment: { DB_PASSWORD: first } }
  old: { image: "busybox:1.36" }
`)

describe('the difference of two commits', () => {
  it('names what is added, removed and changed, in and around the container', () => {
    const after = stacks(`services:
  web: { image: "busybox:1.37", deploy: { replicas: 3 }, environment: { DB_PASSWORD: first } }
  new: { image: "busybox:1.36" }
`)
    expect(compareFleets(before, after)).toEqual([
      { service: 'shop/new', kind: 'added', causes: ['image busybox:1.36'] },
      { service: 'shop/old', kind: 'removed', causes: [] },
      { service: 'shop/web', kind: 'changed', causes: ['image busybox:1.36 → busybox:1.37', 'deploy.replicas 2 → 3'] },
    ])
  })

  it('is nothing between equals', () => {
    expect(compareFleets(before, before)).toEqual([])
  })

  it('never shows the value of a secret', () => {
    const after = stacks(`services:
  web: { image: "busybox:1.36", deploy: { replicas: 2 }, environment: { DB_PASSWORD: second } }
  old: { image: "busybox:1.36" }
`)
    const [change] = compareFleets(before, after)
    expect(change?.causes).toHaveLength(1)
    expect(JSON.stringify(change)).not.toMatch(/first|second/)
  })
})
