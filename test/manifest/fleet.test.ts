import { describe, expect, it } from 'vitest'
import { formatProblem } from '../../src/model/index.js'
import type { Server } from '../../src/model/index.js'
import { COMPOSE, desiredOf, loadAll, placed, refusalOf } from './repository.js'

const key = `SHA256:${'a'.repeat(43)}`

function serverOf(lines: string, others: Readonly<Record<string, string>> = {}): Server {
  const [server] = desiredOf({ 'slipway.yaml': `fleet: acme\nservers:\n  lon-1: ${lines}\n`, ...others }).fleet.servers
  if (server === undefined) throw new Error('no server')
  return server
}

describe('a server is reached as it says', () => {
  const ssh = { kind: 'ssh', host: '10.0.0.11', port: 22, user: 'root', socketPath: '/var/run/docker.sock' }
  it.each([
    ['{ address: 10.0.0.11 }', ssh],
    ['{ address: 10.0.0.11, user: deploy, port: 2222 }', { ...ssh, user: 'deploy', port: 2222 }],
    ['{ address: "host:2222" }', { ...ssh, host: 'host', port: 2222 }],
    ['{ address: deploy@host.example }', { ...ssh, host: 'host.example', user: 'deploy' }],
    ['{ address: "ssh://deploy@10.0.0.11:2222" }', { ...ssh, user: 'deploy', port: 2222 }],
    ['{ address: "ssh://10.0.0.11/" }', ssh],
    ['{ address: "[fd00::1]:2222" }', { ...ssh, host: 'fd00::1', port: 2222 }],
    ['{ address: "fd00::1" }', { ...ssh, host: 'fd00::1' }],
    [
      '{ address: 10.0.0.11, engine: unix:///run/user/1000/docker.sock }',
      { ...ssh, socketPath: '/run/user/1000/docker.sock' },
    ],
    ['{ engine: unix:///var/run/docker.sock }', { kind: 'local', socketPath: '/var/run/docker.sock' }],
    ['{ engine: /run/docker.sock }', { kind: 'local', socketPath: '/run/docker.sock' }],
  ])('%s', (lines, address) => {
    expect(serverOf(lines).address).toEqual(address)
  })

  it('pins one host key, several, or a known_hosts file of the repository', () => {
    const other = `SHA256:${'B'.repeat(43)}`
    expect(serverOf(`{ address: a, host_key: "${key}" }`).hostKey).toEqual({
      kind: 'fingerprints',
      fingerprints: [key],
    })
    expect(serverOf(`{ address: a, host_key: ["${key}=", "${other}"] }`).hostKey).toEqual({
      kind: 'fingerprints',
      fingerprints: [other, key],
    })
    expect(
      serverOf('{ address: a, known_hosts: keys/known }', { 'keys/known': 'a ssh-ed25519 AAAA\n' }).hostKey,
    ).toEqual({
      kind: 'known-hosts',
      content: 'a ssh-ed25519 AAAA\n',
      path: 'keys/known',
    })
  })

  it('warns when nothing is pinned over ssh, and says how to', () => {
    const desired = desiredOf({ 'slipway.yaml': 'fleet: acme\nservers: { lon-1: { address: a } }\n' })
    expect(desired.fleet.servers[0]?.hostKey).toEqual({ kind: 'none' })
    expect(desired.warnings.map(({ code }) => code)).toEqual(['FILE_MISSING', 'HOST_KEY_UNKNOWN'])
    expect(desired.warnings[1]?.message).toContain('slipway server check lon-1')
  })

  it('has labels as text, and a time after which it counts as lost', () => {
    expect(serverOf('{ engine: /x, labels: { zone: b, a: 1, yes: true } }').labels).toEqual({
      a: '1',
      yes: 'true',
      zone: 'b',
    })
    expect(serverOf('{ engine: /x }').lostAfterMs).toBe(300_000)
    expect(serverOf('{ engine: /x, lost_after: 90s }').lostAfterMs).toBe(90_000)
    expect(serverOf('{ engine: /x, lost_after: never }').lostAfterMs).toBeNull()
  })
})

describe('the fleet', () => {
  it('has a name, its servers by name, and guards', () => {
    const text =
      'fleet: acme\nservers: { b: { engine: /b }, a: { engine: /a } }\nguards: { prune: 12.5%, history: any }\n'
    const { fleet } = desiredOf({ 'slipway.yaml': text })
    expect([fleet.name, fleet.servers.map(({ name }) => name), fleet.guards]).toEqual([
      'acme',
      ['a', 'b'],
      { prune: 0.125, history: 'any' },
    ])
    expect(desiredOf({ 'slipway.yaml': 'fleet: acme\nservers: { b: { engine: /b } }\n' }).fleet.guards).toEqual({
      prune: 0.3,
      history: 'fast-forward',
    })
  })

  it.each([
    ['head', { what: 'head', signers: [], approve: false }],
    ['{ commits: every }', { what: 'every', signers: [], approve: false }],
    ['{ commits: tag, signers: [a@b.c], approve: true }', { what: 'tag', signers: ['a@b.c'], approve: true }],
  ])('wants commits signed: %s', (rule, expected) => {
    const text = `fleet: acme\nservers: { b: { engine: /b } }\nguards: { signed_by: ${rule} }\n`
    expect(desiredOf({ 'slipway.yaml': text }).fleet.guards.signedBy).toEqual(expected)
  })

  it.each([
    ['', ['1:1 FIELD_INVALID']],
    ['- a', ['1:1 FIELD_INVALID']],
    ['servers: { a: { engine: /x } }', ['1:1 FIELD_MISSING']],
    ['fleet: acme', ['1:1 FLEET_EMPTY']],
    ['fleet: acme\nservers:', ['2:1 FLEET_EMPTY']],
    ['fleet: acme\nservers: {}', ['2:1 FLEET_EMPTY']],
    ['fleet:\nservers: { a: { engine: /x } }', ['1:1 FIELD_MISSING']],
    ['fleet: Acme\nservers: { a: { engine: /x } }', ['1:8 FIELD_INVALID']],
    ['fleet: a\nservers: 5', ['2:10 FIELD_INVALID']],
    ['fleet: a\nservers: { a: 10.0.0.1 }', ['2:15 FIELD_INVALID']],
    ['fleet: a\nservers: { a: }', ['2:15 FIELD_MISSING']],
    ['fleet: a\nservers: { a: {} }', ['2:15 FIELD_MISSING']],
    ['fleet: a\nservers: { "1": { engine: /x } }', ['2:12 NAME_INVALID']],
    ['fleet: a\nservers: { A_b: { engine: /x } }', ['2:12 NAME_INVALID']],
    ['fleet: a\nservers: { constructor: { engine: /x } }', ['2:12 NAME_INVALID']],
    ['fleet: a\nservers: { a: { adress: x, engine: /x } }', ['2:17 FIELD_UNKNOWN']],
    ['fleet: a\nservers: { a: { address: "tcp://x:2375" } }', ['2:26 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { address: "unix:///x" } }', ['2:26 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { address: "-oProxyCommand=x" } }', ['2:26 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { address: "u:secret@x" } }', ['2:26 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { address: "x:99999" } }', ['2:26 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { address: "x:22", port: 23 } }', ['2:40 CONFLICT']],
    ['fleet: a\nservers: { a: { address: u@x, user: v } }', ['2:37 CONFLICT']],
    ['fleet: a\nservers: { a: { address: x, port: 0 } }', ['2:35 VALUE_OUT_OF_RANGE']],
    ['fleet: a\nservers: { a: { address: x, host_key: "MD5:x" } }', ['2:39 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { address: x, host_key: ["SHA256:x"] } }', ['2:40 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { address: x, known_hosts: nope } }', ['2:42 FILE_MISSING']],
    ['fleet: a\nservers: { a: { address: x, known_hosts: ../nope } }', ['2:42 PATH_ESCAPES']],
    ['fleet: a\nservers: { a: { engine: tcp://x } }', ['2:25 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { engine: /x, lost_after: 1s } }', ['2:41 VALUE_OUT_OF_RANGE']],
    ['fleet: a\nservers: { a: { engine: /x, lost_after: soon } }', ['2:41 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { engine: /x }, b: { engine: /x } }', ['2:34 CONFLICT']],
    ['fleet: a\nservers: { a: { engine: /x } }\nguards: { prune: 0.3 }', ['3:18 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { engine: /x } }\nguards: { prune: 130% }', ['3:18 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { engine: /x } }\nguards: { history: none }', ['3:20 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { engine: /x } }\nguards: { signed_by: all }', ['3:22 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { engine: /x } }\nguards: { signed_by: { commits: all } }', ['3:33 FIELD_INVALID']],
    ['fleet: a\nservers: { a: { engine: /x } }\nguards: { signed_by: { signers: [a] } }', ['3:22 FIELD_MISSING']],
    [
      'fleet: a\nservers: { a: { engine: /x } }\nguards: { signed_by: { commits: head, signers: a } }',
      ['3:48 FIELD_INVALID'],
    ],
    ['fleet: a\nservers: { a: { engine: /x } }\nstacks: ../x', ['3:9 PATH_ESCAPES']],
    ['fleet: a\nservers: { a: { engine: /x } }\nstacks: [gone]', ['3:10 FILE_MISSING']],
    ['fleet: a\nservers: [', ['2:11 YAML_INVALID']],
  ])('%j is refused', (text, expected) => {
    expect(refusalOf(text).map(placed)).toEqual(expected)
  })

  it('is refused when there is no slipway.yaml, or something else in its place', () => {
    const codes = (outcome: ReturnType<typeof loadAll>): readonly string[] =>
      outcome.loaded.kind === 'refused' ? outcome.loaded.problems.map(({ code }) => code) : []
    expect(codes(loadAll({}))).toEqual(['FLEET_MISSING'])
    expect(codes(loadAll({ 'slipway.yml': '' }))).toEqual(['FLEET_MISSING'])
    expect(codes(loadAll({ 'slipway.yaml': { symlink: '/etc/shadow' } }))).toEqual(['FILE_UNSUPPORTED'])
  })

  it('tells the problems of the stacks as well when it is refused', () => {
    const problems = refusalOf('fleet: a\nservers: {}\n', { [COMPOSE]: 'services: { web: { imag: x } }' })
    expect(problems.map(formatProblem)).toEqual([
      'slipway.yaml:2:1 FLEET_EMPTY servers: the fleet has no servers; add one under `servers:` with its `address:`',
      'stacks/shop/compose.yaml:1:18 FIELD_MISSING services.web: "image" is missing; it is required',
      'stacks/shop/compose.yaml:1:20 FIELD_UNKNOWN services.web.imag: the key is not known here; did you mean "image"?',
    ])
  })
})
