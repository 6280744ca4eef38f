import { describe, expect, it } from 'vitest'
import { filesUnder, read, ROOMS } from './house.js'

const LINES_MAX = 300
const README_LINES_MAX = 40

/** Tables of data, which may be as long as what they list. */
const TABLES: readonly string[] = ['src/manifest/compose-keys.ts']

const sources = ['src', 'test', 'bench', 'demo'].flatMap((folder) => {
  try {
    return filesUnder(folder)
  } catch {
    return []
  }
})
const rooms = Object.keys(ROOMS)

describe('the size of things', () => {
  it.each(sources.filter((path) => path.startsWith('src/') && path.endsWith('.ts') && !TABLES.includes(path)))(
    `%s has at most ${LINES_MAX} lines of code`,
    (path) => {
      const code = read(path)
        .split('\n')
        .filter((line) => !/^\s*(?:\/\/|\/?\*|$)/.test(line))
      expect(code.length).toBeLessThanOrEqual(LINES_MAX)
    },
  )

  it.each(sources.filter((path) => /\.[cm]?[jt]s$/.test(path)))('%s is named in kebab-case', (path) => {
    expect(path).toMatch(
      /^(?:(?:[a-z0-9-]+|\d+\.\d+\.\d+)\/)+[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|property))?\.[cm]?[jt]s$/,
    )
  })

  it.each(sources.filter((path) => path.startsWith('src/')))('%s says what it holds', (path) => {
    expect(path).not.toMatch(/(?:^|\/)(?:utils?|helpers?|common|managers?|misc|shared)(?:[./-]|$)/)
  })
})

describe('the README of a room', () => {
  it.each(rooms)(`of %s stands, says its decisions, and has at most ${README_LINES_MAX} lines`, (room) => {
    const text = read(`src/${room}/README.md`)
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(README_LINES_MAX)
    expect(text).toMatch(/^## Decisions/m)
  })

  it.each(rooms)('of %s stands beside an index.ts that lists names', (room) => {
    expect(read(`src/${room}/index.ts`)).not.toMatch(/export \* from/)
  })
})
