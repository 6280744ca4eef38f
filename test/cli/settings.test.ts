import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseTime, readSettings } from '../../src/cli/settings.js'
import type { Given, Settings } from '../../src/cli/settings.js'
import { SETTINGS } from '../../src/cli/setting-table.js'

let home = ''
beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'slipway-settings-'))))
afterEach(() => rmSync(home, { recursive: true, force: true }))

function given(over: Partial<Given> = {}): Given {
  return { flags: {}, env: {}, home, isRoot: false, ...over }
}

function read(over: Partial<Given> = {}): Settings {
  const settings = readSettings(given(over))
  if (!settings.ok) throw new Error(settings.problem.map(({ message }) => message).join('; '))
  return settings.value
}

function problems(over: Partial<Given>): readonly string[] {
  const settings = readSettings(given(over))
  expect(settings.ok ? [] : settings.problem.map(({ code }) => code)).toEqual(
    expect.arrayContaining(['SETTING_INVALID']),
  )
  return settings.ok ? [] : settings.problem.map(({ message }) => message)
}

function file(name: string, text: string): string {
  const path = join(home, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
  return path
}

describe('settings', () => {
  it('have defaults that need no configuration', () => {
    expect(read()).toMatchObject({ repo: null, ref: { branch: 'main' }, pollMs: 60_000, observeMs: 15_000, git: null })
  })

  it('keep their data where the user may write', () => {
    expect(read({ isRoot: true }).dataDir).toBe('/var/lib/slipway')
    expect(read().dataDir).toBe(join(home, '.local', 'state', 'slipway'))
    expect(read({ env: { XDG_STATE_HOME: '/state' } }).dataDir).toBe('/state/slipway')
  })

  it('come by flag, else by environment, else by file, else by default', () => {
    const config = file('slipway.conf', 'branch: filed\npoll: 10s\n')
    const env = { SLIPWAY_CONFIG: config }
    expect(read({ env }).ref).toEqual({ branch: 'filed' })
    expect(read({ env: { ...env, SLIPWAY_BRANCH: 'set' } }).ref).toEqual({ branch: 'set' })
    expect(read({ env: { ...env, SLIPWAY_BRANCH: 'set' }, flags: { branch: 'flagged' } }).ref).toEqual({
      branch: 'flagged',
    })
    expect(read({ env }).pollMs).toBe(10_000)
  })

  it('take no webhooks without a secret, wherever they would be listened for', () => {
    const env = { SLIPWAY_WEBHOOK_LISTEN: '0.0.0.0:8484' }
    expect(read({ env }).webhooks).toBeNull()
    const webhooks = { listen: '0.0.0.0:8484', secret: 'of some more length' }
    expect(read({ env: { ...env, SLIPWAY_WEBHOOK_SECRET: webhooks.secret } }).webhooks).toEqual(webhooks)
  })

  it('take what certificates need from the environment alone', () => {
    expect(read().acme).toEqual({ storeKey: null, bindingHmac: null, dnsHook: null, ca: null })
    const key = Buffer.alloc(32, 7)
    const ca = '-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n'
    const env = {
      SLIPWAY_STORE_KEY_FILE: file('store', `${key.toString('base64')}\n`),
      SLIPWAY_ACME_EAB_HMAC: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajV',
      SLIPWAY_ACME_DNS_HOOK: '/usr/local/bin/dns',
      SLIPWAY_ACME_CA_FILE: file('ca.pem', ca),
    }
    expect(read({ env }).acme).toEqual({
      storeKey: key,
      bindingHmac: env.SLIPWAY_ACME_EAB_HMAC,
      dnsHook: env.SLIPWAY_ACME_DNS_HOOK,
      ca: ca.trimEnd(),
    })
  })

  it.each([
    ['SLIPWAY_STORE_KEY', 'short-key-that-is-secret'],
    ['SLIPWAY_ACME_EAB_HMAC', 'not base64, and secret'],
    ['SLIPWAY_ACME_DNS_HOOK', 'dns-hook --secret'],
    ['SLIPWAY_ACME_CA', 'a path that is secret'],
  ])('say what is wrong with %s, and not what it is', (name, value) => {
    const [problem = ''] = problems({ env: { [name]: value } })
    expect(problem).toContain(name)
    expect(problem).not.toContain('secret')
  })

  it.each([
    ['github', 'refs/pull/*/head'],
    ['gitlab', 'refs/merge-requests/*/head'],
    ['gitea', 'refs/pull/*/head'],
  ])('look for proposals where %s keeps them, or where they are told to', (forge, ref) => {
    const env = { SLIPWAY_FORGE: forge, SLIPWAY_FORGE_TOKEN: 't' }
    expect(read({ env }).forge).toMatchObject({ kind: forge, proposals: [ref] })
    const named = { ...env, SLIPWAY_PROPOSALS: 'refs/heads/try/*, refs/heads/x-*' }
    expect(read({ env: named }).forge?.proposals).toEqual(['refs/heads/try/*', 'refs/heads/x-*'])
    expect(read({ env: { ...env, SLIPWAY_PROPOSALS: 'none' } }).forge?.proposals).toEqual([])
  })

  it('follow a tag where one is given', () => {
    expect(read({ env: { SLIPWAY_TAG: 'v1', SLIPWAY_BRANCH: 'main' } }).ref).toEqual({ tag: 'v1' })
    expect(read({ env: { SLIPWAY_TAG: 'v1' }, flags: { branch: 'main' } }).ref).toEqual({ branch: 'main' })
  })

  it('take an empty variable for none', () => {
    expect(read({ env: { SLIPWAY_REPO: '', SLIPWAY_GIT_TOKEN: '' } })).toMatchObject({ repo: null, git: null })
  })
})

describe('a secret', () => {
  const secrets = Object.entries(SETTINGS).filter(([, { isSecret }]) => isSecret)

  it.each(secrets)('%s is never a flag', (_name, { flag }) => {
    expect(flag).toBeNull()
  })

  it('comes by variable or from a file, without the line end that editors add', () => {
    const token = file('token', 's3cret\n')
    expect(read({ env: { SLIPWAY_GIT_TOKEN: 's3cret' } }).git).toEqual({ password: 's3cret' })
    expect(read({ env: { SLIPWAY_GIT_TOKEN_FILE: token, SLIPWAY_GIT_USER: 'bot' } }).git).toEqual({
      username: 'bot',
      password: 's3cret',
    })
  })

  it('never shows in a message', () => {
    const env = {
      SLIPWAY_GIT_TOKEN: 's3cret',
      SLIPWAY_GIT_TOKEN_FILE: file('token', 'other'),
      SLIPWAY_REGISTRY_AUTH: 's3cret',
    }
    expect(problems({ env }).join('\n')).not.toContain('s3cret')
  })

  it('keeps a key whole', () => {
    expect(read({ env: { SLIPWAY_SSH_KEY: 'KEY' } }).sshKey).toEqual({ content: 'KEY\n', path: 'SLIPWAY_SSH_KEY' })
    const path = file('id', 'KEY\n')
    expect(read({ env: { SLIPWAY_SSH_KEY_FILE: path } }).sshKey).toEqual({ content: 'KEY\n', path })
  })
})

describe('registry logins', () => {
  const auth = Buffer.from('ann:pass:word').toString('base64')

  it('are those of docker login', () => {
    file(
      '.docker/config.json',
      JSON.stringify({ auths: { 'https://index.docker.io/v1/': { auth }, 'r.example.com:5000': {} } }),
    )
    expect(read().registries).toEqual({ 'docker.io': { username: 'ann', password: 'pass:word' } })
  })

  it('come from the environment where it has them', () => {
    file('.docker/config.json', 'not JSON')
    const env = { SLIPWAY_REGISTRY_AUTH: JSON.stringify({ auths: { 'https://r.example.com/v2/': { auth } } }) }
    expect(read({ env }).registries).toEqual({ 'r.example.com': { username: 'ann', password: 'pass:word' } })
  })
})

describe('a wrong setting', () => {
  const cases: readonly (readonly [what: string, over: Partial<Given>, says: RegExp])[] = [
    ['a time without sense', { env: { SLIPWAY_POLL: 'soon' } }, /--poll \(SLIPWAY_POLL\)/],
    ['a time out of bounds', { flags: { observe: '10ms' } }, /--observe/],
    ['a secret given twice', { env: { SLIPWAY_SSH_KEY: 'x', SLIPWAY_SSH_KEY_FILE: '/nowhere' } }, /both set/],
    ['a file that is not there', { env: { SLIPWAY_GIT_TOKEN_FILE: '/nowhere/token' } }, /\/nowhere\/token.*ENOENT/],
    ['a configuration that is not there', { flags: { config: '/nowhere/conf' } }, /\/nowhere\/conf.*ENOENT/],
    ['a branch and a tag', { flags: { branch: 'a', tag: 'b' } }, /exclude each other/],
    ['a log format', { env: { SLIPWAY_LOG_FORMAT: 'xml' } }, /auto, text or json/],
    ['a truth value', { env: { SLIPWAY_ALLOW_PLAIN_HTTP: 'maybe' } }, /true or false/],
    [
      'a webhook secret that can be guessed',
      { env: { SLIPWAY_WEBHOOK_SECRET: 'hunter2' } },
      /fewer than 16 characters/,
    ],
    ['a forge without a token', { env: { SLIPWAY_FORGE: 'github' } }, /without SLIPWAY_FORGE_TOKEN/],
    ['a token without a forge', { env: { SLIPWAY_FORGE_TOKEN: 't' } }, /SLIPWAY_FORGE is not set/],
    ['a forge that is none', { env: { SLIPWAY_FORGE: 'toString', SLIPWAY_FORGE_TOKEN: 't' } }, /--forge/],
    [
      'a pattern that is no ref',
      { env: { SLIPWAY_FORGE: 'gitea', SLIPWAY_FORGE_TOKEN: 't', SLIPWAY_PROPOSALS: 'try/*' } },
      /--proposals/,
    ],
    ['a user without a token', { env: { SLIPWAY_GIT_USER: 'ann' } }, /without SLIPWAY_GIT_TOKEN/],
    [
      'logins that are not Docker’s',
      { env: { SLIPWAY_REGISTRY_AUTH: '{"auths":{"r":{"auth":"!"}}}' } },
      /config\.json/,
    ],
    [
      'a login that is a list of a billion',
      { env: { SLIPWAY_REGISTRY_AUTH: '{"auths":{"r":{"auth":{"length":1e9}}}}' } },
      /config\.json/,
    ],
    [
      'a password that is a number',
      { env: { SLIPWAY_REGISTRY_AUTH: '{"auths":{"r":{"username":"u","password":1}}}' } },
      /config\.json/,
    ],
  ]

  it.each(cases)('%s is named with its remedy', (_what, over, says) => {
    expect(problems(over).join('\n')).toMatch(says)
  })

  it('does not hide the next one', () => {
    expect(problems({ env: { SLIPWAY_POLL: 'x', SLIPWAY_OBSERVE: 'y' } })).toHaveLength(2)
  })

  it('is found in the configuration file by its key', () => {
    expect(problems({ flags: { config: file('c.yaml', 'brunch: main\n') } }).join()).toMatch(/no setting brunch/)
    expect(problems({ flags: { config: file('d.yaml', 'repo: [a]\n') } }).join()).toMatch(/repo .* one value/)
    expect(problems({ flags: { config: file('e.yaml', '- a\n') } }).join()).toMatch(/must be a map/)
    expect(problems({ flags: { config: file('g.yaml', '['.repeat(9_000)) } }).join()).toMatch(/map of single values/)
    expect(problems({ flags: { config: file('f.yaml', 'git_token: x\n') } }).join()).toMatch(
      /secrets come by environment/,
    )
  })
})

describe('a time', () => {
  it.each([
    ['90', 90_000],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['', null],
    ['-5s', null],
    ['5 m', null],
    ['1d', null],
  ])('%j is %s ms', (text, ms) => {
    expect(parseTime(text)).toBe(ms)
  })
})
