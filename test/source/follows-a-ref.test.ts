import { describe, expect, it } from 'vitest'
import { WAYS, codeOf, filesOf, follow, freshDir, freshRepository, poll, reach, signal, value } from './follow.js'

describe.each(WAYS)('over %s', (way) => {
  it('returns the commit that the branch names, with its author, time and subject', async () => {
    const repository = freshRepository()
    const sha = repository.push('Add the shop\n\nWith a body.', { 'slipway.yaml': 'fleet: acme\n' })
    const source = follow(await reach(repository, way))
    expect(await poll(source)).toEqual({
      ref: 'main',
      sha,
      author: 'Ada Pilot',
      committedAtMs: Date.UTC(2026, 10, 21, 10),
      subject: 'Add the shop',
    })
    expect(await filesOf(source, sha)).toEqual({ 'slipway.yaml': 'fleet: acme\n' })
  })

  it('follows thirty pushes one by one, and every one of them stays readable', async () => {
    const repository = freshRepository()
    const source = follow(await reach(repository, way))
    const shas: string[] = []
    for (let i = 0; i < 30; i++) {
      shas.push(repository.push(`push ${i}`, { 'a.txt': `${i}`, [`dir/${i}.txt`]: 'x' }))
      expect((await poll(source)).sha).toBe(shas[i])
    }
    for (const [i, sha] of shas.entries()) {
      const files = await filesOf(source, sha)
      expect(files['a.txt']).toBe(`${i}`)
      expect(Object.keys(files)).toHaveLength(i + 2)
    }
    expect(value(await source.isAncestor(shas[0] ?? '', shas[29] ?? '', signal))).toBe(true)
    expect(value(await source.isAncestor(shas[29] ?? '', shas[0] ?? '', signal))).toBe(false)
  })

  it('keeps a revision readable after a force-push dropped it from the branch and the server forgot it', async () => {
    const repository = freshRepository()
    repository.push('base', { 'a.txt': 'base' })
    const source = follow(await reach(repository, way))
    const dropped = repository.push('dropped', { 'a.txt': 'dropped', 'deep/b.txt': 'b' })
    await poll(source)
    repository.git('reset', '--quiet', '--hard', 'HEAD~1')
    const kept = repository.push('instead', { 'a.txt': 'instead' })
    repository.bareGit('reflog', 'expire', '--expire=now', '--all')
    repository.bareGit('gc', '--quiet', '--prune=now')
    expect((await poll(source)).sha).toBe(kept)
    expect(value(await source.isAncestor(dropped, kept, signal))).toBe(false)
    expect(await filesOf(source, dropped)).toEqual({ 'a.txt': 'dropped', 'deep/b.txt': 'b' })
    expect(value(await source.revision(dropped, signal)).subject).toBe('dropped')
  })

  it('goes back to an older commit when the branch is reset to it', async () => {
    const repository = freshRepository()
    const first = repository.push('first', { a: '1' })
    repository.push('second', { a: '2' })
    const source = follow(await reach(repository, way))
    await poll(source)
    repository.git('push', '--quiet', '--force', 'origin', `${first}:main`)
    expect((await poll(source)).sha).toBe(first)
  })

  it('tells a deleted branch from an empty repository, and names what is there instead', async () => {
    const repository = freshRepository()
    const url = await reach(repository, way)
    const source = follow(url)
    expect(codeOf(await source.poll(signal))).toBe('GIT_EMPTY')
    const sha = repository.push('first', { a: '1' })
    await poll(source)
    repository.git('push', '--quiet', 'origin', 'HEAD:trunk')
    repository.bareGit('update-ref', '-d', 'refs/heads/main')
    const gone = await source.poll(signal)
    expect(codeOf(gone)).toBe('GIT_REF_MISSING')
    expect(gone.ok ? '' : gone.problem.message).toContain('trunk')
    expect(await filesOf(source, sha)).toEqual({ a: '1' })
  })

  it.each(['v1', 'annotated', 'nested'])('follows the tag %s to its commit, and sees it move', async (tag) => {
    const repository = freshRepository()
    const first = repository.push('first', { a: '1' })
    repository.git('tag', 'v1')
    repository.git('tag', '-a', '-m', 'a release', 'annotated')
    repository.git('tag', '-a', '-m', 'a tag of a tag', 'nested', 'annotated')
    repository.git('push', '--quiet', '--tags', 'origin')
    const source = follow(await reach(repository, way), { ref: { tag } })
    expect(await poll(source)).toMatchObject({ ref: tag, sha: first })
    const second = repository.push('second', { a: '2' })
    repository.git('tag', '--force', '-a', '-m', 'moved', tag)
    repository.git('push', '--quiet', '--force', 'origin', `refs/tags/${tag}`)
    expect((await poll(source)).sha).toBe(second)
  })

  it('refuses a tag that names a file', async () => {
    const repository = freshRepository()
    repository.push('first', { a: '1' })
    repository.git('tag', 'blob', 'HEAD:a')
    repository.git('push', '--quiet', '--tags', 'origin')
    const source = follow(await reach(repository, way), { ref: { tag: 'blob' } })
    expect(codeOf(await source.poll(signal))).toBe('GIT_REF_MISSING')
  })

  it('lists symlinks and submodules as what they are, sorted, and follows neither', async () => {
    const repository = freshRepository()
    repository.write('b/file', 'x')
    repository.link('a-link', '/etc/shadow')
    repository.git('add', '--all')
    repository.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},vendor`)
    repository.git('commit', '--quiet', '-m', 'kinds')
    repository.git('push', '--quiet', 'origin', 'HEAD:main')
    const source = follow(await reach(repository, way))
    const { entries } = value(await source.tree((await poll(source)).sha, signal))
    expect([...entries].map(([path, { kind }]) => `${path} ${kind}`)).toEqual([
      'a-link symlink',
      'b/file file',
      'vendor submodule',
    ])
  })

  it('shows only what is under the followed path, relative to it', async () => {
    const repository = freshRepository()
    const sha = repository.push('first', { 'deploy/prod/slipway.yaml': 'fleet: a', 'README.md': 'hi' })
    const source = follow(await reach(repository, way), { path: '/deploy/prod/' })
    await poll(source)
    expect(await filesOf(source, sha)).toEqual({ 'slipway.yaml': 'fleet: a' })
    const elsewhere = repository.push('elsewhere', { 'deploy/test/slipway.yaml': 'fleet: b' })
    expect((await poll(source)).sha).toBe(elsewhere)
    const [before, after] = [value(await source.tree(sha, signal)), value(await source.tree(elsewhere, signal))]
    expect(after.entries).toEqual(before.entries)
  })

  it('says so when the followed path is not in the commit, or is a file', async () => {
    const repository = freshRepository()
    const sha = repository.push('first', { 'deploy/file': 'x' })
    const url = await reach(repository, way)
    for (const path of ['nowhere', 'deploy/file']) {
      const source = follow(url, { path })
      await poll(source)
      expect(codeOf(await source.tree(sha, signal))).toBe('FILE_MISSING')
    }
  })

  it('goes on after a restart without fetching again, and reads while the repository is away', async () => {
    const repository = freshRepository()
    const sha = repository.push('first', { a: '1' })
    const url = await reach(repository, way)
    const dir = freshDir()
    await poll(follow(url, { dir }))
    const again = follow(url, { dir })
    expect((await poll(again)).sha).toBe(sha)
    repository.remove()
    const third = follow(url, { dir })
    expect((await third.poll(signal)).ok).toBe(false)
    expect(await filesOf(third, sha)).toEqual({ a: '1' })
    expect(value(await third.revision(sha, signal)).subject).toBe('first')
  })

  it('says that a commit was never fetched', async () => {
    const repository = freshRepository()
    repository.push('first', { a: '1' })
    const source = follow(await reach(repository, way))
    expect(codeOf(await source.tree('0'.repeat(40), signal))).toBe('GIT_REF_MISSING')
    await poll(source)
    expect(codeOf(await source.revision('0'.repeat(40), signal))).toBe('GIT_REF_MISSING')
    expect(codeOf(await source.revision('HEAD', signal))).toBe('GIT_REF_MISSING')
  })

  it('renews the clone after the set number of fetches, and loses no revision by it', async () => {
    const repository = freshRepository()
    const events: string[] = []
    const source = follow(await reach(repository, way), {
      limits: { maxFetches: 3 },
      log: ({ message }) => events.push(message),
    })
    const shas: string[] = []
    for (let i = 0; i < 5; i++) {
      shas.push(repository.push(`push ${i}`, { a: `${i}` }))
      await poll(source)
    }
    expect(events.filter((event) => event !== 'git fetched')).toEqual(['git cloned', 'git cloned'])
    for (const [i, sha] of shas.entries()) expect(await filesOf(source, sha)).toEqual({ a: `${i}` })
  })

  it('refuses a file that is over the limit when it is read, and reads the others', async () => {
    const repository = freshRepository()
    const sha = repository.push('first', { big: 'x'.repeat(2000), small: 'y' })
    const source = follow(await reach(repository, way), { limits: { maxBlobBytes: 1000 } })
    await poll(source)
    const { entries } = value(await source.tree(sha, signal))
    const [big, small] = ['big', 'small'].map((name) => entries.get(name)?.oid ?? '')
    expect(codeOf(await source.read([big ?? ''], signal))).toBe('FILE_TOO_LARGE')
    expect(codeOf(await source.read([small ?? ''], signal))).toBe('OK')
  })

  it.each([
    ['files', { maxTreeEntries: 3 }],
    ['bytes', { maxPackBytes: 200 }],
    ['objects', { maxObjects: 2 }],
    ['bytes of one object', { maxObjectBytes: 100 }],
    ['unpacked bytes', { maxUnpackedBytes: 100 }],
  ])('refuses a repository with too many %s', async (_what, limits) => {
    const repository = freshRepository()
    repository.push('first', { a: 'x', b: 'y', c: 'z', 'd/e': 'some text '.repeat(100) })
    repository.bareGit('gc', '--quiet')
    const source = follow(await reach(repository, way), { limits })
    expect(codeOf(await source.poll(signal))).toBe('GIT_TOO_LARGE')
  })
})
