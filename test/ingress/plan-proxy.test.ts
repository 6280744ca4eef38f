import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planProxy, readState, seenBy } from '../../src/ingress/index.js'
import type { ProxyState } from '../../src/ingress/index.js'
import { layOut } from '../../src/ingress/layout.js'
import { renderService } from '../../src/ingress/render.js'
import { meshZone } from '../../src/model/index.js'
import type { ProxyTable } from '../../src/model/index.js'
import { FRONT_WORDS, SHAPES } from './shapes.js'
import { anyTable, serviceOf, tableOf, targetOf } from './tables.js'
import { haproxyWith } from './made-proxy.js'

const mesh = { port: 8444, authority: 'CA', certificate: 'PEM' }

function configOf(table: ProxyTable, state: ProxyState | null = null): string {
  return planProxy(table, state).files[0]?.content ?? ''
}

/** The lines about services and the mesh. */
function ownLines(table: ProxyTable): string {
  const config = configOf(table)
  return config.slice(config.lastIndexOf('srvtcpka-cnt 2\n') + 'srvtcpka-cnt 2\n'.length)
}

describe('the configuration of a proxy', () => {
  it('balances requests over the replicas here and the proxies of other servers', () => {
    const table = tableOf(
      [
        serviceOf({
          listen: [{ hostIp: '', port: 80 }],
          local: [targetOf(2), targetOf(3, 'drain')],
          remote: [{ server: 'lon-2', weight: 3 }],
        }),
      ],
      { peers: [{ server: 'lon-2', host: '10.0.0.12', port: 8444 }], mesh },
    )
    expect(ownLines(table)).toBe(`frontend in_any_80 from http
  bind 0.0.0.0:80
.if defined(SLIPWAY_IPV6)
  bind [::]:80 v6only
.endif
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http
  default_backend all_shop-web-8080-58c68e5d3464e9c6
backend http_shop-web-8080-58c68e5d3464e9c6 from http
  http-request disable-l7-retry unless { method GET HEAD OPTIONS TRACE PUT DELETE }
  server s1 172.18.0.2:8080 weight 1 check inter 1s fastinter 250ms downinter 1s rise 1 fall 2
  server s2 172.18.0.3:8080 weight 0 check inter 1s fastinter 250ms downinter 1s rise 1 fall 2
  server s3 127.0.0.1:1 weight 1 disabled check inter 1s fastinter 250ms downinter 1s rise 1 fall 2
  server s4 127.0.0.1:1 weight 1 disabled check inter 1s fastinter 250ms downinter 1s rise 1 fall 2
backend all_shop-web-8080-58c68e5d3464e9c6 from http
  http-request disable-l7-retry unless { method GET HEAD OPTIONS TRACE PUT DELETE }
  server s1 172.18.0.2:8080 weight 1 track http_shop-web-8080-58c68e5d3464e9c6/s1
  server s2 172.18.0.3:8080 weight 0 track http_shop-web-8080-58c68e5d3464e9c6/s2
  server s3 127.0.0.1:1 weight 1 disabled track http_shop-web-8080-58c68e5d3464e9c6/s3
  server s4 127.0.0.1:1 weight 1 disabled track http_shop-web-8080-58c68e5d3464e9c6/s4
  option allbackups
  server r_lon-2 10.0.0.12:8444 weight 3 track peers/r_lon-2 tcp-ut 4s ssl verify required ca-file authority.pem crt certificate.pem ssl-min-ver TLSv1.3 sni str(shop-web-8080-58c68e5d3464e9c6.lon-2.mesh)
  server x_lon-2 10.0.0.12:8444 weight 3 backup tcp-ut 4s ssl verify required ca-file authority.pem crt certificate.pem ssl-min-ver TLSv1.3 sni str(shop-web-8080-58c68e5d3464e9c6.lon-2.mesh)
frontend in_any_8444 from tcp
  bind 0.0.0.0:8444 ssl crt certificate.pem ca-file authority.pem verify required strict-sni ssl-min-ver TLSv1.3 curves X25519:P-256:P-384
.if defined(SLIPWAY_IPV6)
  bind [::]:8444 v6only ssl crt certificate.pem ca-file authority.pem verify required strict-sni ssl-min-ver TLSv1.3 curves X25519:P-256:P-384
.endif
  option idle-close-on-response
  timeout http-keep-alive 15s
  tcp-request content reject unless { ssl_c_s_dn(CN) -f peers.lst }
  tcp-request content reject unless { ssl_fc_sni,map(mesh.map) -m found }
  tcp-request content switch-mode http if { ssl_fc_sni,map(mesh.map) -m beg http }
  use_backend %[ssl_fc_sni,map(mesh.map)]
backend peers from tcp
  timeout check 1s
  server r_lon-2 10.0.0.12:8444 tcp-ut 4s ssl verify required ca-file authority.pem crt certificate.pem ssl-min-ver TLSv1.3 sni str(check.lon-2.mesh) check-sni check.lon-2.mesh check inter 400ms fastinter 100ms downinter 500ms rise 1 fall 3
`)
  })

  it('sends what peers ask for to replicas of this server alone, so that nothing goes in circles', () => {
    const services = [
      serviceOf({ listen: [{ hostIp: '', port: 80 }] }),
      serviceOf({ key: 'shop/db:1', protocol: 'tcp' }),
    ]
    const map = planProxy(tableOf(services, { mesh }), null).files.find(({ name }) => name === 'mesh.map')
    expect(map?.content).toBe(
      'shop-db-1-2ca49202642afb7b.lon-1.mesh tcp_shop-db-1-2ca49202642afb7b\n' +
        'shop-web-8080-58c68e5d3464e9c6.lon-1.mesh http_shop-web-8080-58c68e5d3464e9c6\n',
    )
  })

  it('gives a port to one service, and the mesh its own', () => {
    const listen = [
      { hostIp: '', port: 80 },
      { hostIp: '', port: 8444 },
    ]
    const table = tableOf([serviceOf({ key: 'a', listen }), serviceOf({ key: 'b', listen })], { mesh })
    expect(planProxy(table, null).newListeners).toEqual([
      { address: '', port: 80 },
      { address: '', port: 8444 },
    ])
    expect(configOf(table).match(/^frontend .*$/gm)).toEqual([
      'frontend in_any_80 from http',
      'frontend in_any_8444 from tcp',
    ])
  })

  const WORDS = [
    /^# Made by Slipway, and made anew with each change\.$/,
    /^(global|defaults (tcp|http)|\.if defined\(SLIPWAY_IPV6\)|\.endif|)$/,
    /^ {2}description [0-9a-f]{20}$/,
    /^ {2}(uid|gid|hard-stop-after|default-path|mode|balance|timeout|retries|retry-on|option|clitcpka|srvtcpka|tune)[a-z0-9 .-]*$/,
    /^ {2}http-request (set-header X-Forwarded-(For %\[src\]|Proto http)|disable-l7-retry unless \{ method [A-Z ]+ \})$/,
    /^ {2}tcp-request content reject unless \{ ssl_c_s_dn\(CN\) -f peers\.lst \}$/,
    /^ {2}tcp-request content (reject|switch-mode http) (if|unless) \{ ssl_fc_sni,map\(mesh\.map\) -m (found|beg http) \}$/,
    /^ {2}bind unix@\/etc\/slipway\/idle\.sock mode 600$|^ {2}tcp-request connection reject$/,
    ...FRONT_WORDS,
    /^ {2}tcp-request connection reject unless \{ (src -f from-[0-9a-f]{12}\.lst|nbsrv\(all_[a-z0-9-]+\) gt 0) \}$/,
    /^ {2}bind [0-9]+(\.[0-9]+){3}:[0-9]+ transparent$/,
    /^ {2}use_backend %\[ssl_fc_sni,map\(mesh\.map\)\]$/,
    /^(frontend|backend) [a-z0-9._-]+ from (tcp|http)$/,
    /^ {2}default_backend all_[a-z0-9-]+$/,
    /^ {2}bind ([0-9.]+|\[[0-9a-f:.]+\]):[0-9]+( v6only)?( ssl crt certificate\.pem ca-file authority\.pem verify required strict-sni ssl-min-ver TLSv1\.3 curves X25519:P-256:P-384( alpn h2,http\/1\.1)?)?$/i,
    /^ {2}server [srx][a-z0-9_-]+ ([a-z0-9._-]+|\[[0-9a-f:.]+\]):[0-9]+( [A-Za-z0-9._/()-]+(,[a-z]+)*)+$/i,
  ]

  it('has no line that comes from data, whatever a table holds', () => {
    fc.assert(
      fc.property(anyTable, (table) => {
        const { files } = planProxy(table, null)
        for (const line of (files[0]?.content ?? '').split('\n')) {
          expect(
            WORDS.some((pattern) => pattern.test(line)),
            JSON.stringify(line),
          ).toBe(true)
          expect(line.length).toBeLessThan(5_000)
        }
        for (const line of (files.find(({ name }) => name === 'mesh.map')?.content ?? '').trimEnd().split('\n'))
          expect(line).toMatch(/^([a-z0-9-]{1,57}\.[a-z0-9-]{1,57}\.mesh (tcp|http2?)_[a-z0-9-]+)?$/)
        for (const { name, content } of files) {
          const shape = SHAPES.find(([pattern]) => pattern.test(name))
          for (const line of content.split('\n').slice(0, -1)) expect(line, name).toMatch(shape?.[1] ?? /^/)
        }
        for (const { content } of files.filter(({ name }) => name.startsWith('from-')))
          expect(content).toMatch(/^([0-9a-fA-F.:]+\/[0-9]{1,3}\n)*$/)
        expect(files.find(({ name }) => name === 'addresses')?.content ?? '').toMatch(
          /^([0-9.]+\/[0-9]{1,2} [0-9]+ [0-9]+\n([0-9]+(\.[0-9]+){3}\n)*)?$/,
        )
        expect(files.find(({ name }) => name === 'peers.lst')?.content).toMatch(/^([a-z0-9-]{1,57}\.mesh\n)*$/)
      }),
    )
  })
})

describe('a change of a table', () => {
  it('is live where only replicas, their states and weights change; after it there is nothing left to do', () => {
    fc.assert(
      fc.property(fc.array(anyTable, { minLength: 1, maxLength: 6 }), (tables) => {
        const proxy = haproxyWith()
        for (const table of tables) {
          proxy.bring(table)
          expect(planProxy(table, proxy.state()).commands).toEqual([])
        }
      }),
    )
  })

  it('says what was live in the files too, with each replica in its slot', () => {
    fc.assert(
      fc.property(fc.array(anyTable, { minLength: 1, maxLength: 4 }), (tables) => {
        const proxy = haproxyWith()
        for (const table of tables) proxy.bring(table)
        const fresh = haproxyWith()
        fresh.load(planProxy(tables.at(-1) ?? tableOf([]), proxy.state()).files)
        expect(fresh.state()).toEqual(proxy.state())
      }),
    )
  })

  it('is planned with what is known of services as it would be from nothing', () => {
    fc.assert(
      fc.property(fc.array(anyTable, { minLength: 2, maxLength: 4 }), ([first, ...others]) => {
        if (first === undefined) return
        const proxy = haproxyWith()
        for (const other of others) {
          // Services and peers as the same objects, beside others and on proxies in other states.
          const mixed = { ...first, mesh: other.mesh, services: [...other.services, ...first.services] }
          proxy.bring(mixed)
          planProxy(mixed, null)
          for (const table of [mixed, first])
            expect(planProxy(table, proxy.state())).toEqual(planProxy(structuredClone(table), proxy.state()))
        }
      }),
    )
  })

  it('renders one service anew where one replica of many changed', () => {
    const proxy = haproxyWith()
    const services = Array.from({ length: 300 }, (_, at) => serviceOf({ key: `shop/s${at}:80`, local: [targetOf(2)] }))
    proxy.bring(tableOf(services))
    const before = layOut(tableOf(services), proxy.state())
    const changed = services.map((one, at) => (at === 7 ? { ...one, local: [targetOf(3)] } : one))
    const known = new Set(before.services.map(renderService))
    const { services: after } = layOut(tableOf(changed), proxy.state())
    expect(after.filter((service) => !known.has(renderService(service))).map(({ key }) => key)).toEqual(['shop/s7:80'])
  })

  it('lets those that come in before those that go are let go', () => {
    const proxy = haproxyWith()
    proxy.bring(tableOf([serviceOf({ local: [targetOf(2)] })]))
    const own = 'http_shop-web-8080-58c68e5d3464e9c6'
    const swapped = tableOf([serviceOf({ local: [targetOf(2, 'drain'), targetOf(3)] })])
    expect(planProxy(swapped, proxy.state()).commands).toEqual([
      `set server ${own}/s2 addr 172.18.0.3 port 8080`,
      `set server ${own}/s2 state ready`,
      `set server ${own}/s1 weight 0`,
    ])
    proxy.bring(swapped)
    expect(planProxy(tableOf([serviceOf({ local: [targetOf(3)] })]), proxy.state()).commands).toEqual([
      `set server ${own}/s1 state maint`,
    ])
  })

  it('needs a reload when services, ports, slots, peers or certificates change', () => {
    const base = tableOf([serviceOf({ listen: [{ hostIp: '', port: 80 }], local: [targetOf(2)] })], { mesh })
    const proxy = haproxyWith()
    proxy.bring(base)
    const reloads = (table: ProxyTable): boolean => planProxy(table, proxy.state()).commands === null
    const many = [2, 3, 4, 5, 6].map((host) => targetOf(host))
    const [service = serviceOf()] = base.services
    expect(reloads(base)).toBe(false)
    expect(reloads({ ...base, services: [{ ...service, local: many.slice(0, 4) }] })).toBe(false)
    expect(reloads({ ...base, services: [{ ...service, local: many }] })).toBe(true)
    expect(reloads({ ...base, services: [] })).toBe(true)
    expect(reloads({ ...base, services: [{ ...service, protocol: 'tcp' }] })).toBe(true)
    expect(reloads({ ...base, services: [{ ...service, listen: [] }] })).toBe(true)
    expect(reloads({ ...base, mesh: { ...mesh, certificate: 'NEW' } })).toBe(true)
    expect(reloads({ ...base, peers: [{ server: 'lon-2', host: '10.0.0.12', port: 8444 }] })).toBe(true)
  })

  it('keeps more slots than it needs rather than reload', () => {
    const proxy = haproxyWith()
    const many = tableOf([serviceOf({ local: [2, 3, 4, 5, 6].map((host) => targetOf(host)) })])
    proxy.bring(many)
    expect(planProxy(tableOf([serviceOf({ local: [targetOf(2)] })]), proxy.state()).commands).not.toBeNull()
  })

  it('has an entry for each of few peers, and of many for those with replicas, once they had some', () => {
    const fleet = (count: number, ...remote: readonly number[]): ProxyTable =>
      tableOf(
        [
          serviceOf({
            listen: [{ hostIp: '', port: 80 }],
            remote: remote.map((n) => ({ server: `s${n}`, weight: 1 })),
          }),
        ],
        {
          peers: Array.from({ length: count }, (_, n) => ({ server: `s${n}`, host: `10.0.0.${n}`, port: 8444 })),
          mesh,
        },
      )
    const proxy = haproxyWith()
    const reloads = (table: ProxyTable): boolean => {
      const isLive = planProxy(table, proxy.state()).commands !== null
      proxy.bring(table)
      expect(planProxy(table, proxy.state()).commands).toEqual([])
      return !isLive
    }
    const entries = (): number => {
      const names = proxy.state().servers.get('all_shop-web-8080-58c68e5d3464e9c6')?.keys() ?? []
      return [...names].filter((name) => !name.startsWith('x_')).length
    }
    proxy.bring(fleet(8))
    expect([entries(), reloads(fleet(8, 3))]).toEqual([4 + 8, false])
    proxy.bring(fleet(30))
    expect(entries()).toBe(4 + 8)
    const moved = [fleet(30, 20), fleet(30, 21), fleet(30, 20), fleet(30)].map(reloads)
    expect(moved).toEqual([true, true, false, false])
    for (let n = 0; n < 30; n += 1) reloads(fleet(30, n))
    expect(entries()).toBeLessThan(4 + 20)
  })

  it('names the ports that it does not listen on yet', () => {
    const listening = (...ports: readonly number[]): ProxyTable =>
      tableOf([serviceOf({ listen: ports.map((port) => ({ hostIp: '', port })) })])
    const proxy = haproxyWith()
    proxy.bring({ ...listening(80), mesh })
    const more = { ...listening(80, 443), mesh }
    expect(planProxy(more, proxy.state()).newListeners).toEqual([{ address: '', port: 443 }])
  })
})

describe('how replicas stand', () => {
  const own = 'http_shop-web-8080-58c68e5d3464e9c6'
  const header = '# pxname,svname,scur,status,type,addr,uweight,'
  const stateOf = (...rows: readonly string[]): ProxyState => {
    const read = readState(['description: x', header, ...rows].join('\n'))
    if (!read.ok) throw new Error(read.problem)
    return read.value
  }
  const table = tableOf([serviceOf({ listen: [{ hostIp: '', port: 80 }], local: [targetOf(2)] })])

  it.each([
    ['up', 'UP', 1, 'UP', 1],
    ['up', 'UP 1/2', 1, 'UP', 1],
    ['down', 'DOWN', 1, 'UP', 1],
    ['down', 'UP', 1, 'MAINT', 1],
    ['down', 'UP', 1, 'DOWN 1/2', 1],
    ['drain', 'UP', 0, 'UP', 0],
    ['drain', 'UP', 0, 'UP', 1],
    ['down', 'DOWN', 0, 'DOWN', 0],
  ])('%s where one backend says %s (weight %d) and the other %s (weight %d)', (state, a, weightA, b, weightB) => {
    const now = stateOf(
      `${own},s1,1,${a},2,172.18.0.2:8080,${weightA},`,
      `all_${own.slice('http_'.length)},s1,2,${b},2,172.18.0.2:8080,${weightB},`,
    )
    expect(seenBy(table, now, []).targets).toEqual([{ key: 'shop/web:8080', containerId: 'c2', state, sessions: 3 }])
  })

  it('counts the connections that former processes still serve', () => {
    const row = `${own},s1,2,UP,2,172.18.0.2:8080,1,`
    const elsewhere = `${own},s3,4,UP,2,172.18.0.2:8080,1,`
    expect(seenBy(table, stateOf(row), [stateOf(elsewhere), stateOf()]).targets[0]?.sessions).toBe(6)
  })

  const front = (connections: number): string => `in_any_80,FRONTEND,${connections},OPEN,0,,,`
  const slot = (name: string, address: number, sessions = 0, weight = 1): string =>
    `${own},${name},${sessions},UP,2,172.18.0.${address}:8080,${weight},`

  it.each([
    ['counts for one that leaves, whom a former process knows alone', 3, [front(3), slot('s1', 2)]],
    ['counts without those that something goes through', 3, [front(3), slot('s1', 2, 2)]],
    ['counts nothing where it knows one that is ready', 0, [front(3), slot('s1', 2), slot('s2', 3)]],
    ['counts nothing for whom it does not know', 0, [front(3), slot('s1', 9)]],
    ['counts nothing for whom it gives nothing', 0, [front(3), slot('s1', 2, 0, 0)]],
  ])('%s: who keeps a connection to it and may ask once more', (_, sessions, former) => {
    const leaving = tableOf([
      serviceOf({ listen: [{ hostIp: '', port: 80 }], local: [{ ...targetOf(2), state: 'drain' }, targetOf(3)] }),
    ])
    const now = stateOf(slot('s1', 2, 0, 0), slot('s2', 3))
    const [left, ready] = seenBy(leaving, now, [stateOf(...former)]).targets
    expect([left?.sessions, ready?.sessions]).toEqual([sessions, 0])
  })

  it('takes a replica that the proxy does not know for down', () => {
    expect(seenBy(table, stateOf(), []).targets).toEqual([
      { key: 'shop/web:8080', containerId: 'c2', state: 'down', sessions: 0 },
    ])
  })
})

describe('the zone of a server', () => {
  it('is one label, and never that of another', () => {
    expect(meshZone('lon-1')).toBe('lon-1.mesh')
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(meshZone(a)).toMatch(/^[a-z0-9]([a-z0-9-]{0,55}[a-z0-9])?\.mesh$/)
        // A name that looks like a made one is made anew.
        expect(meshZone(meshZone(a).slice(0, -'.mesh'.length)) === meshZone(a)).toBe(meshZone(a) === `${a}.mesh`)
        if (a !== b) expect(meshZone(a)).not.toBe(meshZone(b))
      }),
    )
  })
})
