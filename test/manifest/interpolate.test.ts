import { describe, expect, it } from 'vitest'
import { interpolate } from '../../src/manifest/interpolate.js'

const variables: Readonly<Record<string, string>> = { FOO: 'first', BAR: '', BAZ: 'third', _U1: 'under' }

function run(text: string): { readonly text: string; readonly codes: readonly string[] } {
  const codes: string[] = []
  const result = interpolate(text, (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined), {
    error: (code) => codes.push(code),
    unset: (name) => codes.push(`unset ${name}`),
  })
  return { text: result, codes }
}

describe('interpolation replaces variables as compose-go does', () => {
  it.each([
    ['plain', 'plain'],
    ['ok $FOO', 'ok first'],
    ['ok ${FOO}', 'ok first'],
    ['$FOO/$BAZ.${_U1}', 'first/third.under'],
    ['$$FOO', '$FOO'],
    ['$${FOO}', '${FOO}'],
    ['$$$FOO', '$first'],
    ['$', '$'],
    ['a $ b', 'a $ b'],
    ['$1 $} $.', '$1 $} $.'],
    ['100%$', '100%$'],
    ['${BAR}', ''],
    ['${NO:-dflt}', 'dflt'],
    ['${NO-dflt}', 'dflt'],
    ['${BAR:-dflt}', 'dflt'],
    ['${BAR-dflt}', ''],
    ['${FOO:-dflt}', 'first'],
    ['${FOO-dflt}', 'first'],
    ['${NO:-}', ''],
    ['${NO:-a:b/c-d?e+f}', 'a:b/c-d?e+f'],
    ['${NO:+x}', ''],
    ['${NO+x}', ''],
    ['${BAR:+x}', ''],
    ['${BAR+x}', 'x'],
    ['${FOO:+x}', 'x'],
    ['${FOO+x}', 'x'],
    ['${FOO+$BAZ}', 'third'],
    ['${FOO:?no}', 'first'],
    ['${BAR?no}', ''],
    ['${NO:-${FOO}}', 'first'],
    ['${NO:-${BAR:-${BAZ}}}', 'third'],
    ['${NO:-$FOO and ${BAZ}}!', 'first and third!'],
    ['${NO:-${BAR:-x} y}', 'x y'],
    ['${NO:-a$$b}', 'a$b'],
    ['${NO:-{"a": 1}', '{"a": 1'],
    ['${NO:-$${FOO}}', '${FOO}'.slice(0, -1) + '}'],
    ['${FOO:-${NO}}', 'first'],
    ['${FOO:-${NO:?never asked}}', 'first'],
  ])('%s gives %s', (text, expected) => {
    expect(run(text)).toEqual({ text: expected, codes: [] })
  })

  it.each([
    ['${NO:?}', ['VARIABLE_REQUIRED']],
    ['${NO?say so}', ['VARIABLE_REQUIRED']],
    ['${BAR:?empty}', ['VARIABLE_REQUIRED']],
    ['${', ['VARIABLE_INVALID']],
    ['${}', ['VARIABLE_INVALID']],
    ['${ FOO }', ['VARIABLE_INVALID']],
    ['${FOO!}', ['VARIABLE_INVALID']],
    ['${FOO', ['VARIABLE_INVALID']],
    ['${1X}', ['VARIABLE_INVALID']],
    ['${FOO:x}', ['VARIABLE_INVALID']],
    ['$NO', ['unset NO']],
    ['${NO} ${NO2}', ['unset NO', 'unset NO2']],
    ['${NO:-$NO2}', ['unset NO2']],
  ])('%s is told: %j', (text, codes) => {
    expect(run(text).codes).toEqual(codes)
  })

  it('takes expressions that are nested very deeply as one problem', () => {
    const text = `${'${A:-'.repeat(10_000)}x${'}'.repeat(10_000)}`
    expect(run(text).codes).toEqual(['VARIABLE_INVALID'])
  })
})
