import type { ForeignContainer, Listing, Stack } from '../model/index.js'
import type { Named } from '../planner/index.js'
import { usage } from './invocation.js'

/** What `--service web=one,lon-1/two` says: container by container, in that order. */
export function namedContainers(said: string, stack: Stack, listings: ReadonlyMap<string, Listing>): readonly Named[] {
  const services = stack.services.map(({ name }) => name)
  const named = said
    .split(' ')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [service = '', containers = ''] = part.split(/=(.*)/s)
      if (containers === '') throw usage(`--service is SERVICE=CONTAINER[,CONTAINER…], not ${JSON.stringify(part)}`)
      if (!services.includes(service))
        throw usage(`the stack ${stack.name} has no service ${service}; it has ${services.join(', ')}`)
      return containers.split(',').map((text) => ({ service, ...containerOf(text, listings) }))
    })
  const ids = named.map(({ container }) => container.containerId)
  const twice = named.find(({ container }, at) => ids.indexOf(container.containerId) !== at)
  if (twice !== undefined) throw usage(`the container ${twice.container.name} is named twice`)
  return named
}

/** `name`, or `server/name` where several servers have one of that name; an id of 12 digits or more will do as well. */
function containerOf(
  text: string,
  listings: ReadonlyMap<string, Listing>,
): { readonly server: string; readonly container: ForeignContainer } {
  const slash = text.indexOf('/')
  const [on, name] = slash === -1 ? [null, text] : [text.slice(0, slash), text.slice(slash + 1)]
  const isMeant = ({ name: own, containerId }: ForeignContainer): boolean =>
    own === name || (/^[0-9a-f]{12,64}$/.test(name) && containerId.startsWith(name))
  const found = [...listings]
    .filter(([server]) => on === null || server === on)
    .flatMap(([server, { foreign }]) => foreign.filter(isMeant).map((container) => ({ server, container })))
  const [one, other] = found
  if (one === undefined) {
    const where = on ?? ([...listings.keys()].join(', ') || 'the servers')
    throw usage(`there is no container ${JSON.stringify(name)} on ${where} that is not Slipway's own`)
  }
  if (other !== undefined)
    throw usage(`${name} is on ${found.map(({ server }) => server).join(' and ')}: write ${one.server}/${name}`)
  const { compose } = one.container
  if (compose !== undefined)
    throw usage(
      `docker compose runs ${one.container.name} as ${compose.project}/${compose.service}: import finds it by that; --service is for containers that Compose did not make`,
    )
  return one
}
