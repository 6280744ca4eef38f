import type { ProxyTable } from '../../src/model/index.js'
import { hostOf } from './draft-files.js'
import type { SimPapers } from './papers.js'
import { proxiesOn } from './truth.js'
import type { World } from './world.js'

/** Hosts that a table serves over https by certificates of an authority. */
export function securedHosts({ services, front }: ProxyTable): readonly string[] {
  if (front === undefined || front.httpsPort === null) return []
  return services.flatMap(({ routes = [] }) => routes.flatMap(({ tls, hosts }) => (tls.kind === 'acme' ? hosts : [])))
}

/** Until when the certificate is valid that clients of a host are shown; null: there is none, or it is another host's. */
export function validUntilMs(world: World, table: ProxyTable, host: string): number | null {
  const shown = table.front?.certificates.find(({ hosts }) => hosts.includes(host))
  const [named, fromMs] = shown?.pem.split(' ') ?? []
  return named === host ? Number(fromMs) + papersOf(world).lifeMs : null
}

export function papersOf(world: World): SimPapers {
  return world.papersOf(world.main)
}

/** Of the hosts that Git wants, those without a valid certificate on some server: once at rest. */
export function uncertified(world: World): readonly string[] {
  if (world.draft.acme !== true || Math.abs(world.wallOffsetMs) > papersOf(world).lifeMs / 100) return []
  const nowMs = world.clock.nowMs()
  const tables = [...world.engines.keys()].flatMap((server) =>
    proxiesOn(world, server).flatMap((proxy) => {
      const table = world.proxies.tableOf(proxy)
      return table === null ? [] : [{ server, table }]
    }),
  )
  const hosts = Object.entries(world.draft.stacks).flatMap(([stack, services]) =>
    Object.entries(services).flatMap(([name, { routed, mode, replicas }]) =>
      routed && mode !== 'job' && replicas > 0 ? [hostOf(stack, name)] : [],
    ),
  )
  return hosts.flatMap((host) => {
    const bare = tables.find(({ table }) => (validUntilMs(world, table, host) ?? 0) <= nowMs)
    return bare === undefined ? [] : [`${host} has no valid certificate on ${bare.server}`]
  })
}
