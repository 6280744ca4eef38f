import { describe, expect, it } from 'vitest'
import { ROLLBACK_DEFAULTS, UPDATE_DEFAULTS } from '../../src/model/index.js'
import type { MountSpec, ServiceSpec } from '../../src/model/index.js'
import { listed, planOf, port, replicaOf, specOf, volume } from './world.js'

const bind = (readOnly: boolean): MountSpec => ({
  kind: 'bind',
  source: '/srv/www',
  target: '/www',
  readOnly,
  createHostPath: true,
  propagation: null,
})
const asked = (order: 'start-first' | 'stop-first') => ({ update: { ...UPDATE_DEFAULTS, order } })

function orderOf(changes: Partial<ServiceSpec>, isGoingBack = false): string {
  const spec = specOf('web', changes)
  const before = { ...spec, image: 'busybox:1.35' }
  const views = [listed('lon-1', [replicaOf(before, 1, 'lon-1')])]
  const [change] = planOf({ services: [spec], known: [before], views, isGoingBack }).changes
  return change?.kind === 'replace' ? `${change.order} (${change.orderReason})` : 'no replacement'
}

describe('the order in which one replica takes the place of another', () => {
  it.each<[string, Partial<ServiceSpec>, string]>([
    ['nothing exclusive', {}, 'start-first (start-first: holds no host port and writes no volume)'],
    [
      'a port that the engine chooses',
      { ports: [port(null)] },
      'start-first (start-first: holds no host port and writes no volume)',
    ],
    ['a fixed host port', { ports: [port(8080)] }, 'stop-first (stop-first: host port 8080 can be held only once)'],
    [
      'a port on the network of the host',
      { ports: [port(null, 53)], networkMode: 'host' },
      'stop-first (stop-first: host port 53 can be held only once)',
    ],
    [
      'a volume that it writes',
      { mounts: [volume('shop_data')] },
      'stop-first (stop-first: writes the volume shop_data)',
    ],
    [
      'a volume that it reads',
      { mounts: [volume('shop_data', true)] },
      'start-first (start-first: holds no host port and writes no volume)',
    ],
    [
      'a folder of the server that it writes',
      { mounts: [bind(false)] },
      'stop-first (stop-first: writes /srv/www of the server)',
    ],
    [
      'a folder of the server that it reads',
      { mounts: [bind(true)] },
      'start-first (start-first: holds no host port and writes no volume)',
    ],
    ['the manifest asking for stop-first', asked('stop-first'), 'stop-first ()'],
    [
      'the manifest asking for start-first over a volume',
      { ...asked('start-first'), mounts: [volume('shop_data')] },
      'start-first ()',
    ],
    [
      'the manifest asking for start-first over a host port',
      { ...asked('start-first'), ports: [port(8080)] },
      'stop-first (stop-first: host port 8080 can be held only once, although update_config.order is start-first)',
    ],
  ])('with %s', (_, changes, order) => {
    expect(orderOf(changes)).toBe(order)
  })

  const back = (order: 'start-first' | 'stop-first') => ({ rollback: { ...ROLLBACK_DEFAULTS, order } })

  it.each<[string, Partial<ServiceSpec>, string]>([
    ['nothing said', {}, 'start-first (start-first: holds no host port and writes no volume)'],
    ['only update_config saying so', asked('stop-first'), 'stop-first ()'],
    ['rollback_config saying so', back('stop-first'), 'stop-first ()'],
    [
      'rollback_config contradicting update_config',
      { ...asked('start-first'), ...back('stop-first') },
      'stop-first ()',
    ],
    [
      'rollback_config asking for start-first over a host port',
      { ...back('start-first'), ports: [port(8080)] },
      'stop-first (stop-first: host port 8080 can be held only once, although rollback_config.order is start-first)',
    ],
  ])('on the way back with %s', (_, changes, order) => {
    expect(orderOf(changes, true)).toBe(order)
  })

  it('follows update_config on the way forward, whatever rollback_config says', () => {
    expect(orderOf({ ...asked('start-first'), ...back('stop-first') })).toBe('start-first ()')
  })

  it('is start-first over a host port when it moves to another server', () => {
    const spec = specOf('web', { ports: [port(8080)] })
    const views = [listed('lon-1', [replicaOf(spec, 1, 'lon-1')]), listed('lon-2')]
    expect(planOf({ services: [spec], drained: new Set(['lon-1']), views }).changes).toMatchObject([
      { kind: 'replace', server: 'lon-2', order: 'start-first' },
    ])
  })
})
