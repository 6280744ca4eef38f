import { createHash } from 'node:crypto'
import { parseRange } from '../names/index.js'
import { frontendName } from './bind.js'
import { wholeBackend } from './layout.js'
import type { Layout, ServiceLayout } from './layout.js'

/** The addresses that names have here: the proxy makes them its server's own, and no others of the range. */
export const ADDRESSES_FILE = 'addresses'

/** How containers of this server reach a service by its name. Whoever is not let in, or finds nobody ready, is turned away at once. */
export function nameLines(service: ServiceLayout): readonly string[] {
  if (service.name === null) return []
  const { address, port, from } = service.name
  return [
    `frontend ${frontendName({ address, port })} from ${service.protocol === 'tcp' ? 'tcp' : 'http'}`,
    // Before its address is the server's, and when it is not any more, HAProxy must start all the same.
    `  bind ${address}:${port} transparent`,
    `  tcp-request connection reject unless { src -f ${sourcesFile(from)} }`,
    `  tcp-request connection reject unless { nbsrv(${wholeBackend(service)}) gt 0 }`,
    ...(service.protocol !== 'tcp'
      ? ['  http-request set-header X-Forwarded-For %[src]', '  http-request set-header X-Forwarded-Proto http']
      : []),
    `  default_backend ${wholeBackend(service)}`,
  ]
}

/** Services of one stack mostly have the same sources: they share a file. */
function sourcesFile(from: readonly string[]): string {
  return `from-${createHash('sha256').update(from.join('\n')).digest('hex').slice(0, 12)}.lst`
}

/** Files beside the configuration. */
export function nameFiles({ services, range }: Layout): readonly { readonly name: string; readonly content: string }[] {
  const space = range === null ? null : parseRange(range)
  if (space === null) return []
  const named = services.flatMap(({ name }) => (name === null ? [] : [name]))
  const sources = new Map(named.map(({ from }) => [sourcesFile(from), from.map((subnet) => `${subnet}\n`).join('')]))
  const addresses = [...new Set(named.map(({ address }) => address))].sort()
  // The shell that reads it knows no addresses, but numbers.
  const head = `${range} ${space.first} ${space.size}`
  const lists = [...sources].map(([name, content]) => ({ name, content }))
  return [{ name: ADDRESSES_FILE, content: `${[head, ...addresses].join('\n')}\n` }, ...lists]
}
