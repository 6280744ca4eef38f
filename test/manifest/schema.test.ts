import { readFileSync, readdirSync } from 'node:fs'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { CHECK_DEFAULTS } from '../../src/manifest/compose/canary-checks.js'
import { STRATEGY_DEFAULTS } from '../../src/manifest/compose/strategy.js'
import { PROBE_DEFAULTS } from '../../src/manifest/compose/x-slipway.js'
import { SSH_DEFAULTS, STACKS_DEFAULT } from '../../src/manifest/fleet.js'
import { parseDuration } from '../../src/manifest/quantities.js'
import { ACME_DEFAULTS, GUARD_DEFAULTS, LOST_AFTER_DEFAULT_MS, ROLLOUT_DEFAULTS } from '../../src/model/index.js'

const directory = new URL('../../schema/', import.meta.url)

interface Schema {
  readonly title?: string
  readonly description?: string
  readonly default?: string | number
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly definitions?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
}

function read(name: string): Schema {
  return JSON.parse(readFileSync(new URL(`${name}.schema.json`, directory), 'utf8')) as Schema
}

function defaultAt(schema: Schema, ...path: readonly string[]): string | number {
  const found = path.reduce<Schema | undefined>((at, key) => at?.definitions?.[key] ?? at?.properties?.[key], schema)
  if (found?.default === undefined) throw new Error(`no default at ${path.join('.')}`)
  return found.default
}

function propertiesOf(schema: Schema, path = ''): readonly (readonly [string, Schema])[] {
  const own = Object.entries({ ...schema.properties, ...schema.definitions })
  const unnamed = [schema.items, schema.additionalProperties].filter((inner) => typeof inner === 'object')
  return [
    ...own.flatMap(([key, inner]) => [[`${path}/${key}`, inner] as const, ...propertiesOf(inner, `${path}/${key}`)]),
    ...unnamed.flatMap((inner) => propertiesOf(inner, `${path}/*`)),
  ]
}

describe('the schemas are the written truth', () => {
  it.each(readdirSync(directory))('%s is a valid draft-07 schema', (file) => {
    const schema = JSON.parse(readFileSync(new URL(file, directory), 'utf8')) as object
    expect(new Ajv({ strict: false }).validateSchema(schema)).toBe(true)
  })

  it.each(['slipway', 'x-slipway'])('every key of %s is described', (name) => {
    const silent = propertiesOf(read(name)).filter(
      ([, schema]) => schema.description === undefined && schema.$ref === undefined,
    )
    expect(silent.map(([path]) => path)).toEqual([])
  })

  it('their defaults are those of the code', () => {
    const fleet = read('slipway')
    const duration = (...path: readonly string[]): number | null => parseDuration(String(defaultAt(fleet, ...path)))
    expect(defaultAt(fleet, 'stacks')).toBe(STACKS_DEFAULT)
    expect(defaultAt(fleet, 'guards', 'prune')).toBe(`${GUARD_DEFAULTS.prune * 100}%`)
    expect(defaultAt(fleet, 'guards', 'history')).toBe(GUARD_DEFAULTS.history)
    expect(defaultAt(fleet, 'server', 'user')).toBe(SSH_DEFAULTS.user)
    expect(defaultAt(fleet, 'server', 'port')).toBe(SSH_DEFAULTS.port)
    expect(defaultAt(fleet, 'server', 'engine')).toBe(`unix://${SSH_DEFAULTS.socketPath}`)
    expect(defaultAt(fleet, 'ingress', 'acme', 'directory')).toBe(ACME_DEFAULTS.directory)
    expect(defaultAt(fleet, 'ingress', 'acme', 'challenge')).toBe(ACME_DEFAULTS.challenge)
    expect(duration('server', 'lost_after')).toBe(LOST_AFTER_DEFAULT_MS)
  })

  it('and so are those of x-slipway', () => {
    const schema = read('x-slipway')
    expect(parseDuration(String(defaultAt(schema, 'rollout', 'progress_deadline')))).toBe(
      ROLLOUT_DEFAULTS.progressDeadlineMs,
    )
    expect(defaultAt(schema, 'rollout', 'scope')).toBe(ROLLOUT_DEFAULTS.scope)
    expect(defaultAt(schema, 'rollout', 'on_rollback')).toBe(ROLLOUT_DEFAULTS.onRollback)
    expect(parseDuration(String(defaultAt(schema, 'check', 'interval')))).toBe(CHECK_DEFAULTS.intervalMs)
    expect(parseDuration(String(defaultAt(schema, 'check', 'timeout')))).toBe(CHECK_DEFAULTS.timeoutMs)
    expect(defaultAt(schema, 'check', 'failures')).toBe(CHECK_DEFAULTS.failures)
    expect(defaultAt(schema, 'check', 'http', 'expect')).toBe(CHECK_DEFAULTS.expect.join('-'))
    const { keepMs, limits } = STRATEGY_DEFAULTS
    expect(parseDuration(String(defaultAt(schema, 'rollout', 'keep')))).toBe(keepMs)
    expect(defaultAt(schema, 'rollout', 'limits', 'requests')).toBe(limits.leastRequests)
    expect(defaultAt(schema, 'rollout', 'limits', 'errors')).toBe(`${limits.errorRatio * 100}%`)
    expect(defaultAt(schema, 'rollout', 'limits', 'p95')).toBe(limits.p95Ratio)
    expect(defaultAt(schema, 'httpProbe', 'path')).toBe(PROBE_DEFAULTS.path)
    expect(defaultAt(schema, 'httpProbe', 'scheme')).toBe(PROBE_DEFAULTS.scheme)
    expect(defaultAt(schema, 'httpProbe', 'expect')).toBe(`${PROBE_DEFAULTS.expectMin}-${PROBE_DEFAULTS.expectMax}`)
    expect(parseDuration(String(defaultAt(schema, 'httpProbe', 'timeout')))).toBe(PROBE_DEFAULTS.timeoutMs)
    expect(parseDuration(String(defaultAt(schema, 'tcpProbe', 'timeout')))).toBe(PROBE_DEFAULTS.timeoutMs)
  })
})
