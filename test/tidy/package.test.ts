import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PROBLEMS } from '../../src/model/index.js'
import { filesUnder, HOUSE, read } from './house.js'

interface Package {
  readonly version: string
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(read('package.json')) as Package
const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })

describe('package.json', () => {
  it.each(versions)('asks for exactly one version of %s', (_name, version) => {
    expect(version).toMatch(/^(?:npm:(?:@[\w-]+\/)?[\w-]+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$/)
  })

  it('compiles with the native compiler and keeps the API of the older one for the tools that need it', () => {
    // With only the native compiler, dependency-cruiser passes on nothing at all and says that all is well.
    const tsc = execFileSync(join(HOUSE, 'node_modules', '.bin', 'tsc'), ['-v'], { encoding: 'utf8' })
    expect(tsc).toMatch(/^Version 7\./)
    const { version } = createRequire(join(HOUSE, 'package.json'))('typescript') as { version: string }
    expect(version).toMatch(/^6\.0\./)
  })

  it('names a program that the build makes of src/main.ts', () => {
    expect(manifest.bin).toEqual({ slipway: './dist/main.js' })
    expect(read('src/main.ts')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })
})

describe('problem codes', () => {
  const code = filesUnder('src')
    .filter((path) => path.endsWith('.ts') && path !== 'src/model/problem.ts')
    .map(read)
    .join('\n')

  it.each(Object.entries(PROBLEMS))('%s is documented by one sentence and used', (name, sentence) => {
    expect(name).toMatch(/^[A-Z]+(?:_[A-Z]+)*$/)
    expect(sentence).toMatch(/^\S.{10,}[^.\s]$/)
    expect(code.includes(`'${name}'`) || code.includes(`${name}:`), `nothing in src mentions ${name}`).toBe(true)
  })
})

describe('the changelog', () => {
  const text = read('CHANGELOG.md')
  it('has what is not released on top, opening with a paragraph for operators', () => {
    expect(text).toMatch(/^## \[Unreleased\]\n\n[A-Z][^\n]{40,}/m)
    expect(text.indexOf('## [Unreleased]')).toBe(text.indexOf('## ['))
  })

  it('groups changes by the words of Keep a Changelog', () => {
    const groups = [...text.matchAll(/^### (.+)$/gm)].map((match) => match[1])
    expect(
      groups.filter((group) => !/^(?:Added|Changed|Deprecated|Removed|Fixed|Security)$/.test(group ?? '')),
    ).toEqual([])
  })
})
