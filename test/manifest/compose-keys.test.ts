import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { composePage } from '../../scripts/compose-page.js'
import { COMPOSE_KEYS, rowOf } from '../../src/manifest/compose-keys.js'
import { OUR_SHAPES, SPECIFICATION, keysOf } from './specification.js'

const rows = new Map(COMPOSE_KEYS.map((row) => [row[0], row]))

/** The paths above one, nearest first: `a.b[].c` has `a.b[]`, `a.b` and `a`. */
function above(path: string): readonly string[] {
  const parts = path.split(/(?=\.|\[)/)
  return parts.slice(1).map((_, at) => parts.slice(0, parts.length - 1 - at).join(''))
}

const isSettledAbove = (path: string): boolean =>
  above(path).some((one) => ['warned', 'refused'].includes(rows.get(one)?.[1] ?? ''))

describe('the table of keys', () => {
  it('has a row for every key of the specification, or for what stands above it', () => {
    const keys = keysOf(SPECIFICATION)
    expect(keys.length).toBeGreaterThan(300)
    expect(keys.filter((path) => !rows.has(path) && !isSettledAbove(path))).toEqual([])
  })

  it('has each key once, and none below a key that is warned or refused as a whole', () => {
    expect(rows.size).toBe(COMPOSE_KEYS.length)
    expect([...rows.keys()].filter(isSettledAbove)).toEqual([])
  })

  it('says why and what to do for each key that is not honoured', () => {
    expect(COMPOSE_KEYS.filter(([, kind, sentence]) => kind !== 'honoured' && sentence === undefined)).toEqual([])
    expect(COMPOSE_KEYS.filter(([, , sentence]) => /\b(?:yet|later)\b/.test(sentence ?? ''))).toEqual([])
  })

  it('honours what the schema has a shape for, and nothing else', () => {
    const shaped = keysOf(OUR_SHAPES).filter((path) => !path.includes('x-slipway'))
    const honoured = COMPOSE_KEYS.filter(([, kind]) => kind === 'honoured').map(([path]) => path)
    expect(shaped).toEqual([...honoured].sort())
  })

  it.each([
    [['services', 'web', 'attach'], 'services.*.attach'],
    [['services', 'build', 'build'], 'services.*.build'],
    [['services', 'web', 'ports', 3, 'name'], 'services.*.ports[].name'],
    [['networks', 'a.b', 'attachable'], 'networks.*.attachable'],
    [['version'], 'version'],
    [['services', 'web', 'imag'], undefined],
    [['services', 'web', 'ports', 'name'], undefined],
    [[0, 'x'], undefined],
  ])('finds the row of %j', (path, row) => {
    expect(rowOf(path)?.[0]).toBe(row)
  })

  it('is what docs/compose.md says; `npm run docs` writes it', () => {
    expect(readFileSync(new URL('../../docs/compose.md', import.meta.url), 'utf8')).toBe(composePage())
  })
})
