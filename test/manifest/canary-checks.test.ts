import { describe, expect, it } from 'vitest'
import { serviceHash, specHash } from '../../src/model/index.js'
import type { CanaryCheck, ServiceSpec } from '../../src/model/index.js'
import { desiredOf, placed } from './repository.js'
import type { Contents } from './repository.js'

const FLEET = 'fleet: a\nservers: { a: { engine: /x } }\ningress: true\n'
const TOKEN = 'Bearer t0ken'

/** The check is line 10, from column 11 on. */
function shop(check: string, files: Contents = {}, top = ''): Contents {
  const rollout = `\n        strategy: canary\n        steps: [5%]\n        checks: [\n          ${check} ]`
  const web = `services:\n  web:\n    image: web:1\n    expose: ["80"]\n    x-slipway:\n      rollout:${rollout}\n`
  return { 'slipway.yaml': FLEET, 'stacks/shop/compose.yaml': `${web}${top}`, ...files }
}

function serviceOf(contents: Contents): ServiceSpec {
  const [entry] = desiredOf(contents).stacks
  if (entry?.kind !== 'valid' || entry.stack.services[0] === undefined) throw new Error(JSON.stringify(entry))
  return entry.stack.services[0]
}

function checksOf(contents: Contents): readonly CanaryCheck[] | undefined {
  const { strategy } = serviceOf(contents).rollout
  return strategy?.kind === 'canary' ? strategy.checks : undefined
}

function problemsOf(contents: Contents): readonly string[] {
  const { stacks, warnings } = desiredOf(contents)
  return [...stacks.flatMap((entry) => (entry.kind === 'invalid' ? entry.problems : [])), ...warnings].map(placed)
}

const HTTP = { headers: {}, authorization: null, expectMin: 200, expectMax: 299 }
const DEFAULTS = { intervalMs: 30_000, timeoutMs: 5_000, failures: 2 }

describe('a check of a canary', () => {
  it.each<[string, CanaryCheck]>([
    [
      '{ name: smoke, http: { url: "https://shop.test/ready?x=1" } }',
      { name: 'smoke', question: { kind: 'http', url: 'https://shop.test/ready?x=1', ...HTTP }, ...DEFAULTS },
    ],
    [
      '{ name: smoke, http: { url: "http://10.0.0.1:8080", expect: 204, headers: { X-Canary: yes, n: 1 } }, interval: 1m, timeout: 500ms, failures: 1 }',
      {
        name: 'smoke',
        question: {
          ...{ kind: 'http', url: 'http://10.0.0.1:8080/', ...HTTP },
          ...{ headers: { 'X-Canary': 'yes', n: '1' }, expectMin: 204, expectMax: 204 },
        },
        ...{ intervalMs: 60_000, timeoutMs: 500, failures: 1 },
      },
    ],
    [
      '{ name: p95, prometheus: { url: "http://prom:9090/", query: "a > $${b}", max: 0.5 } }',
      {
        name: 'p95',
        question: {
          ...{ kind: 'prometheus', url: 'http://prom:9090', query: 'a > ${b}' },
          ...{ authorization: null, min: null, max: 0.5 },
        },
        ...DEFAULTS,
      },
    ],
    [
      '{ name: up, prometheus: { url: "https://prom.test/x/prometheus", query: up, min: -1e3, max: "7" } }',
      {
        name: 'up',
        question: {
          ...{ kind: 'prometheus', url: 'https://prom.test/x/prometheus', query: 'up' },
          ...{ authorization: null, min: -1_000, max: 7 },
        },
        ...DEFAULTS,
      },
    ],
  ])('is read: %s', (text, check) => {
    expect(checksOf(shop(text))).toEqual([check])
    expect(problemsOf(shop(text))).toEqual([])
  })

  it('takes its words from the file .env, as all of the manifest does', () => {
    const text = '{ name: errors, prometheus: { url: "http://prom", query: "errors{version=\'${TAG}\'}", max: 1 } }'
    const checks = checksOf(shop(text, { 'stacks/shop/.env': 'TAG=7\n' }))
    expect(checks?.[0]?.question).toMatchObject({ query: "errors{version='7'}" })
  })

  it('has its authorization from a secret or a file, and nobody is told of it', () => {
    const text = (from: string): string => `{ name: a, http: { url: "https://a.test", authorization: ${from} } }`
    const secrets = 'secrets:\n  token: { file: token.txt }\n'
    const files = { 'stacks/shop/token.txt': `${TOKEN}\n` }
    for (const contents of [shop(text('token'), files, secrets), shop(text('./token.txt'), files)])
      expect(checksOf(contents)?.[0]?.question).toMatchObject({ authorization: TOKEN })
    expect(problemsOf(shop(text('token'), files))).toEqual(['10:68 REFERENCE_UNKNOWN'])
    expect(problemsOf(shop(text('./token.txt')))).toEqual(['10:68 FILE_MISSING'])
    for (const wrong of ['', 'a\nb', 'ä\u0001'])
      expect(problemsOf(shop(text('token'), { 'stacks/shop/token.txt': wrong }, secrets))).toEqual([
        '10:68 FIELD_INVALID',
      ])
    const entry = desiredOf(shop(text('token'), { 'stacks/shop/token.txt': `${TOKEN}\n${TOKEN}` }, secrets)).stacks[0]
    expect(JSON.stringify(entry)).not.toContain('t0ken')
  })

  it('is warned of where its secret goes over the network in plain', () => {
    const text = (url: string): string => `{ name: a, http: { url: "${url}", authorization: ./t } }`
    const files = { 'stacks/shop/t': TOKEN }
    expect(problemsOf(shop(text('http://a.test'), files))).toEqual(['10:67 CONFLICT'])
    expect(problemsOf(shop(text('http://127.0.0.1:9'), files))).toEqual([])
  })

  it('is outside of what makes a container what it is, and inside of what a commit must change to be tried again', () => {
    const [one, other] = [1, 2].map((max) =>
      serviceOf(shop(`{ name: a, prometheus: { url: "http://p", query: q, max: ${max} } }`)),
    ) as [ServiceSpec, ServiceSpec]
    expect(specHash(one)).toBe(specHash(other))
    expect(serviceHash(one)).not.toBe(serviceHash(other))
  })

  it.each<[string, string, readonly string[]]>([
    ['no name', '{ http: { url: "http://a" } }', ['10:11 FIELD_MISSING']],
    ['a name of two words', '{ name: a b, http: { url: "http://a" } }', ['10:19 NAME_INVALID']],
    ['nothing to ask', '{ name: a }', ['10:11 FIELD_MISSING']],
    [
      'two questions',
      '{ name: a, http: { url: "http://a" }, prometheus: { url: "http://a", query: a, max: 1 } }',
      ['10:49 CONFLICT'],
    ],
    ['no address', '{ name: a, http: { expect: 200 } }', ['10:28 FIELD_MISSING']],
    ['an address of another kind', '{ name: a, http: { url: "ftp://a" } }', ['10:35 FIELD_INVALID']],
    ['no address at all', '{ name: a, http: { url: "shop/ready" } }', ['10:35 FIELD_INVALID']],
    ['a password in its address', '{ name: a, http: { url: "http://a:b@c" } }', ['10:35 FIELD_INVALID']],
    ['a fragment', '{ name: a, http: { url: "http://a/#b" } }', ['10:35 FIELD_INVALID']],
    ['a status that is none', '{ name: a, http: { url: "http://a", expect: 99 } }', ['10:55 FIELD_INVALID']],
    ['the word of another program', '{ name: a, http: { url: "http://a", status: 200 } }', ['10:47 FIELD_UNKNOWN']],
    ['a header that is none', '{ name: a, http: { url: "http://a", headers: { "a b": c } } }', ['10:58 NAME_INVALID']],
    [
      'a secret among its headers',
      '{ name: a, http: { url: "http://a", headers: { Authorization: c } } }',
      ['10:58 CONFLICT'],
    ],
    ['a header of the connection', '{ name: a, http: { url: "http://a", headers: { host: c } } }', ['10:58 CONFLICT']],
    ['no query', '{ name: a, prometheus: { url: "http://a", max: 1 } }', ['10:34 FIELD_MISSING']],
    ['no bound', '{ name: a, prometheus: { url: "http://a", query: q } }', ['10:34 FIELD_MISSING']],
    [
      'bounds that nothing is in',
      '{ name: a, prometheus: { url: "http://a", query: q, min: 2, max: 1 } }',
      ['10:68 CONFLICT'],
    ],
    [
      'a bound that is no number',
      '{ name: a, prometheus: { url: "http://a", query: q, max: 1% } }',
      ['10:68 FIELD_INVALID'],
    ],
    [
      'a query in its address',
      '{ name: a, prometheus: { url: "http://a?query=q", query: q, max: 1 } }',
      ['10:41 FIELD_INVALID'],
    ],
    ['no time between', '{ name: a, http: { url: "http://a" }, interval: 0s }', ['10:59 VALUE_OUT_OF_RANGE']],
    ['too much time', '{ name: a, http: { url: "http://a" }, timeout: 2m }', ['10:58 VALUE_OUT_OF_RANGE']],
    ['no noes at all', '{ name: a, http: { url: "http://a" }, failures: 0 }', ['10:59 VALUE_OUT_OF_RANGE']],
    [
      'the name of another',
      '{ name: a, http: { url: "http://a" } }, { name: a, http: { url: "http://b" } }',
      ['10:59 CONFLICT'],
    ],
  ])('is refused with %s', (_title, text, problems) => {
    expect(problemsOf(shop(text))).toEqual(problems)
  })

  it('is one of ten at most', () => {
    const checks = Array.from({ length: 11 }, (_, at) => `{ name: c${at}, http: { url: "http://a" } }`).join(', ')
    expect(problemsOf(shop(checks))).toEqual(['9:17 VALUE_OUT_OF_RANGE'])
  })

  it('may stand at the top, for all canaries of the file', () => {
    const web = 'services: { web: { image: web:1, expose: ["80"] } }\n'
    const top =
      'x-slipway: { rollout: { strategy: canary, steps: [5%], checks: [{ name: a, http: { url: "http://a" } }] } }\n'
    expect(checksOf({ 'slipway.yaml': FLEET, 'stacks/shop/compose.yaml': `${web}${top}` })).toMatchObject([
      { name: 'a' },
    ])
  })
})
