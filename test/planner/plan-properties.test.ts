import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareSlots, formatLimits, formatSlot } from '../../src/model/index.js'
import type { Change, Replica, ServerView, ServiceSpec, StackPlan } from '../../src/model/index.js'
import { formatPlan, planToJson } from '../../src/planner/index.js'
import { away, inputOf, listed, planOf, port, replicaOf, server, specOf, volume } from './world.js'
import type { World } from './world.js'

const NAMES = ['lon-1', 'lon-2', 'lon-3', 'lon-4'] as const
const ZONES: Readonly<Record<string, string>> = { 'lon-1': 'a', 'lon-2': 'a', 'lon-3': 'b', 'lon-4': 'b' }

const anySpec = (name: string) =>
  fc
    .record({
      image: fc.constantFrom('busybox:1', 'busybox:2'),
      mode: fc.constantFrom('replicated' as const, 'replicated' as const, 'global' as const, 'job' as const),
      replicas: fc.integer({ min: 0, max: 5 }),
      zone: fc.constantFrom('', '', 'a', 'b'),
      published: fc.constantFrom(null, null, 8080, 8081),
      hasVolume: fc.boolean(),
      cpus: fc.constantFrom(0, 0, 0.5, 2),
      limit: fc.constantFrom(null, 0.5, 1),
      maxPerServer: fc.constantFrom(0, 0, 1),
    })
    .map(({ image, mode, replicas, zone, published, hasVolume, cpus, limit, maxPerServer }) =>
      specOf(name, {
        image,
        mode,
        replicas,
        restart: { condition: mode === 'job' ? 'no' : 'always', maxAttempts: 0 },
        ports: published === null ? [] : [port(published)],
        mounts: hasVolume ? [volume(`shop_${name}`)] : [],
        reservations: { cpus, memoryBytes: 0 },
        limits: { cpus: limit, memoryBytes: null, pids: null },
        placement: {
          constraints: zone === '' ? [] : [{ key: 'node.labels.zone', op: '==', value: zone }],
          spread: ['node.labels.zone'],
          maxPerServer,
        },
      }),
    )

const services = fc.tuple(anySpec('api'), anySpec('db'), anySpec('web'))

/** Replicas of wanted, outdated and removed services, in any state. */
const anyReplicas = (specs: readonly ServiceSpec[]) =>
  fc.uniqueArray(
    fc
      .record({
        spec: fc.constantFrom(...specs, ...specs.map((spec) => ({ ...spec, image: 'busybox:0' })), specOf('gone')),
        key: fc.constantFrom('1', '2', '3', '7', ...NAMES),
        on: fc.constantFrom(...NAMES),
        state: fc.constantFrom(
          'running' as const,
          'running' as const,
          'running' as const,
          'created' as const,
          'exited' as const,
          'dead' as const,
          'paused' as const,
        ),
        health: fc.constantFrom('none' as const, 'healthy' as const, 'unhealthy' as const, 'starting' as const),
        createdAtMs: fc.integer({ min: 0, max: 3 }),
      })
      .map(({ spec, key, on, ...rest }) =>
        replicaOf(spec, key, on, { ...rest, exitCode: rest.state === 'exited' ? 1 : null }),
      ),
    { selector: (replica) => replica.containerId, maxLength: 12 },
  )

const world: fc.Arbitrary<World> = services.chain((specs) =>
  fc
    .record({
      replicas: anyReplicas(specs),
      phases: fc.tuple(
        ...NAMES.map(() => fc.constantFrom('listed', 'listed', 'listed', 'listed', 'missed', 'unknown', 'lost', 'new')),
      ),
      drained: fc.subarray([...NAMES], { maxLength: 1 }),
    })
    .map(({ replicas, phases, drained }) => ({
      services: specs,
      known: specs.map((spec) => ({ ...spec, image: 'busybox:0' })),
      servers: NAMES.map((name) => server(name, { zone: ZONES[name] ?? '' })),
      drained: new Set<string>(drained),
      views: NAMES.map((name, index) =>
        viewOf(
          name,
          phases[index] ?? 'listed',
          replicas.filter((replica) => replica.server === name),
        ),
      ),
    })),
)

function viewOf(name: string, phase: string, replicas: readonly Replica[]): ServerView {
  switch (phase) {
    case 'listed':
      return listed(name, replicas)
    case 'new':
      return away(name, 'missed', [], { everListed: false })
    default:
      return away(name, phase as 'lost', replicas)
  }
}

const allListed = world.map((candidate): World => ({
  ...candidate,
  views: candidate.views.map((view) => (view.kind === 'listed' ? view : listed(view.server, view.mayHold))),
}))

/** What the servers show after everything in a plan was done and went well. */
function apply(before: World, plan: StackPlan): World {
  const views = before.views.map((view) =>
    view.kind === 'listed' ? { ...view, listing: { ...view.listing, ...after(view, plan) } } : view,
  )
  return { ...before, views }
}

function after(
  view: Extract<ServerView, { kind: 'listed' }>,
  plan: StackPlan,
): Pick<typeof view.listing, 'replicas' | 'volumes'> {
  const gone = new Set(
    plan.changes.flatMap((change) =>
      change.kind === 'remove'
        ? [change.replica.containerId]
        : change.kind === 'replace'
          ? [change.from.containerId]
          : [],
    ),
  )
  const made = plan.changes.flatMap((change) =>
    (change.kind === 'create' || (change.kind === 'replace' && change.successor === null)) &&
    change.server === view.server
      ? [replicaOf(change.spec, change.slot.key, change.server, { createdAtMs: 9 })]
      : [],
  )
  const healed = new Map(
    plan.changes.flatMap((change) =>
      change.kind === 'restart' || change.kind === 'update-in-place'
        ? [[change.replica.containerId, change] as const]
        : [],
    ),
  )
  const kept = view.listing.replicas.filter((replica) => !gone.has(replica.containerId))
  const settled = kept.map((replica) => heal(replica, healed.get(replica.containerId)))
  const volumes = [...settled, ...made].flatMap((replica) =>
    replica.state === 'created' ? [] : mountsOf(plan, replica),
  )
  return { replicas: [...settled, ...made], volumes: [...view.listing.volumes, ...volumes] }
}

function heal(replica: Replica, change: Change | undefined): Replica {
  if (change?.kind === 'restart') return { ...replica, state: 'running', health: 'none' }
  return change?.kind === 'update-in-place' ? { ...replica, limits: formatLimits(change.spec) } : replica
}

function mountsOf(plan: StackPlan, replica: Replica) {
  const change = plan.changes.find(
    (candidate) => candidate.kind !== 'remove' && candidate.slot.service === replica.slot.service,
  )
  const mounts = change?.kind === undefined || change.kind === 'remove' ? [] : change.spec.mounts
  return mounts.flatMap((mount) => (mount.kind === 'volume' ? [{ name: mount.source, fleet: 'acme' }] : []))
}

const isOpen = (change: Change) => change.kind !== 'unchanged' && change.kind !== 'blocked'

describe('any plan', () => {
  it('is the same whatever the order in which servers and replicas were listed', () => {
    fc.assert(
      fc.property(world, fc.nat(), (candidate, seed) => {
        const turned = candidate.views.map((view) =>
          view.kind === 'listed'
            ? { ...view, listing: { ...view.listing, replicas: [...view.listing.replicas].reverse() } }
            : { ...view, mayHold: [...view.mayHold].reverse() },
        )
        const at = seed % turned.length
        const views = [...turned.slice(at), ...turned.slice(0, at)]
        const print = (of: World) =>
          JSON.stringify(planToJson([planOf(of)])) + formatPlan([planOf(of)], { format: 'text' })
        expect(print({ ...candidate, views })).toBe(print(candidate))
      }),
    )
  })

  it('is done when it was applied: after at most three rounds, for ports that change hands, nothing is left to do', () => {
    fc.assert(
      fc.property(allListed, (candidate) => {
        let current = candidate
        for (let round = 0; round < 3; round += 1) current = apply(current, planOf(current))
        expect(planOf(current).changes.filter(isOpen)).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  it('changes nothing on a server that was not listed, on a drained one only to leave it, and never places against a constraint', () => {
    fc.assert(
      fc.property(world, (candidate) => {
        const { survey, drained } = {
          survey: inputOf(candidate).observation,
          drained: candidate.drained ?? new Set<string>(),
        }
        for (const change of planOf(candidate).changes) {
          if (change.kind === 'blocked') continue
          expect(survey.get(change.server)?.kind).toBe('listed')
          if (change.kind === 'replace') expect(survey.get(change.from.server)?.kind).toBe('listed')
          if (change.kind !== 'create' && change.kind !== 'replace') continue
          expect(drained.has(change.server)).toBe(false)
          const [constraint] = change.spec.placement.constraints
          if (constraint !== undefined) expect(ZONES[change.server]).toBe(constraint.value)
        }
      }),
    )
  })

  it('has one change for each slot at most, removals apart, and no more of them than are wanted', () => {
    fc.assert(
      fc.property(world, (candidate) => {
        const slots = planOf(candidate)
          .changes.filter((change) => change.kind !== 'remove')
          .map((change) => formatSlot(change.slot))
        expect(new Set(slots).size).toBe(slots.length)
        for (const spec of candidate.services ?? []) {
          const wanted = spec.mode === 'replicated' ? spec.replicas : spec.mode === 'job' ? 1 : NAMES.length
          expect(slots.filter((slot) => slot.startsWith(`shop/${spec.name}`)).length).toBeLessThanOrEqual(wanted)
        }
      }),
    )
  })

  it('names each container once, keeps every server within its reservations and ports, and is sorted', () => {
    fc.assert(
      fc.property(world, (candidate) => {
        const { changes } = planOf(candidate)
        const touched = changes.flatMap((change) =>
          change.kind === 'create' || change.kind === 'blocked'
            ? []
            : change.kind === 'replace'
              ? [change.from.containerId, ...(change.successor === null ? [] : [change.successor.containerId])]
              : [change.replica.containerId],
        )
        expect(new Set(touched).size).toBe(touched.length)
        expect([...changes].sort((a, b) => compareSlots(a.slot, b.slot))).toEqual(changes)
        const made = changes.flatMap((change) => (change.kind === 'create' ? [change] : []))
        const ports = made.flatMap((change) =>
          change.spec.ports.map(({ published }) => `${change.server}:${published}`),
        )
        expect(new Set(ports).size).toBe(ports.length)
        for (const name of NAMES)
          expect(
            made
              .filter((change) => change.server === name)
              .reduce((sum, change) => sum + change.spec.reservations.cpus, 0),
          ).toBeLessThanOrEqual(4)
      }),
    )
  })

  it('never makes anew what may still run: a slot with a replica on a server that only missed its looks is left alone', () => {
    fc.assert(
      fc.property(world, (candidate) => {
        const globals = new Set(
          (candidate.services ?? []).filter((spec) => spec.mode === 'global').map((spec) => spec.name),
        )
        const held = candidate.views.flatMap((view) =>
          view.kind === 'unreachable' && view.phase !== 'lost' ? view.mayHold : [],
        )
        // A slot of a global service is on its own server or nowhere.
        const slots = new Set(
          held
            .filter(({ slot, server: on }) => !globals.has(slot.service) || slot.key === on)
            .map(({ slot }) => formatSlot(slot)),
        )
        const made = planOf(candidate).changes.filter(
          (change) => change.kind === 'create' || (change.kind === 'replace' && change.successor === null),
        )
        expect(made.filter((change) => slots.has(formatSlot(change.slot)))).toEqual([])
      }),
    )
  })
})
