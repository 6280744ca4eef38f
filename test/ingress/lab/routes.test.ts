import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTES, ROUTES_PERL } from '../../../src/ingress/proxy-routes.js'

const HEAD = '198.18.0.0/16 3323068416 65536'
let dir: string

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'slipway-routes-'))
  writeFileSync(join(dir, 'routes'), ROUTES)
  writeFileSync(join(dir, 'routes.pl'), ROUTES_PERL)
})

afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** A folder of programs, with these among them. */
function programs(...some: readonly string[]): string {
  const bin = join(dir, some.join('-') || 'none')
  mkdirSync(bin, { recursive: true })
  for (const name of ['sh', 'tr', 'sed', 'sort', 'cat', ...some]) {
    const path = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim()
    spawnSync('rm', ['-f', join(bin, name)])
    symlinkSync(path, join(bin, name))
  }
  return bin
}

/** In a network of its own: the routes after each list of addresses. */
function routesAfter(bin: string, lists: readonly (readonly string[])[]): readonly string[] {
  const script = lists.map((addresses, at) => {
    writeFileSync(join(dir, `list-${at}`), `${[HEAD, ...addresses].join('\n')}\n`)
    const shown = "ip route show table all | grep -o 'local 198[0-9.]*\\|unreachable [0-9./]*' | sort | tr '\\n' ' '"
    return `env PATH=${bin} sh routes list-${at} || echo failed; ${shown}; echo`
  })
  const whole = ['ip link set lo up', 'ip addr add 10.9.9.9/32 dev lo', ...script].join('\n')
  const out = execFileSync('unshare', ['-n', 'sh', '-c', whole], { cwd: dir, encoding: 'utf8' })
  return out
    .trimEnd()
    .split('\n')
    .map((line) => line.trim())
}

describe.each([['ip'], ['perl']])('with %s the addresses of a range', (tool) => {
  it('are the server’s where they are served, and lead nowhere else', () => {
    const lists = [['198.18.3.7', '198.18.3.8'], ['198.18.3.8', '198.18.255.4'], ['198.18.3.8', '198.18.255.4'], []]
    expect(routesAfter(programs(tool), lists)).toEqual([
      'local 198.18.3.7 local 198.18.3.8 unreachable 198.18.0.0/16',
      'local 198.18.255.4 local 198.18.3.8 unreachable 198.18.0.0/16',
      'local 198.18.255.4 local 198.18.3.8 unreachable 198.18.0.0/16',
      'unreachable 198.18.0.0/16',
    ])
  })
})

describe('an image with neither', () => {
  it('is said to lack what names need', () => {
    writeFileSync(join(dir, 'list'), `${HEAD}\n`)
    const ran = spawnSync('sh', ['routes', 'list'], { cwd: dir, encoding: 'utf8', env: { PATH: programs() } })
    expect([ran.status, ran.stdout]).toEqual([6, expect.stringContaining('neither ip nor perl')])
  })
})
