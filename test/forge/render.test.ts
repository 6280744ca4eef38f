import { describe, expect, it } from 'vitest'
import { escapeText, markerOf, renderPlan, renderProblems } from '../../src/forge/render.js'
import type { ProposalPlan } from '../../src/forge/index.js'

const plan: ProposalPlan = {
  summary: '1 to replace',
  markdown: '**1 to replace**\n',
  impact: [],
  capacity: [],
  pin: 'a1b2c3d4e5f60718',
  errors: [],
  guards: [],
}
const marker = markerOf('acme', '7', 'known to nobody')
const news = { fleet: 'acme', marker, head: 'ab'.repeat(20), base: { ref: 'main', sha: 'cd'.repeat(20) } }

describe('a comment', () => {
  it('tells the plan, what it costs meanwhile, and what is reserved', () => {
    const body = renderPlan(news, {
      ...plan,
      impact: ['shop/web has downtime: its only replica at once'],
      capacity: ['lon-1: 1 of 4 cpus'],
    })
    expect(body).toBe(`${marker}

### Slipway plan for acme

If \`abababababab\` is merged into \`main\` (\`cdcdcdcdcdcd\`):

**1 to replace**

**While it rolls out**

- shop/web has downtime: its only replica at once

**Reserved afterwards**

- lon-1: 1 of 4 cpus

Plan \`a1b2c3d4e5f60718\`

<sub>Only planned: nothing is rolled out before it is merged.</sub>
`)
  })

  it('says where every problem is', () => {
    const place = { path: 'stacks/shop/compose.yaml', line: 3, column: 5 }
    const body = renderProblems(news, [{ code: 'FIELD_UNKNOWN', message: 'no such key', place }])
    expect(body).toContain('\nstacks/shop/compose.yaml:3:5 FIELD_UNKNOWN no such key\n')
  })

  it.each(['x ``` @everyone <script>', '](https://evil.example) `code`\n```\n@team', '</details>\u2028<img src=x>'])(
    'lets nothing out of its block that a stranger wrote: %j',
    (message) => {
      const body = renderProblems({ ...news, base: { ...news.base, ref: message } }, [{ code: 'CONFLICT', message }])
      const fences = body.match(/^```/gm) ?? []
      expect(fences).toHaveLength(2)
      expect(body.split('\n')).toHaveLength(10)
    },
  )

  it.each([
    ['@team', '@\u200bteam'],
    ['<img src=x>', '&lt;img src=x\\>'],
    ['a*b_c|d#1', 'a\\*b\\_c\\|d\\#1'],
    ['see https://evil.example', 'see https\u200b://evil.example'],
    ['a\r\nb\u001b[31m', 'a b \\[31m'],
    ['![x](y)', '\\!\\[x\\](y)'],
  ])('shows %j as text', (text, expected) => {
    expect(escapeText(text)).toBe(expected)
  })

  it('is cut where a forge takes no more, with its block closed', () => {
    const problems = Array.from({ length: 100 }, () => ({ code: 'CONFLICT', message: 'x'.repeat(2_000) }) as const)
    const body = renderProblems(news, problems)
    expect(body.length).toBeLessThan(65_536)
    expect(body.match(/^```/gm)).toHaveLength(2)
    expect(body).toContain('Cut here')
  })

  it('is found again by a first line that no fleet name can break, and no stranger can foresee', () => {
    expect(markerOf('a-->b <x>', '7', 'known to nobody')).toMatch(/^<!-- slipway plan a--_b__x_ [0-9a-f]{20} -->$/)
    expect(renderPlan(news, plan).startsWith(`${marker}\n`)).toBe(true)
    expect(new Set([marker, markerOf('acme', '8', 'known to nobody'), markerOf('acme', '7', 'known')]).size).toBe(3)
  })
})
