import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readGitIdentities, readIdentities } from '../../src/cli/index.js'
import type { Settings } from '../../src/cli/index.js'
import { readSettings } from '../../src/cli/settings.js'

let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'slipway-home-'))
  mkdirSync(join(home, '.ssh'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

function settings(env: Readonly<Record<string, string>> = {}): Settings {
  const read = readSettings({ flags: {}, env, home, isRoot: false })
  if (!read.ok) throw new Error(read.problem.map(({ message }) => message).join())
  return read.value
}

function key(name: string): string {
  const path = join(home, '.ssh', name)
  writeFileSync(path, name)
  return path
}

describe('what servers are logged in to with', () => {
  it('is the key that is set, and nothing beside it', () => {
    key('id_ed25519')
    const { keys, agentSocket } = readIdentities(
      settings({ SLIPWAY_SSH_KEY: 'KEY', SLIPWAY_SSH_PASSPHRASE: 'open', SSH_AUTH_SOCK: '/agent' }),
    )
    expect(keys).toEqual([{ name: 'SLIPWAY_SSH_KEY', privateKey: 'KEY\n', passphrase: 'open' }])
    expect(agentSocket).toBeNull()
  })

  it('is otherwise what ssh itself would try: its usual keys, and the agent', () => {
    const rsa = key('id_rsa')
    const ed = key('id_ed25519')
    const { keys, agentSocket } = readIdentities(settings({ SSH_AUTH_SOCK: '/agent' }))
    expect(keys.map(({ name }) => name)).toEqual([ed, rsa])
    expect(agentSocket).toBe('/agent')
  })

  it('follows ~/.ssh/config, host by host', () => {
    const fleet = key('fleet')
    writeFileSync(
      join(home, '.ssh', 'config'),
      'Host lon-1\n  HostName 10.0.0.11\n  IdentityFile ~/.ssh/fleet\n  IdentityFile ~/.ssh/gone\n',
    )
    expect(readIdentities(settings()).hosts).toEqual({
      'lon-1': { hostName: '10.0.0.11', keys: [{ name: fleet, privateKey: 'fleet' }] },
    })
  })
})

describe('what the repository is read with over ssh', () => {
  const pinned = `SHA256:${'A'.repeat(43)}`

  it('is its own key, and the host key that is set', () => {
    key('id_ed25519')
    const env = { SLIPWAY_GIT_SSH_KEY: 'DEPLOY', SLIPWAY_SSH_KEY: 'SERVERS', SSH_AUTH_SOCK: '/agent' }
    expect(readGitIdentities(settings({ ...env, SLIPWAY_GIT_HOST_KEY: `${pinned}, ${pinned}` }), 'github.com')).toEqual(
      {
        identities: { keys: [{ name: 'SLIPWAY_GIT_SSH_KEY', privateKey: 'DEPLOY\n' }], agentSocket: null },
        host: {},
        hostKey: { kind: 'fingerprints', fingerprints: [pinned, pinned] },
      },
    )
  })

  it('is otherwise what ssh would try there, and the host keys that ssh knows', () => {
    const work = key('work')
    writeFileSync(join(home, '.ssh', 'known_hosts'), 'git.example.com ssh-ed25519 AAAA')
    const config = 'Host *.example.com\n  IdentityFile ~/.ssh/work\n  Port 2222\n  User forge\n  IdentityAgent ~/a\n'
    writeFileSync(join(home, '.ssh', 'config'), config)
    expect(readGitIdentities(settings(), 'git.example.com')).toMatchObject({
      host: { keys: [{ name: work }], port: 2222, user: 'forge', agentSocket: join(home, 'a') },
      hostKey: { kind: 'known-hosts', content: expect.stringContaining('git.example.com') as string },
    })
  })
})
