import { extract } from 'tar-stream'
import { describe, expect, it } from 'vitest'
import type { FileSpec, MountSpec } from '../../src/model/index.js'
import { packFiles, planFiles } from '../../src/driver/file-archive.js'
import { must, problemOf, serviceSpec } from './fixtures.js'

function file(target: string): FileSpec {
  const contentBase64 = Buffer.from(target).toString('base64')
  return { kind: 'secret', name: target, source: 'x', target, contentBase64, mode: 0o440, uid: 33, gid: 7 }
}

const volume: MountSpec = { kind: 'volume', source: 'v', target: '/data', readOnly: false, noCopy: false }
const tmpfs: MountSpec = { kind: 'tmpfs', target: '/run', readOnly: false, sizeBytes: null, mode: null }
const inner: MountSpec = { ...volume, target: '/run/secrets' }

describe('where files go', () => {
  it.each([
    ['all into the root', false, [], ['/a', '/b/c'], ['/']],
    ['into the root, though a volume covers them', false, [volume], ['/data/a'], ['/']],
    ['into the volume where the root is read-only', true, [volume], ['/data/a', '/data/b/c'], ['/data']],
    ['into a volume within a tmpfs', false, [tmpfs, inner], ['/run/secrets/a'], ['/']],
    ['nowhere without files', true, [], [], []],
  ] as const)('%s', (_what, readOnly, mounts, targets, roots) => {
    const plan = must(planFiles(serviceSpec({ readOnly, mounts, files: targets.map(file) }), 'lon-1'))
    expect(plan.map((delivery) => delivery.root)).toEqual(roots)
  })

  it.each([
    ['below a tmpfs, which would hide it', false, [tmpfs], '/run/secrets/a'],
    ['in a read-only mount', false, [{ ...volume, readOnly: true }], '/data/a'],
    ['in a read-only root', true, [volume], '/etc/a'],
    ['beside a mount whose name its folder begins with', true, [volume], '/database/a'],
  ] as const)('a file %s is refused', (_what, readOnly, mounts, target) => {
    const problem = problemOf(planFiles(serviceSpec({ readOnly, mounts, files: [file(target)] }), 'lon-1'))
    expect(problem).toMatchObject({ code: 'CONFLICT', stack: 'shop', service: 'web' })
    expect(problem.message).toContain(target)
  })
})

describe('the archive', () => {
  it('has files only, with owner, mode and content, relative to where it is unpacked', async () => {
    const archive = await packFiles({ root: '/data', files: [file('/data/b/c'), file('/data/ä')] })
    const entries: unknown[] = []
    const reader = extract()
    reader.on('entry', (header, stream, next) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { name, mode, uid, gid, type } = header
        entries.push({ name, mode, uid, gid, type, content: Buffer.concat(chunks).toString() })
        next()
      })
    })
    await new Promise((resolve) => reader.on('finish', resolve).end(archive))
    const common = { mode: 0o440, uid: 33, gid: 7, type: 'file' }
    expect(entries).toEqual([
      { ...common, name: 'b/c', content: '/data/b/c' },
      { ...common, name: 'ä', content: '/data/ä' },
    ])
  })

  it('is the same bytes each time', async () => {
    const delivery = { root: '/', files: [file('/a')] }
    expect(await packFiles(delivery)).toEqual(await packFiles(delivery))
  })
})
