import { describe, expect, it } from 'vitest'
import { formatExcerpt } from '../../src/cli/show/excerpt.js'
import { githubAnnotations, sarifLog } from '../../src/cli/show/problem-reports.js'
import type { Problem } from '../../src/model/index.js'

const problems: readonly Problem[] = [
  {
    code: 'FIELD_UNKNOWN',
    message: 'services.web.imag: 100% unknown\n::set-output name=x::y',
    place: { path: 'stacks/shop, old/compose.yaml', line: 4, column: 5 },
  },
  { code: 'FIELD_IGNORED', message: 'ignored', severity: 'warning', place: { path: 'a:b.yaml' } },
  { code: 'FLEET_MISSING', message: 'no fleet' },
]

describe('problems for a continuous integration', () => {
  it('are annotations for GitHub that no file can break out of', () => {
    expect(githubAnnotations(problems, 'fleet')).toBe(
      [
        '::error file=fleet/stacks/shop%2C old/compose.yaml,line=4,col=5,title=FIELD_UNKNOWN::services.web.imag: 100%25 unknown%0A::set-output name=x::y',
        '::warning file=fleet/a%3Ab.yaml,title=FIELD_IGNORED::ignored',
        '::error title=FLEET_MISSING::no fleet',
        '',
      ].join('\n'),
    )
  })

  it('are results of SARIF 2.1.0, each with its rule and its place', () => {
    expect(sarifLog(problems, '')).toEqual({
      $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
      version: '2.1.0',
      runs: [
        {
          tool: {
            driver: {
              name: 'slipway',
              rules: [
                { id: 'FIELD_IGNORED', shortDescription: { text: 'the key has no meaning here and is ignored' } },
                { id: 'FIELD_UNKNOWN', shortDescription: { text: 'the key is not known here' } },
                { id: 'FLEET_MISSING', shortDescription: { text: 'slipway.yaml is missing' } },
              ],
            },
          },
          columnKind: 'utf16CodeUnits',
          results: [
            {
              ruleId: 'FIELD_UNKNOWN',
              ruleIndex: 1,
              level: 'error',
              message: { text: 'services.web.imag: 100% unknown\n::set-output name=x::y' },
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: { uri: 'stacks/shop%2C%20old/compose.yaml' },
                    region: { startLine: 4, startColumn: 5 },
                  },
                },
              ],
            },
            {
              ruleId: 'FIELD_IGNORED',
              ruleIndex: 0,
              level: 'warning',
              message: { text: 'ignored' },
              locations: [{ physicalLocation: { artifactLocation: { uri: 'a%3Ab.yaml' } } }],
            },
            { ruleId: 'FLEET_MISSING', ruleIndex: 2, level: 'error', message: { text: 'no fleet' } },
          ],
        },
      ],
    })
  })
})

describe('an excerpt', () => {
  const text = 'services:\r\n  web:\r\n\timag: "\u001b[31mx"\r\n'
  it.each<[string, number, number, number, readonly string[]]>([
    ['has a caret under the column', 2, 3, 80, ['  2 |   web:', '    |   ^']],
    ['counts a tab as it is shown, and prints no escape', 3, 8, 80, ['  3 |   imag: "x"', '    |         ^']],
    ['is left out where there is no line', 9, 1, 80, []],
    ['is left out for a line that is empty', 4, 1, 80, []],
  ])('%s', (_title, line, column, columns, expected) => {
    expect(formatExcerpt(text, line, column, columns)).toEqual(expected)
  })

  it('shows of a long line what is around its mark', () => {
    const [shown = '', caret = ''] = formatExcerpt(`${'a'.repeat(200)}B${'c'.repeat(200)}`, 1, 201, 100)
    expect(shown.length).toBeLessThanOrEqual(100)
    expect(shown[caret.indexOf('^')]).toBe('B')
  })
})
