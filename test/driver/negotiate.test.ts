import { describe, expect, it } from 'vitest'
import { chooseApi, readInfo } from '../../src/driver/negotiate.js'
import { must, problemOf } from './fixtures.js'

describe('the API version', () => {
  it.each([
    ['1.41', 41],
    ['1.45', 45],
    ['1.51', 51],
    ['1.99', 51],
    ['1.100', 51],
  ])('of an engine that speaks up to %s is 1.%s', (offered, minor) => {
    expect(must(chooseApi(offered, 'lon-1'))).toBe(minor)
  })

  it.each(['1.40', '1.24', '1.9'])('%s is too old, and the message says what to install', (offered) => {
    const problem = problemOf(chooseApi(offered, 'lon-1'))
    expect(problem).toMatchObject({ code: 'ENGINE_TOO_OLD', server: 'lon-1', next: { kind: 'stalled' } })
    expect(problem.message).toContain('20.10')
  })

  it.each([undefined, '', '2.0', '1', '1.x', '1.45; drop', ['1.45']])('%s makes no sense', (offered) => {
    expect(problemOf(chooseApi(offered, 'lon-1')).code).toBe('ENGINE_ANSWER')
  })
})

describe('what an engine says of its host', () => {
  const info = { ID: 'abc', ServerVersion: '26.1', OSType: 'linux', Name: 'box', NCPU: 4, MemTotal: 8e9 }

  it.each([
    ['x86_64', 'amd64'],
    ['aarch64', 'arm64'],
    ['armv7l', 'arm'],
    ['riscv64', 'riscv64'],
  ])('names the architecture %s as Go does: %s', (Architecture, arch) => {
    expect(must(readInfo({ ...info, Architecture }, 45) as never)).toMatchObject({
      arch,
      engineId: 'abc',
      apiVersion: '1.45',
    })
  })

  it.each([null, 'text', [], {}, { ...info, ID: 7 }])('is refused without an id: %j', (nonsense) => {
    expect(readInfo(nonsense, 45).ok).toBe(false)
  })

  it('takes numbers that make no sense as unknown', () => {
    expect(readInfo({ ...info, NCPU: 'many', MemTotal: -1 }, 45)).toMatchObject({ value: { cpus: 0, memoryBytes: 0 } })
  })
})
