import { alertIn } from '../../../src/driver/proxy-files.js'
import { whyNotFree } from '../../../src/driver/proxy-ports.js'
import { lifeOf, readPem } from '../../../src/ingress/pem.js'
import { readFront } from '../../../src/ingress/read-front.js'
import { p95Of, planProxy, readFigures, readState, readWorkers, seenBy } from '../../../src/ingress/index.js'
import { parseKept } from '../../../src/mesh/authority-file.js'
import type { ProxyState } from '../../../src/ingress/index.js'
import type { ProxyTable } from '../../../src/model/index.js'
import { frontOf, routeOf } from '../../ingress/tables.js'
import { textTarget } from '../target.js'
import type { Target } from '../target.js'

const WEB = 'http_shop-web-8080-58c68e5d3464e9c6'
const HEADER = '# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,status,weight,type,addr,uweight,'
const STATE = [
  'Name: HAProxy',
  'description: 0123456789abcdef0123',
  '',
  HEADER,
  'in_any_80,FRONTEND,,,0,0,1000,0,0,0,OPEN,,0,,,',
  `${WEB},s1,0,0,3,0,,0,0,0,UP,1,2,172.18.0.2:8080,1,`,
  `${WEB},s2,0,0,0,0,,0,0,0,MAINT,1,2,127.0.0.1:1,1,`,
  `all_shop-web-8080-58c68e5d3464e9c6,s1,0,0,1,0,,0,0,0,DRAIN,0,2,[fd00::2]:8080,0,`,
  '# id (file) description',
  "5 (routes.map) pattern loaded from file 'routes.map' used by map at file 'c' line 19. curr_ver=1 next_ver=1 entry_cnt=2",
  `type=beg, case=sensitive, found=yes, idx=tree, key="=digest", value="routes.map:${'0123456789'.repeat(2)}", type="str"`,
  `tls_${'0123456789'.repeat(2)}.pem`,
  `tls_${'0123456789'.repeat(2)}.pem:1 shop.example.com`,
  '',
].join('\n')
const WORKERS = [
  '#<PID>          <type>          <reloads>       <uptime>        <version>',
  '1               master          2 [failed: 1]   0d00h00m01s     2.6.12',
  '# workers',
  '12              worker          0               0d00h00m00s     2.6.12',
  '# old workers',
  '11              worker          1               0d00h00m09s     2.6.12',
  '',
].join('\n')

const table: ProxyTable = {
  server: 'lon-1',
  services: [
    {
      key: 'shop/web:8080',
      protocol: 'http',
      listen: [{ hostIp: '', port: 81 }],
      routes: [routeOf()],
      local: [{ containerId: 'c', address: '172.18.0.2', port: 8080, state: 'ready' }],
      remote: [],
    },
  ],
  peers: [],
  mesh: null,
  front: frontOf(),
}

const shared: ProxyTable = {
  ...table,
  services: table.services.map((service) => ({ ...service, share: { specHash: 'new', percent: 5 } })),
}
const STANDING: ProxyState = {
  structure: '',
  servers: new Map(),
  frontends: [],
  idle: 0,
  front: { maps: new Map(), stored: new Set(), listed: new Set() },
}
const FIGURES = [
  '# pxname,svname,stot,econ,eresp,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,mode,addr,',
  `${WEB},s1,99,1,2,0,10,0,1,2,0,http,172.18.0.2:8080,`,
  '# table: figures, type: string, size:51200, used:1',
  '0x55: key=172.18.0.2:8080/3 use=0 exp=3592659 gpc0=20',
  '',
].join('\n')

const DIGEST = '0123456789abcdef0123'
const FRONT = [
  '0 (routes.map) pattern loaded from file curr_ver=0 next_ver=3 entry_cnt=2',
  `type=str, key="=digest", value="routes.map:${DIGEST}"`,
  `tls_${DIGEST}.pem`,
  `tls_${DIGEST}.pem:1 shop.example`,
  '',
].join('\n')
const BODY = 'MIIBszCCAVmgAwIBAgIUQ2Vy'
const PEM = `-----BEGIN CERTIFICATE-----\n${BODY}\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n${BODY}\n-----END PRIVATE KEY-----\n`
const ISSUED = { certificate: PEM, key: PEM, fromMs: 1, untilMs: 2 }
const MESH = JSON.stringify({ version: 1, authorities: [ISSUED], servers: { 'lon-1': { ...ISSUED, by: PEM } } })

function refuse(what: string): never {
  throw Object.assign(new Error(what), { problem: { code: 'PROXY_ABSENT', message: what } })
}

export const PROXY_TARGETS: readonly Target[] = [
  textTarget({
    name: 'proxy-state',
    about: 'what a proxy tells of its frontends and servers (a hostile server sends it), and what is made of it',
    samples: [STATE],
    words: [
      '.map) ',
      ' next_ver=',
      '=digest',
      '.pem:1',
      'UP 1/2',
      'DOWN',
      'MAINT (via a/b)',
      'no check',
      '__proto__',
      '# pxname,',
      'description: ',
      ',2,',
      HEADER,
    ],
    quick: 500,
    read(text) {
      const state = readState(text)
      if (!state.ok) refuse(state.problem)
      const plan = planProxy(table, state.value)
      return {
        state: state.value,
        commands: plan.commands,
        digest: plan.digest,
        seen: seenBy(table, state.value, [state.value]),
      }
    },
  }),
  textTarget({
    name: 'proxy-figures',
    about: 'what a proxy tells of how often replicas were asked and how long they took (a hostile server sends it)',
    samples: [FIGURES],
    words: ['# pxname,', 'hrsp_2xx', ' key=', ' gpc0=', '[fd00::2]:8080', '99999999999999999999', '__proto__'],
    quick: 1_000,
    read(text) {
      const figures = readFigures(shared, STANDING, 1, text)
      for (const { requests, errors, times } of figures.replicas)
        if (![requests, errors, ...times].every((count) => count >= 0 && Number.isFinite(count)))
          throw new Error(`a count that is none: ${JSON.stringify(figures)}`)
      return figures.replicas.map(({ times }) => p95Of(times))
    },
  }),
  textTarget({
    name: 'proxy-front',
    about: 'what a proxy tells of its maps and certificates',
    samples: [FRONT],
    words: ['next_ver=', ' key="=digest", value="', '.map:', 'tls_', '.pem:1', '__proto__'],
    quick: 1_000,
    read: (text) => readFront(text),
  }),
  textTarget({
    name: 'certificates',
    about: 'certificates and keys that people or authorities give, as PEM',
    samples: [PEM],
    words: ['-----BEGIN CERTIFICATE-----', '-----END PRIVATE KEY-----', '-----BEGIN', '\r\n'],
    quick: 1_000,
    read: (text) => ({ pem: readPem(text), life: lifeOf(text) }),
  }),
  {
    ...textTarget({
      name: 'mesh-file',
      about: 'mesh.json, the keys of the fleet’s own authority, as a broken disk or another release may leave it',
      samples: [MESH],
      quick: 200,
      read(text) {
        const kept = parseKept('mesh.json', text)
        if (kept.ok) return kept.value
        throw Object.assign(new Error(kept.problem.message), { problem: kept.problem })
      },
    }),
    isJson: true,
  },
  textTarget({
    name: 'proxy-workers',
    about: 'what the master of a proxy tells of its processes',
    samples: [WORKERS],
    words: ['master', 'worker', '# old', '[failed: 9]', '99999999999'],
    quick: 2_000,
    read(text) {
      const workers = readWorkers(text)
      return workers.ok ? workers.value : refuse(workers.problem)
    },
  }),
  textTarget({
    name: 'proxy-sockets',
    about: 'what listens on a server, and why HAProxy refuses a configuration',
    samples: [
      '0100007F:0050\n00000000:01BB\n10.0.0.7\n20010db8000000000000000000000007\n',
      '[ALERT]    (12) : Binding [x.cfg:11] for frontend f: cannot bind socket (Address already in use) for [0.0.0.0:80]\n',
    ],
    words: ['[ALERT]', ') for [', ':0050', '10.0.0.7'],
    quick: 2_000,
    read(text) {
      const wanted = [
        { address: '', port: 80 },
        { address: '10.0.0.7', port: 80 },
        { address: '2001:db8::7', port: 443 },
      ]
      return { whys: whyNotFree(text, wanted), alert: alertIn(text) }
    },
  }),
]
