import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { folderSource } from '../../src/cli/folder-source.js'
import type { Source } from '../../src/controller/index.js'

const signal = new AbortController().signal
let dir = ''
let source: Source
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'slipway-folder-'))
  source = folderSource(dir, 'ann', 1_000)
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function write(path: string, text: string): void {
  mkdirSync(join(dir, path, '..'), { recursive: true })
  writeFileSync(join(dir, path), text)
}

async function entries() {
  const tree = await source.tree('', signal)
  if (!tree.ok) throw new Error(tree.problem.message)
  return tree.value.entries
}

describe('a folder in place of a repository', () => {
  it('has its files in order, links as links, and neither .git nor node_modules', async () => {
    write('slipway.yaml', 'a')
    write('stacks/shop/compose.yaml', 'b')
    write('.git/config', 'secret')
    write('node_modules/x/index.js', 'x')
    symlinkSync('/etc/passwd', join(dir, 'link'))
    symlinkSync('/etc', join(dir, 'folder-link'))
    const kinds = [...(await entries())].map(([path, { kind }]) => `${path} ${kind}`)
    expect(kinds).toEqual(['folder-link symlink', 'link symlink', 'slipway.yaml file', 'stacks/shop/compose.yaml file'])
  })

  it('reads contents by id, and nothing but its own', async () => {
    write('slipway.yaml', 'hello')
    const oid = (await entries()).get('slipway.yaml')?.oid ?? ''
    const read = await source.read([oid], signal)
    expect(read.ok && Buffer.from(read.value.get(oid) ?? []).toString()).toBe('hello')
    expect(await source.read(['f'.repeat(40)], signal)).toMatchObject({ ok: false, problem: { code: 'FILE_MISSING' } })
  })

  it('refuses a file without bound', async () => {
    write('big', '')
    truncateSync(join(dir, 'big'), 11 * 1024 * 1024)
    const oid = (await entries()).get('big')?.oid ?? ''
    expect(await source.read([oid], signal)).toMatchObject({ ok: false, problem: { code: 'FILE_TOO_LARGE' } })
  })

  it('says when it is not there', async () => {
    rmSync(dir, { recursive: true })
    expect(await source.poll(signal)).toMatchObject({ ok: false, problem: { code: 'FILE_MISSING' } })
  })
})
