import { describe, expect, it } from 'vitest'
import { parseDotenv, parseRawEnv } from '../../src/manifest/dotenv.js'
import { createReport } from '../../src/manifest/report.js'
import { placed } from './repository.js'

const outside: Readonly<Record<string, string>> = { OUT: 'side' }

function run(text: string): { readonly values: Readonly<Record<string, string>>; readonly codes: readonly string[] } {
  const report = createReport('.env')
  const values = parseDotenv(text, new Map([['EARLIER', 'e']]), (name) => outside[name], report)
  const { EARLIER: _earlier, ...own } = Object.fromEntries(values)
  return { values: own, codes: [...report.errors(), ...report.warnings()].map(placed) }
}

function runRaw(text: string): ReturnType<typeof run> {
  const report = createReport('raw.env')
  const values = parseRawEnv(text, new Map(), (name) => (name === 'HOME' ? '/root' : undefined), report)
  return { values: Object.fromEntries(values), codes: report.errors().map(placed) }
}

describe('an env file is read as compose-go does', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ['A=1', { A: '1' }],
    ['A=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['\n\n# comment\n  # another\nA=1\n', { A: '1' }],
    ['export A=1', { A: '1' }],
    ['exported=1', { exported: '1' }],
    ['A: yaml', { A: 'yaml' }],
    ['A = spaced', { A: 'spaced' }],
    ['A=', { A: '' }],
    ['A=\nB=2', { A: '', B: '2' }],
    ['A=x # comment', { A: 'x' }],
    ['A=x#no comment', { A: 'x#no comment' }],
    ['A=trailing   ', { A: 'trailing' }],
    ['A="x # kept"', { A: 'x # kept' }],
    ["A='$OUT'", { A: '$OUT' }],
    ['A="$OUT"', { A: 'side' }],
    ['A=$OUT', { A: 'side' }],
    ['A=$EARLIER', { A: 'e' }],
    ['A=1\nB=${A}2', { A: '1', B: '12' }],
    ['A="line\\nbreak\\ttab"', { A: 'line\nbreak\ttab' }],
    ["A='line\\nkept'", { A: 'line\\nkept' }],
    ['A="two\nlines"\nB=2', { A: 'two\nlines', B: '2' }],
    ['A="say \\"hi\\""', { A: 'say "hi"' }],
    ['A="\\$OUT"', { A: '$OUT' }],
    ['A=a=b=c', { A: 'a=b=c' }],
    ['A.b-c[0]=x', { 'A.b-c[0]': 'x' }],
    ['OUT', { OUT: 'side' }],
    ['NOWHERE', {}],
    ['A="x" # comment\nB=2', { A: 'x', B: '2' }],
    ['A=1\nA=2', { A: '2' }],
    ['__proto__=1', Object.fromEntries([['__proto__', '1']])],
  ])('%j gives %j', (text, expected) => {
    expect(run(text)).toEqual({ values: expected, codes: [] })
  })

  it.each([
    ['A=1\nno name=2', ['2:1 FIELD_INVALID']],
    ['=2', ['1:1 FIELD_INVALID']],
    ['A="never\nclosed', ['1:3 FIELD_INVALID']],
    ['A=1\nB=$NOPE', ['2:3 VARIABLE_UNSET']],
    ['A=${', ['1:3 VARIABLE_INVALID']],
  ])('%j is told: %j', (text, codes) => {
    expect(run(text).codes).toEqual(codes)
  })

  it('takes a raw file as it stands', () => {
    const { values, codes } = runRaw('# no\n  A="q" # $x\r\nB=\nHOME\nC\n')
    expect([values, codes]).toEqual([{ A: '"q" # $x', B: '', HOME: '/root' }, []])
  })

  it.each(['export A=1', '=1'])('tells that %j names no variable in a raw file', (text) => {
    expect(runRaw(`B=1\n${text}`).codes).toEqual(['2:1 FIELD_INVALID'])
  })
})
