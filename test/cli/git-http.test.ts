import { describe, expect, it } from 'vitest'
import { readGitHttp } from '../../src/cli/git-http.js'
import type { GitHttpSettings } from '../../src/cli/git-http.js'

const NONE = { repo: 'https://git.example.com/a', gitHeader: null, gitCa: null, gitProxy: null }

function read(
  values: Partial<typeof NONE | Record<keyof typeof NONE, string | null>>,
  env = {},
): GitHttpSettings | string {
  const problems: string[] = []
  const settings = readGitHttp({ ...NONE, ...values }, env, problems)
  return problems.length > 0 ? problems.join('; ') : settings
}

describe('the proxy on the way to Git', () => {
  const proxy = 'http://proxy.example.com:3128'
  it.each([
    ['none by default', {}, {}, null],
    ['its own setting', { gitProxy: proxy }, { HTTPS_PROXY: 'http://other' }, proxy],
    ['the usual variable', {}, { HTTPS_PROXY: proxy }, proxy],
    ['the usual variable in small letters', {}, { https_proxy: proxy }, proxy],
    ['one for everything', {}, { ALL_PROXY: proxy }, proxy],
    ['a bare host and port', {}, { HTTPS_PROXY: 'proxy.example.com:3128' }, proxy],
    ['no variable that a request could set', { repo: 'http://git.example.com/a' }, { HTTP_PROXY: proxy }, null],
    ['not for a host that is excepted', {}, { HTTPS_PROXY: proxy, NO_PROXY: 'x, git.example.com' }, null],
    ['not for a domain that is excepted', {}, { HTTPS_PROXY: proxy, NO_PROXY: '.example.com' }, null],
    ['not for anything', {}, { HTTPS_PROXY: proxy, no_proxy: '*' }, null],
    ['for a host whose name only ends alike', {}, { HTTPS_PROXY: proxy, NO_PROXY: 't.example.com' }, proxy],
    ['for another port than the excepted', {}, { HTTPS_PROXY: proxy, NO_PROXY: 'git.example.com:8443' }, proxy],
    ['not for this machine', { repo: 'https://127.0.0.1:3000/a' }, { HTTPS_PROXY: proxy }, null],
    ['not for ssh', { repo: 'git@git.example.com:a' }, { HTTPS_PROXY: proxy }, null],
  ])('is %s', (_what, values, env, expected) => {
    expect(read(values, env)).toMatchObject({ proxy: expected })
  })
})

describe('a header', () => {
  it('is read as curl writes it, several by lines', () => {
    expect(read({ gitHeader: 'Authorization: Bearer t:0\nX-Team: fleet \n' })).toMatchObject({
      headers: { Authorization: 'Bearer t:0', 'X-Team': 'fleet' },
    })
  })
})

it.each([
  ['a header without a name', { gitHeader: 'canary' }],
  ['a header with a control character', { gitHeader: 'X: canary\u0001' }],
  ['authorities that are a path', { gitCa: '/etc/canary.pem' }],
  ['a proxy of another kind', { gitProxy: 'socks5://canary@proxy' }],
])('%s is a problem, which does not repeat it', (_what, values) => {
  const problems = read(values)
  expect(problems).toMatch(/^SLIPWAY_GIT_/)
  expect(problems).not.toContain('canary')
})
