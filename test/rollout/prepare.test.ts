import { describe, expect, it } from 'vitest'
import { formatAction, specHash } from '../../src/model/index.js'
import type { ImagePin, Problem, ServerView } from '../../src/model/index.js'
import { advance, specKey } from '../../src/rollout/index.js'
import type { Prepared, StackState } from '../../src/rollout/index.js'
import { specOf } from './builders.js'
import { SWARM_NETWORK } from '../driver/fixtures.js'
import { facts, listed } from '../planner/world.js'
import {
  NOW_MS,
  actionsOf,
  blockedAt,
  createAt,
  factKindsOf,
  factsOf,
  problemOf,
  replaceAt,
  unchangedAt,
} from './situation.js'
import type { Situation } from './situation.js'

const web = specOf({ image: 'web:2' })
const PREPARING = { phase: 'preparing' } as const
const digest = (letter: string): string => `web@sha256:${letter.repeat(64)}`

function done(image: Partial<ImagePin>): Prepared {
  return { kind: 'done', image: { digest: null, id: 'i', ...image } }
}

function pulled(answers: Readonly<Record<string, Prepared>>): ReadonlyMap<string, Prepared> {
  return new Map(
    Object.entries(answers).map(([key, answer]) => [key.includes('|') ? key : `${key}|image|web:2|missing`, answer]),
  )
}

/** One slot for each of two servers. */
function preparing(answers: Readonly<Record<string, Prepared>>, patch: Partial<Situation> = {}): Situation {
  const changes = [replaceAt(web, 1, { server: 'lon-1' }), replaceAt(web, 2, { server: 'lon-2' })]
  return { services: [web], changes, prepared: pulled(answers), ...patch, rollout: { ...PREPARING, ...patch.rollout } }
}

function pinOf(situation: Situation): unknown {
  const fact = advance(factsOf(situation)).facts.find(({ kind }) => kind === 'image-pinned')
  return fact?.kind === 'image-pinned' ? { digest: fact.digest, ids: fact.ids } : null
}

/** lon-2 and lon-3 are managers. */
function nodeOf(name: string): ServerView {
  const swarm = { node: name, isManager: name !== 'lon-1', managers: ['lon-2', 'lon-3'] }
  return listed(name, [], { facts: { ...facts(name), swarm } })
}

describe('before anything is replaced', () => {
  const failed = (problem: Problem = problemOf('IMAGE_NOT_FOUND')): Prepared => ({
    kind: 'failed',
    problem,
    atMs: NOW_MS,
  })

  it('the image is pulled on every server concerned, and that is awaited', () => {
    expect(actionsOf(preparing({}))).toEqual(['pull web:2', 'pull web:2'])
    expect(factKindsOf(preparing({ 'lon-1': done({ digest: digest('a') }) }))).toEqual([])
    expect(
      factKindsOf(preparing({ 'lon-1': done({ digest: digest('a') }), 'lon-2': done({ digest: digest('a') }) })),
    ).toEqual(['image-pinned', 'rollout-prepared'])
  })

  it('a network of a Swarm is made once, by a manager that can be asked', () => {
    const spec = { ...web, networks: [{ network: 'shop_mesh', aliases: [] }] }
    const changes = [replaceAt(spec, 1, { server: 'lon-1' }), replaceAt(spec, 2, { server: 'lon-2' })]
    const observation = new Map(['lon-1', 'lon-2', 'lon-3'].map((name) => [name, nodeOf(name)]))
    const facts = factsOf({ services: [spec], changes, observation, rollout: PREPARING })
    const target = { ...facts.target, stack: { ...facts.target.stack, networks: [SWARM_NETWORK] } }
    const networks = advance({ ...facts, target }).actions.filter(({ kind }) => kind === 'ensure-network')
    expect(networks.map(formatAction)).toEqual(['ensure-network shop_mesh on lon-2'])
  })

  it('one server without it holds everything up', () => {
    const situation = preparing({ 'lon-1': done({ digest: digest('a') }), 'lon-2': failed() })
    expect(factKindsOf(situation)).toEqual(['rollout-blocked'])
    expect(actionsOf(situation)).toEqual([])
  })

  it('images whose files are mounted are pulled as well, and that is awaited', () => {
    const mount = { kind: 'image', source: 'site:1', target: '/www', readOnly: true } as const
    const spec = { ...web, mounts: [mount] }
    const both = [replaceAt(spec, 1, { server: 'lon-1' })]
    const one = { ...preparing({ 'lon-1': done({}) }), services: [spec], changes: both }
    expect(actionsOf(one)).toEqual(['pull site:1'])
    const answers = { 'lon-1': done({}), 'lon-1|image|site:1|missing': done({}) }
    expect(factKindsOf({ ...one, prepared: pulled(answers) })).toEqual(['image-pinned', 'rollout-prepared'])
    const refused = { ...answers, 'lon-1|image|site:1|missing': failed() }
    expect(factKindsOf({ ...one, prepared: pulled(refused) })).toEqual(['rollout-blocked'])
  })

  it('a slot that fits on no server holds everything up', () => {
    const changes = [unchangedAt(web, 1), blockedAt(web, 2, 'NO_SERVER_FITS')]
    expect(factKindsOf(preparing({}, { changes }))).toEqual(['rollout-blocked'])
  })

  it('what was held up is tried again when its pause has ended', () => {
    const answers = { 'lon-1': done({ digest: digest('a') }), 'lon-2': failed() }
    const blocked = (retryAtMs: number) => ({ problems: [], retryAtMs, attempt: 1 })
    const waits = preparing(answers, { rollout: { blocked: blocked(NOW_MS + 1) } })
    expect([actionsOf(waits), factKindsOf(waits)]).toEqual([[], []])
    const over = preparing(answers, { rollout: { blocked: blocked(NOW_MS + 1) }, nowMs: NOW_MS + 1 })
    expect(actionsOf(over)).toEqual(['pull web:2'])
  })
})

describe('a pin', () => {
  it('is the digest, and every server must have it', () => {
    const both = { 'lon-1': done({ digest: digest('a'), id: 'x' }), 'lon-2': done({ digest: digest('b'), id: 'y' }) }
    expect(pinOf(preparing(both))).toBeNull()
    expect(actionsOf(preparing(both))).toEqual([`pull ${digest('a')}`])
    const again = { ...both, [`lon-2|image|${digest('a')}|missing`]: done({ digest: digest('a'), id: 'z' }) }
    expect(pinOf(preparing(again))).toEqual({ digest: digest('a'), ids: { 'lon-1': 'x', 'lon-2': 'z' } })
  })

  it('of an image without a digest is its id on each server', () => {
    const both = { 'lon-1': done({ id: 'x' }), 'lon-2': done({ id: 'y' }) }
    expect(pinOf(preparing(both))).toEqual({ digest: null, ids: { 'lon-1': 'x', 'lon-2': 'y' } })
  })

  const runs = (pin: StackState['pins'][string], answers: Readonly<Record<string, Prepared>>): readonly unknown[] =>
    advance(
      factsOf({
        services: [web],
        changes: [createAt(web, 1)],
        prepared: pulled(answers),
        state: { pins: { [specKey('web', specHash(web))]: pin } },
      }),
    ).actions.map((action) =>
      action.kind === 'run' ? action.image : action.kind === 'pull' ? action.image : action.kind,
    )

  it('holds when the tag has moved: what is pulled is the digest, what runs has it', () => {
    const pin = { image: 'web:2', digest: digest('a'), ids: {} }
    expect(runs(pin, {})).toEqual([digest('a')])
    expect(runs(pin, { 'lon-1': done({ digest: digest('b'), id: 'moved' }) })).toEqual([digest('a')])
    const pinned = done({ digest: digest('a'), id: 'x' })
    expect(runs(pin, { [`lon-1|image|${digest('a')}|missing`]: pinned })).toEqual([{ digest: digest('a'), id: 'x' }])
  })

  it('holds by the id where there is no digest', () => {
    const pin = { image: 'web:2', digest: null, ids: { 'lon-1': 'first' } }
    expect(runs(pin, { 'lon-1': done({ id: 'moved' }) })).toEqual([{ digest: null, id: 'first' }])
  })
})

describe('a one-shot service', () => {
  const job = specOf({ mode: 'job', image: 'job:1' })
  const evidence = new Map([['web1', null]])
  it.each<[number | null, readonly string[]]>([
    [0, ['job-finished']],
    [1, ['replica-failed']],
    [2, ['replica-failed']],
    [137, ['replica-failed']],
    [null, ['replica-failed']],
  ])('that exited with %s gives %j', (exitCode, kinds) => {
    const change = unchangedAt(job, 1, { state: 'exited', exitCode, health: 'none' })
    const another = blockedAt(specOf({ name: 'other' }), 1, 'NO_SERVER_FITS')
    const services = [specOf({ name: 'other' }), job]
    expect(factKindsOf({ services, changes: [another, change], evidence })).toEqual(kinds)
  })
})
