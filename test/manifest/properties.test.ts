import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLoader } from '../../src/manifest/index.js'
import { PROBLEMS, specHash } from '../../src/model/index.js'
import { COMPOSE, FLEET, loadAll, revisionOf } from './repository.js'
import type { Outcome } from './repository.js'

const words = [
  'services',
  'web',
  'image',
  'a:1',
  'ports',
  '"80:80"',
  'volumes',
  'depends_on',
  'deploy',
  'replicas',
  '&a',
  '*a',
  '<<',
  '${X}',
  '${X:-',
  '$$',
  '!tag',
  '~',
  '1e400',
  '0x',
  '__proto__',
  'constructor',
  'x-slipway',
]
const marks = [
  ': ',
  '\n',
  '\n  ',
  '\n    ',
  '- ',
  '[',
  ']',
  '{',
  '}',
  ', ',
  '"',
  "'",
  '|\n',
  '>',
  '#',
  '\t',
  '\0',
  '\uFEFF',
  '---\n',
  '?',
  '%',
]
const yamlish = fc.array(fc.constantFrom(...words, ...marks), { maxLength: 60 }).map((parts) => parts.join(''))

const key = fc.constantFrom(
  'image',
  'command',
  'ports',
  'volumes',
  'networks',
  'deploy',
  'environment',
  'env_file',
  'healthcheck',
  'depends_on',
  'configs',
  'secrets',
  'ulimits',
  'extra_hosts',
  'logging',
  'x-slipway',
  'tmpfs',
  'labels',
  'toString',
  'name',
  'mode',
  'source',
  'target',
  'file',
  'external',
)
const leaf = fc.oneof(
  fc.constantFrom('a', 'web', 'a:1', '/x', './x', '1s', '1m', '${A:-b}', '', 'true'),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
)
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
  ),
}))
const document = fc.record({ services: fc.dictionary(fc.constantFrom('web', 'api', 'db'), tree) }, { requiredKeys: [] })

function problemsOf({ loaded }: Outcome): readonly { readonly code: string }[] {
  if (loaded.kind === 'refused') return loaded.problems
  return loaded.desired.stacks.flatMap((entry) => (entry.kind === 'invalid' ? entry.problems : []))
}

/** Loads, and insists that everything that is wrong has a code. */
function loadSafely(contents: Parameters<typeof loadAll>[0]): Outcome {
  const outcome = loadAll(contents)
  for (const { code } of problemsOf(outcome)) expect(Object.keys(PROBLEMS)).toContain(code)
  return outcome
}

describe('for any content the loader answers, and never throws', () => {
  it('with any bytes in any of its files', () => {
    const bytes = fc.uint8Array({ maxLength: 200 })
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        loadSafely({ 'slipway.yaml': a, [COMPOSE]: b })
        loadSafely({
          'slipway.yaml': FLEET,
          [COMPOSE]: 'services: { web: { image: "a:1", env_file: e, configs: [c] } }\nconfigs: { c: { file: c } }\n',
          'stacks/shop/e': a,
          'stacks/shop/.env': b,
          'stacks/shop/c': a,
        })
      }),
    )
  })

  it('with text that is nearly YAML', () => {
    fc.assert(
      fc.property(yamlish, (text) => {
        loadSafely({ 'slipway.yaml': text })
        loadSafely({ 'slipway.yaml': FLEET, [COMPOSE]: text })
      }),
      { numRuns: 400 },
    )
  })

  it('with any values under any keys', () => {
    fc.assert(
      fc.property(document, tree, (compose, fleet) => {
        loadSafely({ 'slipway.yaml': JSON.stringify(fleet) })
        loadSafely({ 'slipway.yaml': FLEET, [COMPOSE]: JSON.stringify(compose) })
      }),
      { numRuns: 600 },
    )
  })
})

const service = fc.record(
  {
    command: fc.array(fc.constantFrom('a', 'b'), { maxLength: 3 }),
    environment: fc.dictionary(fc.constantFrom('A', 'B', 'C'), fc.constantFrom('1', '2', '')),
    labels: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2')),
    ports: fc.uniqueArray(fc.constantFrom('80:80', '81:81', '82:82/udp')),
    cap_add: fc.uniqueArray(fc.constantFrom('NET_ADMIN', 'SYS_TIME', 'CHOWN')),
    tmpfs: fc.uniqueArray(fc.constantFrom('/a', '/b', '/c')),
    networks: fc.uniqueArray(fc.constantFrom('one', 'two')),
    extra_hosts: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('10.0.0.1', '10.0.0.2')),
    stop_grace_period: fc.constantFrom('60s', '1m'),
  },
  { requiredKeys: [] },
)
const stack = fc.dictionary(fc.constantFrom('web', 'api', 'db'), service, { minKeys: 1 })

function composeOf(services: Readonly<Record<string, object>>): string {
  const withImages = Object.fromEntries(
    Object.entries(services).map(([name, rest]) => [name, { ...rest, image: 'a:1' }]),
  )
  return JSON.stringify({ services: withImages, networks: { one: null, two: null } })
}

/** The same value with every mapping's keys the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, inner]) => [name, reversed(inner)]),
  )
}

describe('equal meaning gives equal results', () => {
  it('whatever the order of keys, byte for byte', () => {
    fc.assert(
      fc.property(stack, (services) => {
        const text = composeOf(services)
        const one = loadAll({ 'slipway.yaml': FLEET, [COMPOSE]: text })
        const two = loadAll({ 'slipway.yaml': FLEET, [COMPOSE]: JSON.stringify(reversed(JSON.parse(text))) })
        expect(JSON.stringify(two.loaded)).toBe(JSON.stringify(one.loaded))
      }),
    )
  })

  it('whatever the order of lists that have none', () => {
    fc.assert(
      fc.property(service, (web) => {
        const turned = Object.fromEntries(
          Object.entries(web).map(([name, value]) => [
            name,
            Array.isArray(value) && name !== 'command' ? [...(value as readonly string[])].reverse() : value,
          ]),
        )
        expect(hashOf({ web: turned })).toBe(hashOf({ web }))
      }),
    )
  })

  it('for a loader that remembers and one that does not', () => {
    const remembering = createLoader()
    fc.assert(
      fc.property(stack, stack, (a, b) => {
        for (const services of [a, b, a]) {
          const contents = { 'slipway.yaml': FLEET, [COMPOSE]: composeOf(services) }
          const { loaded } = loadAll(contents, remembering)
          expect(loaded).toEqual(loadAll(contents).loaded)
          expect(remembering.load(revisionOf(contents).tree, () => undefined)).toEqual(loaded)
        }
      }),
      { numRuns: 30 },
    )
  })
})

function hashOf(services: Readonly<Record<string, object>>): string {
  const { loaded } = loadAll({ 'slipway.yaml': FLEET, [COMPOSE]: composeOf(services) })
  const [entry] = loaded.kind === 'loaded' ? loaded.desired.stacks : []
  if (entry?.kind !== 'valid') throw new Error('the stack must be valid')
  return entry.stack.services.map(specHash).join()
}
