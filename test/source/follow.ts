import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import type { Source } from '../../src/controller/index.js'
import type { ProblemCode, Result, Revision } from '../../src/model/index.js'
import { gitSource } from '../../src/source/index.js'
import type { GitSourceOptions } from '../../src/source/index.js'
import { gitServer } from './git-server.js'
import type { GitServer } from './git-server.js'
import { scratch, testRepository } from './repository.js'
import type { TestRepository } from './repository.js'

export const signal = new AbortController().signal

const cleanups: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

export function later(cleanup: () => void | Promise<void>): void {
  cleanups.push(cleanup)
}

export function freshRepository(): TestRepository {
  const repository = testRepository()
  later(() => repository.remove())
  return repository
}

export function freshDir(): string {
  const dir = scratch()
  later(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export async function freshServer(repository: TestRepository, options = {}): Promise<GitServer> {
  const server = await gitServer(repository.root, options)
  later(() => server.close())
  return server
}

/** A source over `url`, with a clone directory of its own unless one is given. */
export function follow(url: string, options: Partial<GitSourceOptions> = {}): Source {
  const dir = options.dir ?? join(freshDir(), 'clone')
  const source = gitSource({ url, ref: { branch: 'main' }, ...options, dir })
  later(() => source.close())
  return source
}

/** The two ways to the same repository: a user must not see a difference. */
export const WAYS = ['http', 'local'] as const

export async function reach(repository: TestRepository, way: (typeof WAYS)[number]): Promise<string> {
  return way === 'local' ? repository.bare : `${(await freshServer(repository)).url}/fleet.git`
}

export function value<T>(result: Result<T>): T {
  expect(result.ok ? null : result.problem).toBeNull()
  if (!result.ok) throw new Error(result.problem.message)
  return result.value
}

export function codeOf(result: Result<unknown>): ProblemCode | 'OK' {
  return result.ok ? 'OK' : result.problem.code
}

/** Every file of a revision as text. */
export async function filesOf(source: Source, sha: string): Promise<Record<string, string>> {
  const { entries } = value(await source.tree(sha, signal))
  const files = [...entries].filter(([, { kind }]) => kind === 'file')
  const contents = value(
    await source.read(
      files.map(([, { oid }]) => oid),
      signal,
    ),
  )
  return Object.fromEntries(files.map(([path, { oid }]) => [path, Buffer.from(contents.get(oid) ?? []).toString()]))
}

export async function poll(source: Source): Promise<Revision> {
  return value(await source.poll(signal))
}
