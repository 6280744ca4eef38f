import { describe, expect, it } from 'vitest'
import { newProxy } from '../../src/controller/rotation.js'
import type { Proxy } from '../../src/controller/rotation.js'
import { ShareBook } from '../../src/controller/share-book.js'
import type { ProxyFigures, ProxyTable, ReplicaFigures } from '../../src/model/index.js'
import { serviceOf, tableOf } from '../ingress/tables.js'

const SHARE = { service: 'web', specHash: 'new', percent: 5 }
const NOTHING = { requests: 0, errors: 0, p95Ms: null }

function tableWith(percent: number, ...local: readonly (readonly [string, boolean])[]): ProxyTable {
  const targets = local.map(([containerId, isFresh]) => ({
    ...{ containerId, address: '172.18.0.2', port: 8080, state: 'ready' as const },
    isFresh,
  }))
  return tableOf([serviceOf({ local: targets, share: { specHash: 'new', percent } })])
}

const TABLE = tableWith(5, ['o1', false], ['n1', true])

function figures(worker: number, ...replicas: readonly (readonly [string, number, number])[]): ProxyFigures {
  return {
    worker,
    replicas: replicas.map(([containerId, requests, errors]): ReplicaFigures => {
      return { containerId, requests, errors, times: [0, requests - errors] }
    }),
  }
}

/** Proxies that answer one after the other, each with the table that it has then. */
function fleetOf(...names: readonly string[]) {
  const book = new ShareBook()
  const proxies = new Map<string, Proxy>(names.map((name) => [name, newProxy(name, name, true)]))
  let nowMs = 0
  return {
    book,
    proxies,
    answers: (name: string, table: ProxyTable, said?: ProxyFigures): readonly string[] => {
      const proxy = proxies.get(name)
      if (proxy === undefined) throw new Error(`no proxy ${name}`)
      nowMs += 1_000
      const acked = { atMs: nowMs, targets: new Map(), sinceMs: new Map(), local: new Set(''), counted: new Set('') }
      Object.assign(proxy, { table, acked, isSure: true })
      return book.answered(proxy, table, said, proxies.values(), nowMs)
    },
  }
}

describe('a share', () => {
  it('is taken when every proxy that can be asked goes by it, and stays so', () => {
    const { book, proxies, answers } = fleetOf('a', 'b', 'away')
    Object.assign(proxies.get('away') ?? {}, { isReachable: false })
    book.decided('shop', [SHARE])
    expect(answers('a', TABLE)).toEqual([])
    expect(book.seen('shop').size).toBe(0)
    expect(answers('b', tableWith(25))).toEqual([])
    expect(answers('b', TABLE)).toEqual(['shop'])
    expect(book.seen('shop').get('web')).toEqual({
      specHash: 'new',
      percent: 5,
      sinceMs: 3_000,
      fresh: NOTHING,
      old: NOTHING,
    })
    Object.assign(proxies.get('a') ?? {}, { isSure: false })
    answers('b', TABLE)
    expect(book.seen('shop').get('web')?.sinceMs).toBe(3_000)
    expect(book.seen('shopper').size).toBe(0)
  })

  it('is another one when its percent or its spec is, and none when it is not named', () => {
    const { book, answers } = fleetOf('a')
    book.decided('shop', [SHARE])
    answers('a', TABLE)
    book.decided('shop', [SHARE])
    expect(book.seen('shop').size).toBe(1)
    book.decided('shop', [{ ...SHARE, percent: 25 }])
    expect(book.seen('shop').size).toBe(0)
    answers('a', tableWith(25))
    book.decided('shop', [{ ...SHARE, percent: 25, specHash: 'newer' }])
    expect(book.seen('shop').size).toBe(0)
    book.decided('blog', [])
    book.decided('shop', [])
    answers('a', TABLE)
    expect(book.seen('shop').size).toBe(0)
  })
})

describe('the figures of a share', () => {
  it('begin with what each proxy says first, and are summed over proxies, apart for new and old', () => {
    const { book, answers } = fleetOf('a', 'b')
    book.decided('shop', [SHARE])
    answers('a', TABLE, figures(1, ['o1', 900, 9], ['n1', 0, 0]))
    answers('b', TABLE, figures(1, ['o1', 500, 0]))
    expect(book.seen('shop').get('web')).toMatchObject({ fresh: NOTHING, old: NOTHING })
    expect(answers('a', TABLE, figures(1, ['o1', 1_000, 10], ['n1', 30, 2]))).toEqual(['shop'])
    expect(answers('b', TABLE, figures(1, ['o1', 501, 0]))).toEqual(['shop'])
    expect(answers('b', TABLE, figures(1, ['o1', 501, 0]))).toEqual([])
    expect(book.seen('shop').get('web')).toMatchObject({
      fresh: { requests: 30, errors: 2, p95Ms: expect.closeTo(1.95) as number },
      old: { requests: 101, errors: 1 },
    })
  })

  it('go on where a proxy was started anew, and are never less than they were', () => {
    const { book, answers } = fleetOf('a')
    book.decided('shop', [SHARE])
    answers('a', TABLE, figures(1, ['n1', 5, 0]))
    answers('a', TABLE, figures(1, ['n1', 25, 1]))
    answers('a', TABLE, figures(2, ['n1', 30, 0]))
    answers('a', TABLE, figures(2, ['n1', 31, 0]))
    // A count that began anew though nothing says so.
    answers('a', TABLE, figures(2, ['n1', 1, 0]))
    expect(book.seen('shop').get('web')?.fresh).toMatchObject({ requests: 20 + 31 + 1, errors: 1 })
  })

  it('leave out what a proxy said by another share, and what a place was asked before its replica came', () => {
    const { book, answers } = fleetOf('a')
    book.decided('shop', [SHARE])
    answers('a', tableWith(1, ['n1', true]), figures(1, ['n1', 0, 0]))
    answers('a', tableWith(1, ['n1', true]), figures(1, ['n1', 10, 0]))
    answers('a', TABLE, figures(1, ['n1', 10, 0]))
    answers('a', TABLE, figures(1, ['n1', 11, 0], ['o1', 700, 0]))
    answers('a', TABLE, figures(1, ['n1', 12, 0], ['o1', 701, 0]))
    expect(book.seen('shop').get('web')).toMatchObject({ fresh: { requests: 2 }, old: { requests: 1 } })
  })

  it('say nothing of times while there are few', () => {
    const { book, answers } = fleetOf('a')
    book.decided('shop', [SHARE])
    answers('a', TABLE, figures(1, ['n1', 0, 0]))
    answers('a', TABLE, figures(1, ['n1', 19, 0]))
    expect(book.seen('shop').get('web')?.fresh).toEqual({ requests: 19, errors: 0, p95Ms: null })
  })
})
