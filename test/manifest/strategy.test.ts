import { describe, expect, it } from 'vitest'
import { specHash } from '../../src/model/index.js'
import type { ServiceSpec, Strategy } from '../../src/model/index.js'
import { desiredOf, placed } from './repository.js'
import type { Contents } from './repository.js'

const FLEET = 'fleet: a\nservers: { a: { engine: /x } }\ningress: true\n'
const LIMITS = { leastRequests: 20, errorRatio: 0.01, p95Ratio: 2 }

/** A service with this under `x-slipway.rollout`, and more of its own in line 4. */
function shop(rollout: string, more = 'expose: ["8080"]', top = '', fleet = FLEET): Contents {
  const web = `services:\n  web:\n    image: web:1\n    ${more}\n    x-slipway:\n      rollout: ${rollout}\n`
  return { 'slipway.yaml': fleet, 'stacks/shop/compose.yaml': `${web}${top}` }
}

function servicesOf(contents: Contents): readonly ServiceSpec[] {
  const [entry] = desiredOf(contents).stacks
  if (entry?.kind !== 'valid') throw new Error(JSON.stringify(entry?.problems))
  return entry.stack.services
}

function strategyOf(contents: Contents): Strategy | undefined {
  return servicesOf(contents)[0]?.rollout.strategy
}

function problemsOf(contents: Contents): readonly string[] {
  return desiredOf(contents).stacks.flatMap((entry) => (entry.kind === 'invalid' ? entry.problems.map(placed) : []))
}

describe('a strategy', () => {
  const steps = [
    { percent: 5, holdMs: 120_000 },
    { percent: 25, holdMs: 300_000 },
  ]

  it.each<[string, Strategy | undefined]>([
    ['{ strategy: rolling }', undefined],
    ['{ strategy: canary, steps: [5% 2m, 25% 5m] }', { kind: 'canary', steps, limits: LIMITS }],
    ['{ strategy: canary, steps: "5% 2m, 25% 5m" }', { kind: 'canary', steps, limits: LIMITS }],
    [
      '{ strategy: canary, steps: [0.5% 1m30s, 25%, 100% 5m] }',
      {
        kind: 'canary',
        steps: [
          { percent: 0.5, holdMs: 90_000 },
          { percent: 25, holdMs: null },
          { percent: 100, holdMs: 300_000 },
        ],
        limits: LIMITS,
      },
    ],
    [
      '{ strategy: canary, steps: [5%], limits: { requests: 0, errors: 0.5%, p95: 1.5 } }',
      {
        kind: 'canary',
        steps: [{ percent: 5, holdMs: null }],
        limits: { leastRequests: 0, errorRatio: 0.005, p95Ratio: 1.5 },
      },
    ],
    ['{ strategy: blue-green }', { kind: 'blue-green', keepMs: 30_000 }],
    ['{ strategy: blue-green, keep: 5m }', { kind: 'blue-green', keepMs: 300_000 }],
  ])('is read: %s', (rollout, strategy) => {
    expect(strategyOf(shop(rollout))).toEqual(strategy)
  })

  it('is outside what makes a container what it is, and inside of what a commit must change to be tried again', () => {
    const [plain, canary] = ['{}', '{ strategy: canary, steps: [5%] }'].map((text) => servicesOf(shop(text))[0])
    if (plain === undefined || canary === undefined) throw new Error('there is no service')
    expect(specHash(plain)).toBe(specHash(canary))
    expect(canary.rollout).not.toEqual(plain.rollout)
  })

  it('knows by which header or cookie requests come to the new replicas', () => {
    const route = 'expose: ["8080"]'
    const text = (match: string): string =>
      `{ strategy: canary, steps: [5%], match: ${match} }\n      routes: [{ host: a.test }]`
    const matches = ['{ header: X-Canary }', '{ cookie: beta, value: 1 }'].map((match) =>
      strategyOf(shop(text(match), route)),
    )
    expect(matches).toMatchObject([
      { match: { kind: 'header', name: 'X-Canary', value: null } },
      { match: { kind: 'cookie', name: 'beta', value: '1' } },
    ])
    expect(problemsOf(shop('{ strategy: canary, steps: [5%], match: { header: X-Canary } }'))).toEqual([
      '6:56 CONFLICT',
    ])
    expect(problemsOf(shop(text('{ header: a, cookie: b }'), route))).toEqual(['6:56 CONFLICT'])
    expect(problemsOf(shop(text('{ header: "a b" }'), route))).toEqual(['6:66 NAME_INVALID'])
  })

  it.each<[string, string, string]>([
    ['no steps', '{ strategy: canary }', '6:18 FIELD_MISSING'],
    ['a word that nobody knows', '{ strategy: green }', '6:28 FIELD_INVALID'],
    ['steps that do not rise', '{ strategy: canary, steps: [25% 2m, 25% 5m] }', '6:52 CONFLICT'],
    ['nothing as a step', '{ strategy: canary, steps: [0% 2m] }', '6:44 FIELD_INVALID'],
    ['more than everything', '{ strategy: canary, steps: [101% 2m] }', '6:44 FIELD_INVALID'],
    ['a share without %', '{ strategy: canary, steps: [5 2m] }', '6:44 FIELD_INVALID'],
    ['a time that is none', '{ strategy: canary, steps: [5% soon] }', '6:44 FIELD_INVALID'],
    ['a step of no time', '{ strategy: canary, steps: [5% 0s] }', '6:44 FIELD_INVALID'],
    ['steps of blue-green', '{ strategy: blue-green, steps: [5%] }', '6:40 CONFLICT'],
    ['keep of a canary', '{ strategy: canary, steps: [5%], keep: 1m }', '6:49 CONFLICT'],
    ['limits of a rolling update', '{ limits: { p95: 2 } }', '6:18 CONFLICT'],
    [
      'a share of errors that is none',
      '{ strategy: canary, steps: [5%], limits: { errors: 200% } }',
      '6:67 FIELD_INVALID',
    ],
    ['checks of blue-green', '{ strategy: blue-green, checks: [] }', '6:40 CONFLICT'],
    ['the word of another program', '{ strategy: canary, steps: [5%], analysis: [] }', '6:49 FIELD_UNKNOWN'],
  ])('is refused with %s', (_title, rollout, problem) => {
    expect(problemsOf(shop(rollout))).toEqual([problem])
  })

  it.each<[string, string, string?]>([
    ['no port', 'labels: {}'],
    ['a network of its own', 'network_mode: host'],
    ['a host port', 'ports: [{ target: 80, published: 80, mode: host }]'],
    ['a volume that it writes', 'volumes: [data:/data]\n    expose: ["80"]', 'volumes: { data: {} }\n'],
    ['stop-first', 'deploy: { update_config: { order: stop-first } }\n    expose: ["80"]'],
    ['failures that do not matter', 'deploy: { update_config: { failure_action: continue } }\n    expose: ["80"]'],
    ['a single run', 'deploy: { mode: replicated-job }\n    expose: ["80"]'],
  ])('cannot be had by a service with %s, and is not meant for it at the top', (_title, more, top = '') => {
    expect(problemsOf(shop('{ strategy: blue-green }', more, top)).map((text) => text.replace(/^.* /, ''))).toEqual([
      'CONFLICT',
    ])
    const atTop = `${top}x-slipway: { rollout: { strategy: blue-green } }\n`
    expect(strategyOf(shop('{ scope: service }', more, atTop))).toBeUndefined()
  })

  it('needs proxies, and names where it leans on them', () => {
    expect(problemsOf(shop('{ strategy: blue-green }', undefined, '', FLEET.replace('ingress: true\n', '')))).toEqual([
      '6:18 CONFLICT',
    ])
    const unnamed = FLEET.replace('true', '{ names: false }')
    expect(problemsOf(shop('{ strategy: blue-green }', undefined, '', unnamed))).toEqual(['6:18 CONFLICT'])
    expect(strategyOf(shop('{ strategy: blue-green }', 'ports: ["80:80"]', '', unnamed))?.kind).toBe('blue-green')
  })

  it('is allowed where two may write the same volume, if the manifest says so', () => {
    const more = 'volumes: [data:/data]\n    expose: ["80"]\n    deploy: { update_config: { order: start-first } }'
    expect(strategyOf(shop('{ strategy: blue-green }', more, 'volumes: { data: {} }\n'))?.kind).toBe('blue-green')
  })

  it('at the top is for all services that have none of their own', () => {
    const top = 'x-slipway: { rollout: { strategy: canary, steps: [10% 1m] } }\n'
    expect(strategyOf(shop('{ scope: service }', undefined, top))).toMatchObject({ steps: [{ percent: 10 }] })
    expect(strategyOf(shop('{ steps: [20% 1m] }', undefined, top))).toMatchObject({ steps: [{ percent: 20 }] })
    expect(strategyOf(shop('{ strategy: blue-green }', undefined, top))?.kind).toBe('blue-green')
    expect(strategyOf(shop('{ strategy: rolling }', undefined, top))).toBeUndefined()
  })
})
