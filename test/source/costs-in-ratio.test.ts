import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { follow, freshRepository, freshServer, poll, signal, value } from './follow.js'
import type { TestRepository } from './repository.js'

const COMMITS = 2_000
const STACKS = 1_000

const pathOf = (stack: number): string => `stacks/s${stack}/compose.yaml`
const manifest = (stack: number, version: number): string =>
  `services:\n  web:\n    image: registry.example.com/shop/s${stack}:${version}\n    environment: { STACK: "${stack}" }\n`

/** One commit with every stack, and one after the other that changes one of them. */
function grow(repository: TestRepository): void {
  const file = (stack: number, version: number): string => {
    const text = manifest(stack, version)
    return `M 100644 inline ${pathOf(stack)}\ndata ${Buffer.byteLength(text)}\n${text}\n`
  }
  const commits = Array.from({ length: COMMITS }, (_, number) => {
    const head = `commit refs/heads/main\ncommitter Ann <ann@example.com> ${1_700_000_000 + number} +0000\ndata 6\nchange\n`
    const all = Array.from({ length: STACKS }, (_stack, stack) => file(stack, 0)).join('')
    return head + (number === 0 ? all : file(number % STACKS, number))
  })
  execFileSync('git', ['fast-import', '--quiet'], { cwd: repository.bare, input: commits.join('\n') })
}

/** What Git itself would send of one commit to somebody who has its parent. */
function smallestPack(repository: TestRepository): number {
  const input = repository.bareGit('rev-list', '--objects', 'main', '^main~1')
  return execFileSync('git', ['pack-objects', '--stdout', '--quiet'], { cwd: repository.bare, input }).byteLength
}

it('transfers of a new commit what is new in it, in a repository of 2,000 commits and 1,000 manifests', async () => {
  const repository = freshRepository()
  grow(repository)
  repository.git('pull', '--quiet', 'origin', 'main')
  const server = await freshServer(repository)
  let bytes = 0
  server.twist = (kind, body) => {
    bytes += kind === 'pack' ? body.byteLength : 0
    return body
  }
  const source = follow(`${server.url}/fleet.git`)
  const first = await poll(source)
  const before = value(await source.tree(first.sha, signal))
  expect(before.entries.size).toBe(STACKS)
  const whole = bytes

  const newer = repository.push('One image', { [pathOf(500)]: manifest(500, COMMITS) })
  bytes = 0
  expect((await poll(source)).sha).toBe(newer)
  const after = value(await source.tree(newer, signal))
  const changed = [...after.entries].filter(([path, { oid }]) => before.entries.get(path)?.oid !== oid)
  expect(changed.map(([path]) => path)).toEqual([pathOf(500)])
  const [[, entry] = ['', { oid: '' }]] = changed
  const read = value(await source.read([entry.oid], signal))
  expect(Buffer.from(read.get(entry.oid) ?? '').toString()).toBe(manifest(500, COMMITS))
  expect(bytes / smallestPack(repository)).toBeLessThan(1.1)
  expect(bytes / whole).toBeLessThan(0.1)

  bytes = 0
  await poll(source)
  expect(bytes).toBe(0)
})
