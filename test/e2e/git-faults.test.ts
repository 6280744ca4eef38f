import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { settlementOf } from '../../src/controller/index.js'
import type { Problem } from '../../src/model/index.js'
import type { GitFault } from '../lab/index.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import type { Files, ServiceText } from './manifests.js'
import { expectUntouched, lives, runsOf } from './runs.js'

const IMAGE = 'shop/web:1'

let fleet: TestFleet
/** The commit that runs, and its version of the shop. */
let applied: string
let running = '1'

/** Four services; each version is another environment of web. */
function shop(version: string, names: readonly string[] = ['web', 'api', 'mail', 'jobs']): string {
  const service = (name: string): ServiceText => ({
    image: IMAGE,
    environment: { VERSION: name === 'web' ? version : '1' },
  })
  return compose(Object.fromEntries(names.map((name) => [name, service(name)])))
}

const good = (version: string): Files => ({
  'slipway.yaml': fleetFile(fleet.lab),
  [STACK]: shop(version),
  'stacks/shop/web.env': null,
})

beforeAll(async () => {
  fleet = await startFleet({ name: 'e2e-git', servers: 2, images: { [IMAGE]: 'healthy' } })
  applied = await fleet.commit(good(running), 'The shop opens')
  fleet.boot()
  await fleet.settle(applied)
})

afterAll(() => fleet?.down())

/** The commit that runs is still the one to be run. */
function expectInForce(): void {
  expect(fleet.status().source.accepted?.sha).toBe(applied)
}

/** Back to where the next example starts: Git and servers agree, and nothing had to be done for it. */
async function back(): Promise<void> {
  if (fleet.status().source.accepted?.sha !== applied) {
    // Its stacks were refused, not the commit: history goes on from there.
    applied = await fleet.deploy(good(running), 'Back to what runs')
    return
  }
  await fleet.repository.forcePush(applied)
  await fleet.until('Git is in order again', () => {
    const { problem, held, refused, fetched } = fleet.status().source
    return problem === null && held === null && refused === null && fetched?.sha === applied
  })
}

describe('a repository', () => {
  interface Harm {
    readonly what: string
    readonly does: () => Promise<unknown>
    readonly code: Problem['code']
    readonly says: string
  }

  const HARMS: readonly Harm[] = [
    {
      what: 'whose followed branch is deleted',
      does: async () => {
        await fleet.repository.git('push', '-q', 'origin', 'HEAD:refs/heads/other')
        await fleet.repository.deleteBranch()
      },
      code: 'GIT_REF_MISSING',
      says: 'no branch main',
    },
    {
      what: 'that is empty',
      does: async () => {
        await fleet.repository.git('push', '-q', 'origin', '--delete', 'other')
        await fleet.repository.deleteBranch()
      },
      code: 'GIT_EMPTY',
      says: 'no commits',
    },
    {
      what: 'that is not there any more',
      does: () => Promise.resolve(rmSync(join(fleet.repository.bareDir, 'HEAD'))),
      code: 'GIT_NOT_FOUND',
      says: '127.0.0.1',
    },
  ]

  it.each(HARMS.map((harm) => [harm.what, harm] as const))(
    '%s changes nothing, and status says so and since when',
    async (_what, { does, code, says }) => {
      const head = readFileSync(join(fleet.repository.bareDir, 'HEAD'))
      await expectUntouched(fleet, async () => {
        await does()
        await fleet.until(`${code} is shown`, () => fleet.status().source.problem?.code === code)
        expect(fleet.status().source.problem?.message).toContain(says)
        expect(fleet.status().source.problemSinceMs).not.toBeNull()
        expectInForce()
        writeFileSync(join(fleet.repository.bareDir, 'HEAD'), head)
        await back()
      })
    },
  )
})

describe('a Git server', () => {
  const FAULTS: readonly (readonly [GitFault, Problem['code']])[] = [
    [{ kind: 'down' }, 'GIT_UNREACHABLE'],
    [{ kind: 'unauthorized' }, 'GIT_AUTH'],
    [{ kind: 'server-error' }, 'GIT_UNREACHABLE'],
    [{ kind: 'html' }, 'GIT_CORRUPT'],
    [{ kind: 'truncated-pack', end: 'clean' }, 'GIT_CORRUPT'],
    [{ kind: 'truncated-pack', end: 'broken' }, 'GIT_UNREACHABLE'],
    [{ kind: 'garbage-pack' }, 'GIT_CORRUPT'],
  ]

  it.each(FAULTS)(
    'with %o keeps a commit back and harms nothing; the commit goes out after it',
    async (fault, code) => {
      const version = `after ${JSON.stringify(fault)}`
      let sha = ''
      await expectUntouched(fleet, async () => {
        await fleet.lab.git.setFault(fault)
        sha = await fleet.commit(good(version), 'Held up on the way')
        await fleet.until(`${code} is shown`, () => fleet.status().source.problem?.code === code)
        expectInForce()
      })
      await fleet.lab.git.setFault()
      await fleet.until('it is applied', () => settlementOf(fleet.status(), sha).kind === 'applied')
      expect(fleet.status().source.problem).toBeNull()
      applied = sha
      running = version
    },
  )
})

describe('a commit', () => {
  interface Example {
    readonly what: string
    readonly push: () => Promise<string>
    readonly end: 'held' | 'refused'
    readonly code: Problem['code']
    readonly says: string
  }

  const link = (): Promise<string> => commitEntry('120000', 'hello', 'stacks/shop/web.env')

  /** An entry of a mode that no file system is asked for. */
  async function commitEntry(mode: string, content: string, path: string): Promise<string> {
    const { repository } = fleet
    writeFileSync(join(repository.workDir, '.git/entry'), content)
    const oid = await repository.git('hash-object', '-w', join(repository.workDir, '.git/entry'))
    await repository.git('update-index', '--add', '--cacheinfo', `${mode},${oid},${path}`)
    await repository.git('commit', '-q', '-m', 'An odd entry')
    await repository.git('push', '-q', '--force', 'origin', 'HEAD:refs/heads/main')
    return repository.git('rev-parse', 'HEAD')
  }

  const withEnvFile = (content: string | null): Files => ({
    [STACK]: shop('9').replace('"environment"', '"env_file": "web.env", "environment"'),
    'stacks/shop/web.env': content,
  })

  const EXAMPLES: readonly Example[] = [
    {
      what: 'that removes half of the services',
      push: () => fleet.commit({ [STACK]: shop('9', ['web', 'api']) }, 'Half of it'),
      end: 'held',
      code: 'PRUNE_GUARD',
      says: 'removes 2 of 4 services (shop/jobs, shop/mail)',
    },
    {
      what: 'that removes the whole stack',
      push: () => fleet.commit({ [STACK]: null }, 'All of it'),
      end: 'held',
      code: 'PRUNE_GUARD',
      says: 'removes 4 of 4 services',
    },
    {
      what: 'that takes the servers away',
      push: () => fleet.commit({ 'slipway.yaml': fleetFile(fleet.lab, { only: ['lon-1'] }) }, 'One server less'),
      end: 'held',
      code: 'PRUNE_GUARD',
      says: 'removes 1 of 2 servers in use (lon-2)',
    },
    {
      what: 'that brings a history of its own',
      push: async () => {
        await fleet.repository.git('checkout', '-q', '--orphan', 'new')
        const sha = await fleet.commit({ [STACK]: shop('9') }, 'From nowhere')
        await fleet.repository.git('checkout', '-q', '-B', 'main')
        return sha
      },
      end: 'held',
      code: 'HISTORY_REWRITTEN',
      says: 'comes from another beginning than the accepted revision',
    },
    {
      what: 'that goes back to before the one that runs',
      push: async () => {
        const parent = await fleet.repository.git('rev-parse', `${applied}^`)
        await fleet.repository.forcePush(parent)
        return parent
      },
      end: 'held',
      code: 'HISTORY_REWRITTEN',
      says: 'main went back to',
    },
    {
      what: 'whose fleet file is not YAML',
      push: () => fleet.commit({ 'slipway.yaml': 'fleet: [' }, 'Broken'),
      end: 'refused',
      code: 'YAML_INVALID',
      says: '',
    },
    {
      what: 'without a fleet file',
      push: () => fleet.commit({ 'slipway.yaml': null }, 'Lost'),
      end: 'refused',
      code: 'FLEET_MISSING',
      says: 'slipway.yaml',
    },
    {
      what: 'whose Compose file is not YAML',
      push: () => fleet.commit({ [STACK]: 'services: [' }, 'Broken'),
      end: 'refused',
      code: 'YAML_INVALID',
      says: '',
    },
    {
      what: 'that names a file which is not there',
      push: () => fleet.commit(withEnvFile(null), 'No such file'),
      end: 'refused',
      code: 'FILE_MISSING',
      says: 'web.env',
    },
    {
      what: 'that names a file which is a symbolic link',
      push: async () => {
        await fleet.commit(withEnvFile(null), 'No such file yet')
        return link()
      },
      end: 'refused',
      code: 'FILE_UNSUPPORTED',
      says: 'web.env',
    },
    {
      what: 'that names a file which Git keeps elsewhere (LFS)',
      push: () =>
        fleet.commit(
          withEnvFile(`version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12345\n`),
          'Large',
        ),
      end: 'refused',
      code: 'FILE_UNSUPPORTED',
      says: 'web.env',
    },
  ]

  it.each(EXAMPLES.map((example) => [example.what, example.end, example] as const))(
    '%s is %s: nothing changes, and the status says why',
    async (_what, _end, { push, end, code, says }) => {
      await expectUntouched(fleet, async () => {
        const sha = await push()
        await fleet.until(`${sha.slice(0, 8)} is judged`, () => settlementOf(fleet.status(), sha).kind === end)
        const settled = settlementOf(fleet.status(), sha)
        const problems = settled.kind === end ? settled.problems : []
        expect(problems.map((problem) => problem.code)).toContain(code)
        expect(problems.map(({ message, place }) => `${message} ${place?.path ?? ''}`).join('\n')).toContain(says)
        await back()
      })
    },
  )

  it('with a file that the Git server has lost is not accepted, and is when the file is there again', async () => {
    let sha = ''
    let file = ''
    await expectUntouched(fleet, async () => {
      await fleet.lab.git.setFault({ kind: 'server-error' })
      sha = await fleet.commit({ [STACK]: shop('found again') }, 'A bad disk')
      const blob = await fleet.repository.git('rev-parse', `${sha}:${STACK}`)
      file = join(fleet.repository.bareDir, 'objects', blob.slice(0, 2), blob.slice(2))
      renameSync(file, `${file}.lost`)
      await fleet.lab.git.setFault()
      await fleet.until('the loss is shown', () => {
        const { problem } = fleet.status().source
        return problem !== null && problem.message.includes('corruption on the remote side')
      })
      expectInForce()
    })
    renameSync(`${file}.lost`, file)
    await fleet.until('it is applied', () => settlementOf(fleet.status(), sha).kind === 'applied')
  })

  it('that was held is rolled out as soon as a person approves it', async () => {
    const sha = await fleet.commit({ [STACK]: shop('9', ['web', 'api']) }, 'Half of it, on purpose')
    await fleet.settle(sha, 'held')
    const before = await runsOf(fleet.engines)
    expect(fleet.controller.command({ kind: 'approve', sha, by: 'ada' })).toMatchObject({ ok: true })
    await fleet.until('it is applied', () => settlementOf(fleet.status(), sha).kind === 'applied')
    const after = await runsOf(fleet.engines)
    expect(after.map(({ slot }) => slot)).toEqual(['api#1', 'web#1'])
    const isApi = ({ slot }: { readonly slot: string }): boolean => slot === 'api#1'
    expect(lives(after).filter((life) => lives(before).includes(life))).toEqual(lives(before.filter(isApi)))
  })
})
