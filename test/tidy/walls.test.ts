import { beforeAll, describe, expect, it } from 'vitest'
import { cruise, HOUSE, lint, PURE_ROOMS, ROOMS, withPlanted } from './house.js'
import type { Cruise, LintMessage } from './house.js'

describe('the walls between the rooms', () => {
  it('hold, and something was looked at', async () => {
    const { summary } = await cruise(HOUSE)
    expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([])
    expect(summary.totalCruised).toBeGreaterThan(20)
  })

  it('never lead in a circle: each room uses only rooms before it', () => {
    const order = Object.keys(ROOMS)
    const backwards = Object.entries(ROOMS).flatMap(([room, { rooms }]) =>
      rooms.filter((other) => order.indexOf(other) >= order.indexOf(room)).map((other) => `${room} → ${other}`),
    )
    expect(backwards).toEqual([])
  })
})

const planted: readonly (readonly [rule: string, path: string, text: string])[] = [
  ['model-rooms', 'src/model/p1.ts', `import type { Ports } from '../controller/index.js'\nexport type P = Ports\n`],
  [
    'planner-rooms',
    'src/planner/p2.ts',
    `import type { RolloutFact } from '../rollout/index.js'\nexport type P = RolloutFact\n`,
  ],
  ['driver-rooms', 'src/driver/p3.ts', `import '../store/index.js'\n`],
  ['model-libraries', 'src/model/p4.ts', `export { readFileSync } from 'node:fs'\n`],
  ['rollout-libraries', 'src/rollout/p5.ts', `export { parse } from 'yaml'\n`],
  ['controller-libraries', 'src/controller/p6.ts', `import type Docker from 'dockerode'\nexport type P = Docker\n`],
  ['cli-libraries', 'src/cli/p7.ts', `export { Client } from 'ssh2'\n`],
  ['front-door', 'src/cli/p8.ts', `export { formatSlot } from '../model/slot.js'\n`],
  [
    'edges-take-types',
    'src/store/p9.ts',
    `import * as controller from '../controller/index.js'\nexport const p = controller\n`,
  ],
  [
    'rehearse-takes-types',
    'src/rehearse/p16.ts',
    `import * as driver from '../driver/index.js'\nexport const p = driver\n`,
  ],
  ['no-cycle', 'src/web/p10.ts', `export { b } from './p11.js'\nexport const a = 1\n`],
  ['no-orphan', 'src/web/p12.ts', `export const alone = 1\n`],
  ['resolvable', 'src/web/p13.ts', `export { a } from './nowhere.js'\n`],
  ['nobody-imports-main', 'src/cli/p14.ts', `import '../main.js'\n`],
  ['model-rooms', 'src/model/p15.ts', `export { cruise } from '../../test/tidy/house.js'\n`],
]

describe('a planted violation', () => {
  let violations: Cruise['summary']['violations'] = []
  beforeAll(async () => {
    const files = {
      'src/main.ts': '',
      'src/web/p11.ts': `export { a } from './p10.js'\nexport const b = 1\n`,
      ...Object.fromEntries(planted.map(([, path, text]) => [path, text])),
    }
    violations = (await withPlanted(files, cruise)).summary.violations
  })

  it.each(planted)('of %s in %s is caught', (rule, path) => {
    expect(violations.filter(({ from }) => from === path).map((violation) => violation.rule.name)).toContain(rule)
  })
})

const ambient: readonly (readonly [name: string, text: string])[] = [
  ['a clock', 'export const now = (): number => Date.now()\n'],
  ['a monotonic clock', 'export const now = (): number => performance.now()\n'],
  ['randomness', 'export const dice = (): number => Math.random()\n'],
  ['a timer', 'export const later = (fn: () => void): void => void setTimeout(fn, 1)\n'],
  ['the environment', 'export const home = (): string | undefined => process.env.HOME\n'],
  ['the network', `export const get = (): Promise<unknown> => fetch('http://localhost')\n`],
]

const endless = `export function endless(): number {\n  let n = 0\n${'  n += 1\n'.repeat(70)}  return n\n}\n`

describe('a pure room', () => {
  let messages: ReadonlyMap<string, readonly LintMessage[]> = new Map()
  const paths = PURE_ROOMS.flatMap((room) =>
    ambient.map(([, text], i) => [`src/${room}/ambient${i}.ts`, text] as const),
  )
  beforeAll(async () => {
    const files = {
      ...Object.fromEntries(paths),
      'src/web/env.ts': ambient[4]?.[1] ?? '',
      'src/web/endless.ts': endless,
    }
    messages = await withPlanted(files, (house) => lint(house, Object.keys(files)))
  })

  it.each(PURE_ROOMS.flatMap((room) => ambient.map(([name], i) => [room, name, i] as const)))(
    '%s cannot reach %s',
    (room, _name, i) => {
      const rules = messages.get(`src/${room}/ambient${i}.ts`)?.map((message) => message.ruleId)
      expect(rules).toEqual(expect.arrayContaining([expect.stringMatching(/^no-restricted-(?:globals|properties)$/)]))
    },
  )

  it('is not alone in leaving the environment to main.ts', () => {
    expect(messages.get('src/web/env.ts')?.map((message) => message.ruleId)).toContain('no-restricted-properties')
  })

  it('is not alone in keeping its functions to 70 lines', () => {
    expect(messages.get('src/web/endless.ts')?.map((message) => message.ruleId)).toEqual(['max-lines-per-function'])
  })
})
