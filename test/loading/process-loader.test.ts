import { afterEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../src/controller/index.js'
import { processLoader } from '../../src/loading/index.js'
import type { ProcessLoaderOptions } from '../../src/loading/index.js'
import type { Loaded } from '../../src/manifest/index.js'
import { HOSTILE } from '../manifest/hostile.js'
import { COMPOSE, FLEET, composeWith, loadAll, revisionOf } from '../manifest/repository.js'
import type { Contents } from '../manifest/repository.js'

const clock: Clock = {
  nowMs: () => performance.now(),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

/** The program runs what is built; here it is the source. */
const fromSource = { clock, program: new URL('./from-source.mjs', import.meta.url) }
const broken = (name: string): Partial<ProcessLoaderOptions> => ({ program: new URL(`./${name}`, import.meta.url) })

const opened: { close(): Promise<void> }[] = []
afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())))

function open(changes: Partial<ProcessLoaderOptions> = {}): ReturnType<typeof processLoader> {
  const loader = processLoader({ ...fromSource, ...changes })
  opened.push(loader)
  return loader
}

const forever = new AbortController().signal

async function load(loader: ReturnType<typeof open>, contents: Contents, signal = forever): Promise<Loaded> {
  const { tree, blobs } = revisionOf(contents)
  const read = new Map<string, Uint8Array>()
  for (let round = 0; round < 6; round++) {
    const loaded = await loader.load(tree, (oid) => read.get(oid), signal)
    if (loaded.kind !== 'needs') return loaded
    for (const oid of loaded.oids) read.set(oid, blobs.get(oid) ?? new Uint8Array())
  }
  throw new Error('the loader never ends')
}

const repository: Contents = {
  'slipway.yaml': FLEET,
  [COMPOSE]: composeWith('env_file: web.env'),
  'stacks/shop/web.env': 'A=1\n',
  'stacks/blog/compose.yaml': 'services: { web: { image: "blog:1" } }\n',
  'stacks/bad/compose.yaml': 'services: [\n',
  'stacks/shop/a link': { symlink: '/etc/shadow' },
}

describe('a loader in a process of its own', () => {
  it('says what the loader says, for revision after revision', async () => {
    const loader = open()
    const next = { ...repository, 'stacks/shop/web.env': 'A=2\n', 'stacks/bad/compose.yaml': 'services: {}\n' }
    for (const contents of [repository, next, { 'slipway.yaml': 'fleet: [' }, repository])
      expect(await load(loader, contents)).toEqual(loadAll(contents).loaded)
  })

  it('gives the same object for a stack that did not change', async () => {
    const loader = open()
    const stacks = async (contents: Contents): Promise<readonly unknown[]> => {
      const loaded = await load(loader, contents)
      return loaded.kind === 'loaded' ? loaded.desired.stacks : []
    }
    const [, blog, shop] = await stacks(repository)
    const [, sameBlog, otherShop] = await stacks({ ...repository, 'stacks/shop/web.env': 'A=2\n' })
    expect([sameBlog === blog, otherShop === shop]).toEqual([true, false])
  })
})

describe('hostile files', () => {
  it('cost a process of 64 MiB nothing: each is a problem of its own stack', async () => {
    // Reading takes no more than 64; what makes JavaScript of TypeScript takes the rest.
    const loader = open({ memoryMiB: 80 })
    const stacks = Object.fromEntries(HOSTILE.map(([, content], at) => [`stacks/s${at}/compose.yaml`, content]))
    const loaded = await load(loader, { ...repository, ...stacks })
    const kinds = loaded.kind === 'loaded' ? loaded.desired.stacks.map(({ name, kind }) => [name, kind]) : []
    expect(kinds).toEqual(
      [
        ['bad', 'invalid'],
        ['blog', 'valid'],
        ...HOSTILE.map((_, at) => [`s${at}`, 'invalid']).sort(),
        ['shop', 'valid'],
      ].sort(),
    )
  })
})

describe('a process that files bring down', () => {
  const codes = (loaded: Loaded): readonly string[] =>
    loaded.kind === 'refused' ? loaded.problems.map(({ code }) => code) : []

  it.each([
    ['hangs', 'hangs.mjs', 'MANIFEST_TOO_COSTLY'],
    ['takes all memory', 'grows.mjs', 'MANIFEST_TOO_COSTLY'],
    ['ends', 'ends.mjs', 'MANIFEST_TOO_COSTLY'],
    ['throws', 'throws.mjs', 'BUG'],
  ])('because it %s is a problem of the revision', async (_what, program, code) => {
    const loader = open({ ...broken(program), deadlineMs: program === 'hangs.mjs' ? 300 : 30_000, memoryMiB: 32 })
    expect(codes(await load(loader, repository))).toEqual([code])
  })

  it('is replaced for the next revision', async () => {
    // It hangs on its second load, whichever process it is: only a fresh one gives another answer.
    const loader = open({ ...broken('answers-once.mjs'), deadlineMs: 2_000 })
    expect(await load(loader, repository)).toMatchObject({ kind: 'refused', problems: [{ code: 'FLEET_EMPTY' }] })
    expect(codes(await load(loader, repository))).toEqual(['MANIFEST_TOO_COSTLY'])
    expect(codes(await load(loader, repository))).toEqual(['FLEET_EMPTY'])
  })

  it('is replaced when it ended before anybody asked, and says so when it never begins', async () => {
    const loader = open(broken('never-begins.mjs'))
    await new Promise((resolve) => setTimeout(resolve, 300))
    const loaded = await load(loader, repository)
    expect(loaded.kind === 'refused' ? loaded.problems : []).toMatchObject([
      { code: 'BUG', message: 'reading the manifests broke: nothing to begin with' },
    ])
  })

  it('is given up when the controller ends', async () => {
    const loader = open(broken('hangs.mjs'))
    const ending = new AbortController()
    const loading = load(loader, repository, ending.signal)
    ending.abort()
    expect(codes(await loading)).toEqual(['MANIFEST_TOO_COSTLY'])
  })
})
