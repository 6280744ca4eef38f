import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addTimes, figureQuestions, p95Of, planProxy, readFigures } from '../../src/ingress/index.js'
import { haproxyWith } from './made-proxy.js'
import { frontOf, routeOf, serviceOf, tableOf, targetOf } from './tables.js'

const share = { specHash: 'new', percent: 5 }
const ID = 'shop-web-8080-58c68e5d3464e9c6'
const canary = { match: null }
const TABLE = tableOf([
  serviceOf({ listen: [{ hostIp: '', port: 80 }], local: [targetOf(2), targetOf(3)], share, canary }),
  serviceOf({ key: 'shop/db:1', protocol: 'tcp', local: [targetOf(4)], share }),
  serviceOf({ key: 'shop/other:1', local: [targetOf(9)] }),
])
const COLUMNS = 'pxname,svname,stot,econ,eresp,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,mode,addr,'

function stateOf(table = TABLE) {
  const proxy = haproxyWith()
  proxy.bring(table)
  return proxy.state()
}

/** To which count an answer belongs that took so long, as the file says. */
function countOf(ms: number): number {
  const file = planProxy(TABLE, null).files.find(({ name }) => name === 'times.map')
  const lines = (file?.content ?? '').trimEnd().split('\n')
  const at = lines.findIndex((line) => {
    const [, from, to] = /^([0-9]+):([0-9]+) [0-9]+$/.exec(line) ?? []
    return ms >= Number(from) && ms <= Number(to)
  })
  return at < 0 ? lines.length : at
}

describe('what a proxy is asked about replicas', () => {
  it('is about services with a share that have some there, and nothing else', () => {
    expect(figureQuestions(TABLE, stateOf()).map((line) => line.replaceAll(/[0-9a-f]{16}/g, '…'))).toEqual([
      'show stat tcp_shop-db-1-… 4 -1',
      'show stat http_shop-web-8080-… 4 -1',
      'show stat all_shop-web-8080-… 4 -1',
      'show table figures data.gpc0 gt 0',
    ])
    expect(figureQuestions(tableOf([serviceOf({ share })]), stateOf())).toEqual([])
    expect(figureQuestions(tableOf([serviceOf({ local: [targetOf(2)], canary })]), stateOf())).toEqual([])
  })

  it('is answered by each replica’s own clients and those of peers, by answers for requests, by connections else', () => {
    const text = [
      `# ${COLUMNS}`,
      `http_${ID},s1,99,0,0,0,10,0,1,2,0,http,172.18.0.2:8080,`,
      `all_${ID},s1,99,1,1,0,5,5,0,0,0,http,172.18.0.2:8080,`,
      `all_${ID},s2,99,0,0,0,7,0,0,0,0,http,172.18.0.3:8080,`,
      `all_${ID},s3,99,0,0,0,7,0,0,0,0,http,172.18.0.99:8080,`,
      'tcp_shop-db-1-2ca49202642afb7b,s1,12,2,1,0,0,0,0,0,0,tcp,172.18.0.4:8080,',
      '# table: figures, type: string, size:51200, used:3',
      '0x55: key=172.18.0.2:8080/0 use=0 exp=3592659 gpc0=20',
      '0x55: key=172.18.0.2:8080/3 use=0 exp=3592659 shard=0 gpc0=2',
      '0x55: key=172.18.0.2:8080/999 use=0 exp=3592659 gpc0=5',
    ].join('\n')
    expect(readFigures(TABLE, stateOf(), 77, text)).toEqual({
      worker: 77,
      replicas: [
        { containerId: 'c2', requests: 25, errors: 4, times: [20, 0, 0, 2] },
        { containerId: 'c3', requests: 7, errors: 0, times: [] },
        { containerId: 'c4', requests: 12, errors: 3, times: [] },
      ],
    })
  })

  it('counts once what is reached by a port and by a route', () => {
    const routes = serviceOf({ key: 'shop/web:8080/http', routes: [routeOf()], local: [targetOf(2)], share, canary })
    const web = serviceOf({ listen: [{ hostIp: '', port: 80 }], local: [targetOf(2)], share, canary })
    const table = tableOf([web, routes], { front: frontOf() })
    const text = '0x55: key=172.18.0.2:8080/1 use=0 exp=3592659 gpc0=20'
    expect(readFigures(table, stateOf(table), 1, text).replicas).toEqual([
      { containerId: 'c2', requests: 0, errors: 0, times: [0, 20] },
    ])
  })
})

describe('how long 95 of 100 answers take', () => {
  it('is told to within a fifth, from what is counted', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 20, maxLength: 300 }), (took) => {
        const times = took.reduce<readonly number[]>((sum, ms) => {
          const at = countOf(ms)
          return addTimes(
            sum,
            Array.from({ length: at + 1 }, (_, index) => (index === at ? 1 : 0)),
          )
        }, [])
        const sorted = [...took].sort((a, b) => a - b)
        const real = sorted[Math.ceil(took.length * 0.95) - 1] ?? 0
        const said = p95Of(times) ?? NaN
        expect(said).toBeGreaterThanOrEqual(real / 1.2 - 1)
        expect(said).toBeLessThanOrEqual(real * 1.2 + 1)
      }),
    )
  })

  it.each([
    [[], null],
    [[19], null],
    [[20], 0.95],
    [[0, 0, 0, 100], 3.95],
    [[96, 4], 0.9896],
  ])('of %j is %j', (times, p95) => {
    if (p95 === null) expect(p95Of(times)).toBeNull()
    else expect(p95Of(times)).toBeCloseTo(p95, 3)
  })
})
