import { describe, expect, it } from 'vitest'
import { createLoader } from '../../src/manifest/index.js'
import { specHash } from '../../src/model/index.js'
import type { ServiceSpec } from '../../src/model/index.js'
import { specCauses } from '../../src/planner/spec-causes.js'
import { codesOf, composeWith, desiredOf, webOf, FLEET, COMPOSE } from './repository.js'
import type { Contents } from './repository.js'

const lines = 'volumes: ["./conf:/etc/app:ro"]'
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const conf = (files: Readonly<Record<string, string>>): Contents =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`stacks/shop/conf/${name}`, text]))

describe('a bind mount of a path in the repository', () => {
  it('that is a folder ships all of it, scripts as such', () => {
    const web = webOf(lines, '', conf({ 'b/x.conf': 'b', 'a.sh': '#!/bin/sh\n' }))
    expect(web.mounts).toEqual([
      {
        kind: 'shipped',
        source: 'stacks/shop/conf',
        target: '/etc/app',
        readOnly: true,
        files: [
          { path: 'a.sh', contentBase64: base64('#!/bin/sh\n'), mode: 0o755 },
          { path: 'b/x.conf', contentBase64: base64('b'), mode: 0o644 },
        ],
      },
    ])
  })

  it('that is a file puts it into the container', () => {
    const web = webOf('volumes: ["./site.conf:/etc/site.conf:ro"]', '', { 'stacks/shop/site.conf': 'x' })
    expect(web.mounts).toEqual([])
    expect(web.files).toEqual([
      {
        kind: 'bind',
        name: './site.conf',
        source: 'stacks/shop/site.conf',
        target: '/etc/site.conf',
        contentBase64: base64('x'),
        mode: 0o644,
        uid: 0,
        gid: 0,
      },
    ])
  })

  it('is replaced when a file in it is added, changed or removed, and the cause says which folder', () => {
    const before = webOf(lines, '', conf({ a: '1', b: '1' }))
    for (const files of [{ a: '1' }, { a: '2', b: '1' }, { a: '1', b: '1', c: '' }, { a: '#!1', b: '1' }]) {
      const after = webOf(lines, '', conf(files))
      expect(specHash(after)).not.toBe(specHash(before))
      const [cause, ...others] = specCauses(before, after)
      expect(cause?.field).toBe('volumes./etc/app')
      expect(cause?.from).not.toBe(cause?.to)
      expect(others).toEqual([])
    }
  })

  it('is read anew when a file is added beside those that were read, and not otherwise', () => {
    const loader = createLoader()
    const webAt = (files: Readonly<Record<string, string>>): ServiceSpec | undefined => {
      const [entry] = desiredOf({ 'slipway.yaml': FLEET, [COMPOSE]: composeWith(lines), ...conf(files) }, loader).stacks
      return entry?.kind === 'valid' ? entry.stack.services[0] : undefined
    }
    const first = webAt({ a: '1' })
    expect(webAt({ a: '1' })).toBe(first)
    expect(webAt({ a: '1', b: '2' })?.mounts).not.toEqual(first?.mounts)
  })

  it.each<[string, Contents, readonly string[]]>([
    ['is not there', {}, ['4:15 FILE_MISSING']],
    ['holds a link', { 'stacks/shop/conf/x': { symlink: '/etc/shadow' } }, ['4:15 FILE_UNSUPPORTED']],
    ['is a link', { 'stacks/shop/conf': { symlink: '/etc' } }, ['4:15 FILE_UNSUPPORTED']],
    ['holds a submodule', { 'stacks/shop/conf/x': { submodule: true } }, ['4:15 FILE_UNSUPPORTED']],
    ['holds too large a file', conf({ x: 'x'.repeat(600_000) }), ['4:15 FILE_TOO_LARGE']],
    [
      'holds too much',
      conf(Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [`f${n}`, '']))),
      ['4:15 FILE_TOO_LARGE'],
    ],
  ])('is refused when it %s', (_why, files, expected) => {
    expect(codesOf(composeWith(lines), files)).toEqual(expected)
  })
})

it('folders that are small enough each and too much together are refused', () => {
  const files = (folder: string): Contents =>
    Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`stacks/shop/${folder}/${n}`, 'x'.repeat(490_000)]))
  const both = composeWith('volumes: ["./a:/a", "./b:/b"]')
  expect(codesOf(both, { ...files('a'), ...files('b') })).toEqual(['4:14 FILE_TOO_LARGE'])
  expect(codesOf(composeWith('volumes: ["./a:/a"]'), files('a'))).toEqual([])
})

it('a variable that the stack declares can be a secret; its value is not in the causes', () => {
  const top = 'secrets: { s: { environment: TOKEN } }\n'
  const at = (value: string): ServiceSpec => webOf('secrets: [s]', top, { 'stacks/shop/.env': `TOKEN=${value}\n` })
  expect(at('abc').files).toMatchObject([{ kind: 'secret', source: 'TOKEN', contentBase64: base64('abc') }])
  expect(JSON.stringify(specCauses(at('abc'), at('xyz')))).not.toMatch(/abc|xyz/)
})

it.each([
  ['daily', 'every_86400'],
  ['weekly', 'every_604800'],
  ['every_1h30m', 'every_5400'],
])('pull_policy %s is %s', (policy, expected) => {
  expect(webOf(`pull_policy: ${policy}`).pullPolicy).toBe(expected)
})
