import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sshSigner } from '../trust/signing.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import type { Program } from './program.js'

let fleet: TestFleet
let keys: string
let program: Program

function shop(version: string): Readonly<Record<string, string>> {
  const rollout = { on_rollback: 'revert' }
  return {
    [STACK]: compose({ web: { image: `shop/web:${version}`, deploy: { replicas: 2 }, 'x-slipway': { rollout } } }),
  }
}

/** slipway.yaml; JSON is YAML too. */
function fleetWith(guards: Readonly<Record<string, unknown>>, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ ...(JSON.parse(fleetFile(fleet.lab, { guards })) as object), ...more })
}

const signed = (isSigned: boolean): Promise<string> =>
  fleet.repository.git('config', 'commit.gpgsign', String(isSigned))

async function images(): Promise<readonly string[]> {
  return (await fleet.containers('web')).map(({ image }) => image).sort()
}

async function run(version: string): Promise<void> {
  const wanted = [`shop/web:${version}`, `shop/web:${version}`]
  await fleet.until(`version ${version} runs alone`, async () => (await images()).join() === wanted.join())
}

/** What `slipway status` says once it says that a commit is held. */
async function held(sha: string): Promise<string> {
  let said = ''
  await fleet.until(`${sha.slice(0, 7)} is held`, async () => {
    said = (await fleet.cli('status')).stdout.replace(/\s+/g, ' ')
    return said.includes(sha.slice(0, 7)) && said.includes('is held')
  })
  return said
}

beforeAll(async () => {
  keys = mkdtempSync(join(tmpdir(), 'slipway-keys-'))
  const [ada, controller] = [sshSigner(keys, 'ada'), sshSigner(keys, 'controller')]
  const images = {
    'shop/web:1': 'healthy',
    'shop/web:2': 'healthy',
    'shop/web:3': 'healthy',
    'shop/web:4': 'healthy',
  } as const
  fleet = await startFleet({ name: 'e2e-trust', servers: 2, images: { ...images, 'shop/web:bad': 'crashing' } })
  await fleet.repository.git('config', 'gpg.format', 'ssh')
  await fleet.repository.git('config', 'user.signingkey', join(keys, 'ada'))
  writeFileSync(join(keys, 'allowed'), `${ada.allowed}\n${controller.allowed}\n`)
  await fleet.repository.git('config', 'gpg.ssh.allowedSignersFile', join(keys, 'allowed'))
  await signed(true)
  await fleet.commit({ 'slipway.yaml': fleetWith({ signed_by: 'head' }), ...shop('1') }, 'Begin')
  program = fleet.runWith(
    {
      SLIPWAY_ALLOWED_SIGNERS_FILE: join(keys, 'allowed'),
      SLIPWAY_SIGNING_KEY: readFileSync(join(keys, 'controller'), 'utf8'),
    },
    'run',
  )
  await run('1')
})

afterAll(async () => {
  await fleet?.down()
  rmSync(keys, { recursive: true, force: true })
})

describe('a fleet that trusts signed commits only', () => {
  it('holds one that is not signed, says so, and takes one that is signed on top', async () => {
    await signed(false)
    const unsigned = await fleet.commit(shop('2'), 'Take 2')
    const said = await held(unsigned)
    expect(said).toMatch(/SIGNATURE_MISSING .*commit [0-9a-f]{8} \(Take 2\) by Lab .*is not signed/)
    expect(said).toContain('ada@example.com')
    expect(await images()).toEqual(['shop/web:1', 'shop/web:1'])
    await signed(true)
    await fleet.commit({ 'README.md': 'as reviewed' }, 'Sign it')
    await run('2')
  })

  it('takes a bad one back by a revert that it signs and then obeys', async () => {
    const bad = await fleet.commit(shop('bad'), 'Take a bad one')
    await fleet.until('the revert is in Git', async () => (await fleet.repository.head()) !== bad)
    const revert = (await fleet.repository.head()) ?? ''
    await fleet.until('the revert is in force', () => program.output.includes(`"revision":"${revert}"`))
    expect((await fleet.cli('status')).stdout).not.toContain('is held')
    await fleet.repository.git('pull', '-q', '--rebase', 'origin', 'main')
    const by = await fleet.repository.git('log', '-1', '--format=%P %G? %GS %an')
    expect(by).toMatch(new RegExp(`^${bad} G controller@example.com Slipway$`))
    await run('2')
  })
})

describe('a fleet that goes by windows', () => {
  it('holds a commit until one opens, and lets one go that says why', async () => {
    const windows = [{ deny: '0 0 * * *', duration: '24h', reason: 'the fair' }]
    await fleet.commit({ 'slipway.yaml': fleetWith({}, { windows }) }, 'Closed for the fair')
    await fleet.until('the windows are in force', () => program.output.includes('Closed for the fair'))
    const waiting = await fleet.commit(shop('3'), 'Take 3')
    expect(await held(waiting)).toMatch(/WINDOW_CLOSED .*the fair forbids it now, and none opens within a year/)
    expect(await images()).toEqual(['shop/web:2', 'shop/web:2'])
    await fleet.commit({ 'README.md': 'now' }, 'Go on\n\nSlipway-Override: the fair is closed')
    await run('3')
  })
})

describe('a fleet that takes only plans that were shown', () => {
  it('holds a merge that nobody planned, and takes one that names its plan', async () => {
    await fleet.commit(
      { 'slipway.yaml': fleetWith({ plan: 'pinned' }) },
      'Pin plans\n\nSlipway-Override: it is a setting',
    )
    await fleet.until('the guard is in force', () => program.output.includes('Pin plans'))
    await fleet.repository.switchTo('change')
    await fleet.commit(shop('4'), 'Take 4')
    await fleet.repository.switchTo('main')
    const { stdout, stderr, code } = await fleet.cli('plan', '--pin', '--ref', 'change', '--base', 'main')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const pin = stdout.trim()
    const git = (...args: readonly string[]): Promise<string> => fleet.repository.git(...args)
    await git('merge', '-q', '--no-ff', '-m', 'Merge the change', 'change')
    await git('push', '-q', 'origin', 'HEAD:main')
    expect(await held(await git('rev-parse', 'HEAD'))).toMatch(`its plan is ${pin}, which nobody was shown`)
    expect(await images()).toEqual(['shop/web:3', 'shop/web:3'])
    await git('commit', '-q', '--amend', '-m', `Merge the change\n\nSlipway-Plan: ${pin}`)
    await git('push', '-q', '--force', 'origin', 'HEAD:main')
    await run('4')
  })
})
