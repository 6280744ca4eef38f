import { describe, expect, it } from 'vitest'
import { createLoader } from '../../src/manifest/index.js'
import type { StackEntry } from '../../src/model/index.js'
import { COMPOSE, FLEET, composeWith, desiredOf, entryOf, loadAll, placed, refusalOf } from './repository.js'
import type { Contents } from './repository.js'

const shop = composeWith('env_file: web.env\nconfigs: [page]', 'configs: { page: { file: page.html } }\n')
const repository: Contents = {
  'slipway.yaml': FLEET,
  [COMPOSE]: shop,
  'stacks/shop/.env': 'A=1',
  'stacks/shop/web.env': 'B=2',
  'stacks/shop/page.html': '<p>',
  'stacks/shop/unused.txt': 'never read',
  'stacks/blog/docker-compose.yml': 'services: { web: { image: "blog:1" } }\n',
}

function entries(stacks: readonly StackEntry[]): Readonly<Record<string, StackEntry>> {
  return Object.fromEntries(stacks.map((entry) => [entry.name, entry]))
}

describe('the loader asks for what it needs', () => {
  it('in few rounds, each thing once, and nothing that is not used', () => {
    expect(loadAll(repository, createLoader()).rounds).toEqual([
      ['slipway.yaml'],
      ['stacks/blog/docker-compose.yml', 'stacks/shop/.env', 'stacks/shop/compose.yaml'],
      ['stacks/shop/page.html', 'stacks/shop/web.env'],
    ])
  })

  it('asks again only for what a commit changed', () => {
    const loader = createLoader()
    loadAll(repository, loader)
    expect(loadAll(repository, loader).rounds).toEqual([])
    const changed = { ...repository, 'stacks/shop/page.html': '<p>new', 'README.md': 'new' }
    // The stack's other files are asked for as well: contents are not kept here.
    expect(loadAll(changed, loader).rounds.flat()).not.toContain('stacks/blog/docker-compose.yml')
  })
})

describe('results are kept by what they were made from', () => {
  it('gives the same object for a stack whose files did not change', () => {
    const loader = createLoader()
    const before = entries(desiredOf(repository, loader).stacks)
    const after = entries(
      desiredOf({ ...repository, 'stacks/blog/docker-compose.yml': 'services: { web: { image: "blog:2" } }\n' }, loader)
        .stacks,
    )
    expect(after['shop']).toBe(before['shop'])
    expect(after['blog']).not.toBe(before['blog'])
  })

  it.each<[string, Contents]>([
    ['an env file', { 'stacks/shop/web.env': 'B=3' }],
    ['a config', { 'stacks/shop/page.html': '<b>' }],
    ['the variables', { 'stacks/shop/.env': 'A=2' }],
    ['a file that takes precedence', { 'stacks/shop/compose.yaml': shop.replace('1.36', '1.37') }],
  ])('loads a stack again when %s changes', (_title, change) => {
    const loader = createLoader()
    const before = entries(desiredOf(repository, loader).stacks)['shop']
    expect(entries(desiredOf({ ...repository, ...change }, loader).stacks)['shop']).not.toBe(before)
  })

  it('notices a file that appears where there was none', () => {
    const loader = createLoader()
    const base: Contents = {
      'slipway.yaml': FLEET,
      [COMPOSE]: composeWith('env_file: [{ path: a.env, required: false }]'),
    }
    expect(desiredOf(base, loader).stacks[0]).toMatchObject({ stack: { services: [{ environment: {} }] } })
    const now = desiredOf({ ...base, 'stacks/shop/a.env': 'A=1' }, loader).stacks[0]
    expect(now).toMatchObject({ stack: { services: [{ environment: { A: '1' } }] } })
  })
})

describe('stacks', () => {
  const compose = 'services: { web: { image: "a:1" } }\n'

  it('stop at their own mistakes: the others go on', () => {
    const { stacks } = desiredOf({ ...repository, [COMPOSE]: 'services: [' })
    expect(stacks.map(({ kind, name }) => [name, kind])).toEqual([
      ['blog', 'valid'],
      ['shop', 'invalid'],
    ])
  })

  it.each([
    ['stacks/*', ['a', 'b']],
    ['stacks/a', ['a']],
    ['[stacks/b, stacks/a/]', ['a', 'b']],
    ['"**"', ['a', 'b', 'deep', 'root']],
    ['stacks/**', ['a', 'b', 'deep']],
    ['"stacks/?"', ['a', 'b']],
    ['"*/a*"', ['a']],
    ['stacks/.hidden/**', ['hidden']],
    ['.', ['acme']],
  ])('are found by %s', (pattern, names) => {
    const fleet = `${FLEET}stacks: ${pattern}\n`
    const paths = ['stacks/a', 'stacks/b', 'stacks/x/deep', 'root', 'stacks/.hidden']
    const files = Object.fromEntries(paths.map((path) => [`${path}/compose.yaml`, compose]))
    const { stacks } = desiredOf({ 'slipway.yaml': fleet, 'compose.yaml': compose, 'stacks/none/readme': '', ...files })
    expect(stacks.map(({ name }) => name)).toEqual(names)
  })

  it.each([
    ['stacks/My.Shop 1', {}, 'myshop1'],
    ['stacks/__x', {}, 'x'],
    ['stacks/shop', { '.env': 'COMPOSE_PROJECT_NAME=from-env' }, 'from-env'],
  ] as const)('are named after their directory %s, as Compose does', (directory, others, name) => {
    const files = Object.fromEntries(Object.entries(others).map(([path, text]) => [`${directory}/${path}`, text]))
    expect(desiredOf({ 'slipway.yaml': FLEET, [`${directory}/compose.yaml`]: compose, ...files }).stacks[0]?.name).toBe(
      name,
    )
  })

  it('may say their name, also with a variable', () => {
    expect(entryOf(`name: other\n${compose}`).name).toBe('other')
    expect(entryOf(`name: "$X-y"\n${compose}`, { 'stacks/shop/.env': 'X=x' }).name).toBe('x-y')
  })

  it('take the first file that Compose would take', () => {
    const file = (image: string): string => `services: { web: { image: "${image}" } }\n`
    const { stacks } = desiredOf({
      'slipway.yaml': FLEET,
      'stacks/shop/docker-compose.yml': file('d:1'),
      'stacks/shop/compose.yml': file('c:1'),
    })
    expect(stacks).toMatchObject([{ stack: { path: 'stacks/shop/compose.yml', services: [{ image: 'c:1' }] } }])
  })

  it('of the same name are both refused, in one entry', () => {
    const { stacks } = desiredOf({
      'slipway.yaml': FLEET,
      'stacks/a/compose.yaml': `name: x\n${compose}`,
      'stacks/b/compose.yaml': `name: x\n${compose}`,
    })
    expect(stacks).toMatchObject([
      { kind: 'invalid', name: 'x', problems: [{ code: 'STACK_DUPLICATE' }, { code: 'STACK_DUPLICATE' }] },
    ])
  })

  it.each<[string, Contents[string]]>([
    ['a symlink', { symlink: '../other' }],
    ['a submodule', { submodule: true }],
    ['an LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n'],
  ])('whose file is %s are refused', (_title, content) => {
    const { stacks } = desiredOf({ 'slipway.yaml': FLEET, [COMPOSE]: content })
    expect(stacks).toMatchObject([{ kind: 'invalid', name: 'shop', problems: [{ code: 'FILE_UNSUPPORTED' }] }])
  })
})

describe('a revision that wants more replicas than anybody could plan', () => {
  const services = (count: number, deploy: string): string =>
    `services:\n${Array.from({ length: count }, (_, at) => `  w${at}: { image: a, deploy: ${deploy} }\n`).join('')}`
  const servers = Array.from(
    { length: 500 },
    (_, at) => `  s${at}: { address: 10.0.${at >> 8}.${at & 255}, user: a }\n`,
  )
  const large = `fleet: acme\nservers:\n${servers.join('')}`

  it.each([
    ['replicas', FLEET, services(4, '{ replicas: 10000 }')],
    ['copies on every server', large, services(61, '{ mode: global }')],
  ])('is refused for its %s', (_what, fleet, compose) => {
    const problems = refusalOf(fleet, { [COMPOSE]: compose })
    expect(problems.map(placed)).toEqual(['VALUE_OUT_OF_RANGE'])
    expect(problems[0]?.message).toMatch(/want \d+ replicas in all; expected 30000 at most/)
  })

  it('is taken at the bound', () => {
    const { stacks } = desiredOf({ 'slipway.yaml': FLEET, [COMPOSE]: services(3, '{ replicas: 10000 }') })
    expect(stacks.map(({ kind }) => kind)).toEqual(['valid'])
  })
})
