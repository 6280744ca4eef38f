import { resolve } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseAddress } from '../../src/source/index.js'
import { codeOf, follow, signal, value } from './follow.js'

it.each([
  ['https://git.example.com/a/b.git', 'https://git.example.com/a/b.git'],
  ['https://git.example.com:8443/a/b/', 'https://git.example.com:8443/a/b'],
  ['HTTPS://GIT.example.com/a', 'https://git.example.com/a'],
  ['http://localhost:3000/a', 'http://localhost:3000/a'],
  ['/srv/git/fleet.git', '/srv/git/fleet.git'],
  ['file:///srv/git/my%20fleet.git', '/srv/git/my fleet.git'],
  ['./fleet', resolve('fleet')],
  ['fleet', resolve('fleet')],
  ['./with:colon', resolve('with:colon')],
  ['ssh://git@example.com/a.git', 'ssh://git@example.com/a.git'],
  ['ssh://example.com:2222/srv/a%2Bb.git', 'ssh://example.com:2222/srv/a+b.git'],
  ['ssh://git@[::1]:2222/~ada/a.git', 'ssh://git@[::1]:2222/~ada/a.git'],
  ['git+ssh://example.com/a', 'ssh://example.com/a'],
  ['git@example.com:a/b.git', 'git@example.com:a/b.git'],
  ['example.com:a/b.git', 'example.com:a/b.git'],
])('follows %s', (text, display) => {
  expect(value(parseAddress(text)).display).toBe(display)
})

it.each([
  '',
  'ssh://git:secret@example.com/a.git',
  'ssh://-oProxyCommand=touch/a.git',
  'ssh://-oProxyCommand@example.com/a.git',
  'ssh://example.com:0/a.git',
  'ssh://example.com:99999/a.git',
  'ssh://example.com',
  "ssh://example.com/a';touch%20x;'",
  'ssh://example.com/a%0Ab',
  'ssh://example.com/$(id)',
  'git@example.com:-u',
  'git@example.com:--upload-pack=touch',
  'git@example.com:a`id`',
  'git@-oProxyCommand:a',
  'git@example.com:a|b',
  'git@example.com:',
  'git@exa;mple.com:a',
  'git://example.com/a.git',
  'ftp://example.com/a.git',
  'ext::sh -c touch% /tmp/pwned',
  'ext::sh',
  'fd::17',
  '-oProxyCommand=touch /tmp/pwned',
  '--upload-pack=touch',
  'file://host/share/fleet.git',
  'file:/srv/fleet.git',
  'file:///srv/fleet.git?x',
  'file:///srv/%00',
  'file:///srv/a%2Fb',
  'https://example.com/a?service=x',
  'https://example.com/a#b',
  'https://',
  'https://exa mple.com/a',
  'https://example.com/a\nb',
  'javascript:alert(1)',
])('refuses %j, before anything is contacted', async (url) => {
  expect(codeOf(parseAddress(url))).toBe('GIT_URL_REFUSED')
  expect(codeOf(await follow(url, { dir: '/nonexistent' }).poll(signal))).toBe('GIT_URL_REFUSED')
})

it.each([
  ['http://git.example.com/a', {}, 'GIT_URL_REFUSED'],
  ['http://git.example.com/a', { allowPlainHttp: true }, 'OK'],
  ['http://git.example.com/a', { credentials: { password: 't' } }, 'GIT_URL_REFUSED'],
  ['http://u:p@git.example.com/a', {}, 'GIT_URL_REFUSED'],
  ['http://git.example.com/a', { credentials: { password: 't' }, allowPlainHttp: true }, 'OK'],
  ['http://localhost:3000/a', { credentials: { password: 't' } }, 'OK'],
  ['http://127.0.0.1/a', { credentials: { password: 't' } }, 'OK'],
  ['http://[::1]/a', { credentials: { password: 't' } }, 'OK'],
  ['http://127.0.0.1.example.com/a', { credentials: { password: 't' } }, 'GIT_URL_REFUSED'],
  ['https://git.example.com/a', { credentials: { password: 't' } }, 'OK'],
])('speaks in the clear to nobody but this machine: %s %j', (url, options, expected) => {
  expect(codeOf(parseAddress(url, options))).toBe(expected)
})

it.each([
  ['ssh://git@example.com:2222/a/b.git', { host: 'example.com', port: 2222, user: 'git', path: '/a/b.git' }],
  ['ssh://example.com/~ada/b.git', { host: 'example.com', port: null, user: null, path: '~ada/b.git' }],
  ['git@example.com:a/b.git', { host: 'example.com', port: null, user: 'git', path: 'a/b.git' }],
  ['git@[fd00::1]:/srv/b.git', { host: 'fd00::1', port: null, user: 'git', path: '/srv/b.git' }],
])('reads %s as git does', (text, parts) => {
  expect(value(parseAddress(text))).toMatchObject({ kind: 'ssh', ...parts })
})

it('sends no path over ssh that a shell could take for more than a word', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (path) => {
      const parsed = parseAddress(`git@example.com:${path}`)
      if (parsed.ok) expect(path).toMatch(/^[^-\s'"\\$`!&|;<>(){}*?#[\]][^\s'"\\$`!&|;<>(){}*?#[\]]*$/)
    }),
  )
})

it('takes credentials from the address, out of sight, and prefers those that were given', () => {
  const address = value(parseAddress('https://bot:p%40ss@git.example.com/a'))
  expect(address).toMatchObject({
    url: 'https://git.example.com/a',
    credentials: { username: 'bot', password: 'p@ss' },
  })
  expect(value(parseAddress('https://token@git.example.com/a'))).toMatchObject({ credentials: { password: 'token' } })
  const given = parseAddress('https://bot:old@git.example.com/a', { credentials: { password: 'new' } })
  expect(value(given)).toMatchObject({ credentials: { password: 'new' } })
})

it('answers for every text, and shows no password in a problem', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl({ withQueryParameters: true })), (text) => {
      const result = parseAddress(text)
      expect(['OK', 'GIT_URL_REFUSED']).toContain(codeOf(result))
    }),
  )
  expect(JSON.stringify(parseAddress('http://u:hunter2@git.example.com/a'))).not.toContain('hunter2')
})

it.each([
  '../../config',
  '-x',
  'a..b',
  'a b',
  'a~1',
  'a^',
  'a:b',
  'a?',
  'a*',
  'a[',
  'a\\b',
  'a//b',
  '/a',
  'a/',
  '.a',
  'a/.b',
])('refuses the branch name %j', async (branch) => {
  const source = follow('/nonexistent', { ref: { branch }, dir: '/nonexistent' })
  expect(codeOf(await source.poll(signal))).toBe('GIT_URL_REFUSED')
})

it.each(['a.lock', 'a.lock/b', 'a.', '@', 'a@{1}', '', 'x'.repeat(1_000_000), 'a\0b', 'a\u007fb'])(
  'refuses the tag name %j',
  async (tag) => {
    const source = follow('/nonexistent', { ref: { tag }, dir: '/nonexistent' })
    const result = await source.poll(signal)
    expect(codeOf(result)).toBe('GIT_URL_REFUSED')
    expect(JSON.stringify(result).length).toBeLessThan(1_000)
  },
)

it('refuses a path that leads out of the repository', async () => {
  const source = follow('/nonexistent', { path: 'a/../../b', dir: '/nonexistent' })
  expect(codeOf(await source.poll(signal))).toBe('GIT_URL_REFUSED')
})
