import type { Command } from '../../src/controller/index.js'
import { MemoryDisk } from './disk.js'
import { PLAIN } from './drafts.js'
import type { Draft, ServiceDraft, StackDraft } from './drafts.js'
import { serverNames } from './scenario.js'
import { seatOf } from './seat.js'
import type { World } from './world.js'

type Services = Readonly<Record<string, Partial<ServiceDraft>>>

/** Something people do, from a fleet at rest to a fleet at rest. */
export interface Workflow {
  readonly before: Services
  readonly servers: number
  /** What else its repository says. */
  readonly fleet?: Pick<Draft, 'ingress' | 'acme'>
  /** Begins it. */
  readonly act: (world: World) => void
  /** Once a second while it goes on, with the seconds since it began. */
  readonly each?: (world: World, second: number) => void
  /** Nothing is called over before this. */
  readonly lastsMs?: number
}

export function draftOf(services: Services, servers: number, others: Readonly<Record<string, Services>> = {}): Draft {
  const stacks = Object.entries({ ...others, shop: services }).map(([name, own]) => [name, filled(own)] as const)
  return {
    servers: serverNames(servers),
    prune: 1,
    history: 'fast-forward',
    stacks: Object.fromEntries(stacks),
    broken: {},
  }
}

function filled(services: Services): StackDraft {
  return Object.fromEntries(Object.entries(services).map(([name, service]) => [name, { ...PLAIN, ...service }]))
}

/** Replaces what one service says. */
function edit(name: string, change: Partial<ServiceDraft> | null): (world: World) => void {
  return (world) => {
    const { [name]: before, ...others } = world.draft.stacks['shop'] ?? {}
    const next = change === null ? others : { ...others, [name]: { ...PLAIN, ...before, ...change } }
    world.commit({ ...world.draft, stacks: { ...world.draft.stacks, shop: next } }, `edit ${name}`)
  }
}

const SHOP: Services = { api: {}, web: { replicas: 2, dependsOn: ['api'] } }

function plain(act: (world: World) => void, before: Services = SHOP): Workflow {
  return { before, servers: 2, act }
}

/** A command that gets no answer is given again. */
function said(command: Command, isDone: (world: World) => boolean): Workflow {
  const say = (world: World): void => {
    if (!isDone(world)) world.command(command)
  }
  return { ...plain(say), each: say }
}

const RESTART: Command = { kind: 'restart', stack: 'shop', service: 'web', reason: 'because', by: 'ada' }

function isRestarted(world: World): boolean {
  return world.ledger.restarts.has('shop/web')
}

/** A route comes, and its host gets a certificate. */
const CERTIFIED: Workflow = {
  ...plain(edit('web', { routed: true }), { web: { port: 8_000 } }),
  servers: 1,
  fleet: { ingress: true, acme: true },
  lastsMs: 120_000,
}

export const WORKFLOWS: Readonly<Record<string, Workflow>> = {
  'a first deployment': plain((world) => world.commit(draftOf(SHOP, 2), 'first'), {}),
  'an update, start first': plain(edit('web', { tag: '2', order: 'start-first' })),
  'an update, stop first': plain(edit('web', { tag: '2' }), { ...SHOP, web: { replicas: 2, volume: true } }),
  'a scale up': plain(edit('web', { replicas: 4 })),
  'a scale down': plain(edit('web', { replicas: 1 }), { web: { replicas: 3 } }),
  'a rollback': plain(edit('web', { tag: 'never' })),
  'a rollback of a stop-first update': plain(edit('web', { tag: 'crash2' }), { web: { replicas: 2, volume: true } }),
  'a rollback that fails': {
    ...plain(edit('web', { tag: 'never' }), { web: { order: 'stop-first' } }),
    each: (world) => {
      if (world.ledger.phase() === 'rolling back') for (const engine of world.engines.values()) engine.isDiskFull = true
    },
  },
  'a commit that overtakes another': {
    ...plain(edit('web', { tag: '2' })),
    each: (world, second) => (second === 62 ? edit('web', { tag: '3' })(world) : undefined),
    lastsMs: 130_000,
  },
  'a removal': plain(edit('api', null), { api: {}, web: { replicas: 2 } }),
  'a move by constraint': plain(edit('web', { zone: 'b' }), { web: { replicas: 2, zone: 'a' } }),
  'a server that is lost and comes back': {
    before: { web: { replicas: 3 } },
    servers: 3,
    act: (world) => {
      const link = world.links.get('s1')
      if (link !== undefined) link.cut = { kind: 'refused', code: 'SERVER_UNREACHABLE' }
      world.harm.cutForMs('s1')
    },
    each: (world, second) => {
      if (second === 900) world.links.get('s1')?.heal()
    },
    lastsMs: 960_000,
  },
  'a restart': said(RESTART, isRestarted),
  'a job': plain(edit('task', { mode: 'job', tag: 'done' })),
  'a job that fails': plain(edit('task', { mode: 'job', tag: 'jobbad' })),
  'a changed config': plain(edit('web', { config: 2 }), { web: { replicas: 2, config: 1 } }),
  'changed limits': plain(edit('web', { memory: '96M' }), { web: { replicas: 2, memory: '64M' } }),
  'a drain': said({ kind: 'drain', server: 's1', by: 'ada' }, (world) => world.ledger.drained.has('s1')),
  'an order for a certificate': CERTIFIED,
  'an update after the journal was lost': plain((world) => {
    world.kill()
    world.main.disk.erase()
    world.forget(null)
    world.boot()
    edit('web', { tag: '2' })(world)
  }),
  'an update after a second controller came and went': {
    ...plain((world) => {
      const rival = seatOf('two', new MemoryDisk())
      world.seats.push(rival)
      world.boot(rival)
    }),
    each: (world, second) => {
      if (second === 90) for (const seat of world.seats.splice(1)) world.kill(seat)
      if (second === 95) edit('web', { tag: '2' })(world)
    },
    lastsMs: 200_000,
  },
}

const ONE: Services = { web: {} }

function smallest(act: (world: World) => void, before: Services = ONE): Workflow {
  return { before, servers: 1, act }
}

/** The same with one replica on one server, for every pair of crash points. */
export const SMALLEST: Readonly<Record<string, Workflow>> = {
  'a first deployment': smallest((world) => world.commit(draftOf(ONE, 1), 'first'), {}),
  'an update, start first': smallest(edit('web', { tag: '2', order: 'start-first' })),
  'an update, stop first': smallest(edit('web', { tag: '2' }), { web: { volume: true } }),
  'a scale up': smallest(edit('web', { replicas: 2 })),
  'a scale down': smallest(edit('web', { replicas: 1 }), { web: { replicas: 2 } }),
  'a rollback': smallest(edit('web', { tag: 'never' })),
  'a rollback of a stop-first update': smallest(edit('web', { tag: 'crash2' }), { web: { volume: true } }),
  'a removal': smallest(edit('api', null), { api: {}, web: {} }),
  'a restart': { ...said(RESTART, isRestarted), before: ONE, servers: 1 },
  'a job': smallest(edit('task', { mode: 'job', tag: 'done' })),
  'a changed config': smallest(edit('web', { config: 2 }), { web: { config: 1 } }),
  'changed limits': smallest(edit('web', { memory: '96M' }), { web: { memory: '64M' } }),
}
