import { mkdtempSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { controlSocketPath } from '../../src/web/index.js'

let tmp = ''
beforeEach(() => (tmp = mkdtempSync(join(tmpdir(), 's-'))))
afterEach(() => rmSync(tmp, { recursive: true, force: true }))

const long = `/var/lib/${'x'.repeat(100)}`

function pathOf(dataDir: string): string {
  const path = controlSocketPath(dataDir, tmp)
  if (!path.ok) throw new Error(path.problem.message)
  return path.value
}

describe('the path of the control socket', () => {
  it('is in the data directory', () => {
    expect(pathOf('/var/lib/slipway')).toBe('/var/lib/slipway/control.sock')
  })

  it('is hashed into a private folder when it would be too long for the kernel', () => {
    const path = pathOf(long)
    expect(Buffer.byteLength(path)).toBeLessThan(104)
    expect(path.startsWith(join(tmp, `slipway-${userInfo().uid}`))).toBe(true)
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700)
    expect(pathOf(long)).toBe(path)
    expect(pathOf(`${long}y`)).not.toBe(path)
  })

  it('is not put into a folder that others may write to', () => {
    mkdirSync(join(tmp, `slipway-${userInfo().uid}`), { mode: 0o755 })
    expect(controlSocketPath(long, tmp)).toMatchObject({ ok: false, problem: { code: 'SETTING_INVALID' } })
  })

  it('is a problem with a remedy when the temporary directory is as long', () => {
    expect(controlSocketPath(long, long)).toMatchObject({ ok: false, problem: { code: 'SETTING_INVALID' } })
  })
})
