import { readFileSync, readdirSync } from 'node:fs'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { editorSchema } from '../../src/cli/editor-schema.js'
import type { EditorSchema } from '../../src/cli/editor-schema.js'
import { COMPOSE_KEYS } from '../../src/manifest/index.js'

function read(name: string): EditorSchema {
  return JSON.parse(readFileSync(new URL(`../../schema/${name}.schema.json`, import.meta.url), 'utf8')) as EditorSchema
}

const schema = editorSchema(read('compose'), COMPOSE_KEYS)
const ajv = new Ajv({ strict: false, schemas: [read('x-slipway')] })
const accepts = ajv.compile(schema)

function propertiesOf(node: unknown, path = ''): readonly (readonly [string, EditorSchema])[] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, inner]: [string, unknown]) =>
    key === 'properties'
      ? Object.entries(inner as Record<string, EditorSchema>).flatMap(([name, one]) => [
          [`${path}.${name}`, one] as const,
          ...propertiesOf(one, `${path}.${name}`),
        ])
      : propertiesOf(inner, path),
  )
}

const service = (lines: string): string => `services: { web: { image: a, ${lines} } }`

describe('the Compose schema for editors', () => {
  it('says something of every key', () => {
    const all = propertiesOf(schema)
    expect(all.length).toBeGreaterThan(250)
    expect(all.filter(([, one]) => one.description === undefined).map(([path]) => path)).toEqual([])
  })

  it.each([
    'version: "3"\nservices: { web: { image: a } }',
    'include: [other.yaml]\nservices: { web: { extends: { file: a.yaml, service: b } } }',
    'services: { web: { image: a, ports: , restart: } }\nvolumes: { data: }',
    service('build: { context: ., args: [A] }'),
    service('x-anything: [1], deploy: { x-y: 1, labels: { a: b } }, ports: [{ target: 80, name: web, x-z: }]'),
    'x-base: &base { restart: always }\nservices: { web: { <<: *base, image: a, x-slipway: { rollout: { scope: service } } } }',
    service('networks: { default: { aliases: [a] } }') + '\nnetworks: { default: { x-a: 1, ipam: { x-b: 1 } } }',
  ])('lets stand what is honoured or passed over: %j', (text) => {
    expect(accepts(parse(text, { merge: true })), JSON.stringify(accepts.errors)).toBe(true)
  })

  it.each([
    'service: {}',
    service('imagee: b'),
    service('ports: 80'),
    service('provider: { type: a }'),
    service('x-slipway: { rolout: {} }'),
  ])('marks what is unknown, misplaced or refused: %j', (text) => {
    expect(accepts(parse(text))).toBe(false)
  })

  it('accepts the stacks of the sample repository', () => {
    const stacks = new URL('../../sample-repo/stacks/', import.meta.url)
    const files = readdirSync(stacks).map((name) => readFileSync(new URL(`${name}/compose.yaml`, stacks), 'utf8'))
    expect(files.map((text) => accepts(parse(text, { merge: true })))).toEqual(files.map(() => true))
  })
})
