import { describe, expect, it } from 'vitest'
import type { SignatureVerdict } from '../../src/model/index.js'
import type { Controller } from '../../src/controller/index.js'
import { ALL, PATH, SHOP, deployed, running } from './deployed.js'
import { FLEET, compose, createWorld } from './world.js'
import type { World } from './world.js'

const ADA: SignatureVerdict = { kind: 'trusted', signer: 'ada', names: ['ada@example.com', 'ADA'], key: 'ADA' }
const EVE: SignatureVerdict = { kind: 'trusted', signer: 'eve', names: ['eve@example.com'], key: 'EVE' }

const held = (controller: Controller): string | undefined => controller.status().source.held?.problem.code

function release(world: World, version: string, signature: SignatureVerdict | null, message = version): string {
  const services = { ...SHOP, web: { image: `web:${version}`, replicas: 3 } }
  const sha = world.source.commit({ [PATH]: compose(services) }, message)
  if (signature !== null) world.source.signatures.set(sha, signature)
  return sha
}

/** A fleet with a rule of its own; its first commit is signed. */
async function guarded(rule: string): Promise<{ world: World; controller: Controller }> {
  const world = createWorld()
  const files = { 'slipway.yaml': `${FLEET}guards: { signed_by: ${rule} }\n`, [PATH]: compose(SHOP) }
  world.source.signatures.set(world.source.commit(files, 'first'), ADA)
  const controller = world.boot()
  await world.clock.run(60_000)
  expect(running(world)).toEqual(ALL)
  return { world, controller }
}

describe('a revision whose newest commit must be signed', () => {
  it.each<[string, SignatureVerdict | null, string]>([
    ['by nobody', null, 'SIGNATURE_MISSING'],
    ['by a key that nobody allowed', { kind: 'unknown', key: 'SHA256:x' }, 'SIGNATURE_UNTRUSTED'],
    ['by an expired key', { kind: 'expired', signer: 'ada', key: 'A', why: 'too old' }, 'SIGNATURE_UNTRUSTED'],
    ['by a revoked key', { kind: 'revoked', signer: 'ada', key: 'A' }, 'SIGNATURE_UNTRUSTED'],
    ['and was changed', { kind: 'tampered', signer: 'ada', key: 'A' }, 'SIGNATURE_INVALID'],
    ['in another way', { kind: 'unreadable', why: 'x509' }, 'SIGNATURE_INVALID'],
  ])('and is signed %s is held; a signed one on it goes', async (_who, signature, code) => {
    const { world, controller } = await guarded('head')
    release(world, '2', signature)
    await world.clock.run(120_000)
    expect(held(controller)).toBe(code)
    expect(running(world)).toEqual(ALL)
    release(world, '3', ADA)
    await world.clock.run(120_000)
    expect(held(controller)).toBeUndefined()
    expect(running(world).slice(2)).toEqual(['web#1 web:3', 'web#2 web:3', 'web#3 web:3'])
  })

  it('says who signed and who was expected, and is not let through by an approval', async () => {
    const { world, controller } = await guarded('{ commits: head, signers: [ada@example.com] }')
    const sha = release(world, '2', EVE)
    await world.clock.run(120_000)
    const problem = controller.status().source.held?.problem
    expect(problem?.message).toMatch(/signed by eve.*expects ada@example.com/)
    expect(JSON.stringify(problem)).not.toContain('slipway approve')
    expect(controller.command({ kind: 'approve', sha, by: 'eve' })).toMatchObject({ ok: false })
    await world.clock.run(120_000)
    expect(running(world)).toEqual(ALL)
  })

  it('is let through by an approval where the rule says so', async () => {
    const { world, controller } = await guarded('{ commits: head, approve: true }')
    const sha = release(world, '2', null)
    await world.clock.run(120_000)
    expect(controller.status().source.held?.problem.next).toMatchObject({ remedy: /slipway approve/ })
    expect(controller.command({ kind: 'approve', sha, by: 'ada' })).toMatchObject({ ok: true })
    await world.clock.run(120_000)
    expect(running(world)).toContain('web#1 web:2')
  })

  it('cannot get rid of the rule by a commit that is not signed', async () => {
    const { world, controller } = await guarded('head')
    world.source.commit({ 'slipway.yaml': FLEET }, 'no more signatures')
    await world.clock.run(120_000)
    expect(held(controller)).toBe('SIGNATURE_MISSING')
    release(world, '2', null)
    await world.clock.run(120_000)
    expect(running(world)).toEqual(ALL)
  })

  it('is looked at again after a start, because other keys may be allowed now', async () => {
    const { world, controller } = await guarded('head')
    const sha = release(world, '2', null)
    await world.clock.run(120_000)
    await controller.stop()
    world.source.signatures.set(sha, ADA)
    const second = world.boot()
    await world.clock.run(120_000)
    expect(held(second)).toBeUndefined()
    expect(running(world)).toContain('web#1 web:2')
  })
})

it('a revision whose signatures cannot be read for a while is held, and looked at again by itself', async () => {
  const { world, controller } = await guarded('head')
  world.source.newsProblem = { code: 'GIT_TIMEOUT', message: 'too slow' }
  release(world, '2', ADA)
  await world.clock.run(120_000)
  expect(held(controller)).toBe('SIGNATURE_INVALID')
  world.source.newsProblem = null
  await world.clock.run(120_000)
  expect(held(controller)).toBeUndefined()
  expect(running(world)).toContain('web#1 web:2')
})

it('every commit since the accepted one must be signed where the rule says so', async () => {
  const { world, controller } = await guarded('every')
  release(world, '2', null, 'smuggled in')
  release(world, '3', ADA)
  await world.clock.run(120_000)
  expect(held(controller)).toBe('SIGNATURE_MISSING')
  expect(controller.status().source.held?.problem.message).toContain('smuggled in')
  expect(running(world)).toEqual(ALL)
})

it('the first revision of all is judged by its own rule', async () => {
  const world = createWorld()
  const files = { 'slipway.yaml': `${FLEET}guards: { signed_by: head }\n`, [PATH]: compose(SHOP) }
  const sha = world.source.commit(files, 'first')
  const controller = world.boot()
  await world.clock.run(60_000)
  expect(held(controller)).toBe('SIGNATURE_MISSING')
  expect(controller.command({ kind: 'approve', sha, by: 'eve' })).toMatchObject({ ok: false })
  expect(running(world)).toEqual([])
})

it('what the controller demands holds whatever the repository says', async () => {
  const world = createWorld()
  world.source.commit({ 'slipway.yaml': FLEET, [PATH]: compose(SHOP) }, 'first')
  const controller = world.boot({ signedBy: { what: 'head', signers: [], approve: false } })
  await world.clock.run(60_000)
  expect(held(controller)).toBe('SIGNATURE_MISSING')
  expect(running(world)).toEqual([])
})

describe('history', () => {
  it('that goes back is held as such, and released when the mirror has caught up', async () => {
    const { world, controller } = await deployed()
    const first = controller.status().source.accepted?.sha ?? ''
    const second = release(world, '2', null)
    await world.clock.run(120_000)
    expect(running(world)).toContain('web#1 web:2')
    world.source.reset(first)
    await world.clock.run(300_000)
    expect(controller.status().source.held?.problem).toMatchObject({ code: 'HISTORY_REWRITTEN' })
    expect(controller.status().source.held?.problem.message).toContain('mirror')
    expect(running(world)).toContain('web#1 web:2')
    world.source.reset(second)
    await world.clock.run(120_000)
    expect(held(controller)).toBeUndefined()
  })

  it('that begins anew is told apart from one that was rewritten', async () => {
    const { world, controller } = await deployed()
    world.source.commit({ 'slipway.yaml': FLEET, [PATH]: compose(SHOP) }, 'orphan', null)
    await world.clock.run(120_000)
    expect(controller.status().source.held?.problem.message).toContain('another beginning')
  })
})

describe('a commit that says Slipway-Approve: prune', () => {
  const four = { ...SHOP, mail: { image: 'mail:1' }, jobs: { image: 'jobs:1' } }

  it('removes more than the guard allows, also when it is not the newest', async () => {
    const { world, controller } = await deployed(four)
    world.source.commit({ [PATH]: compose(SHOP) }, 'half of it\n\nSlipway-Approve: prune')
    world.source.commit({ 'README.md': 'x' }, 'and a word')
    await world.clock.run(120_000)
    expect(held(controller)).toBeUndefined()
    expect(running(world)).toEqual(ALL)
  })

  it('approves nothing else, and nothing that comes later', async () => {
    const { world, controller } = await deployed(four)
    world.source.commit({ 'README.md': 'x' }, 'harmless\n\nSlipway-Approve: prune')
    await world.clock.run(120_000)
    world.source.commit({ [PATH]: compose(SHOP) }, 'half of it\n\nSlipway-Approve: history')
    await world.clock.run(120_000)
    expect(held(controller)).toBe('PRUNE_GUARD')
    expect(running(world)).toHaveLength(7)
  })
})
