import type { Server } from '../model/index.js'
import { usage } from './invocation.js'

/** The servers that the command line names; all of them where it names none. */
export function chosenServers(servers: readonly Server[], names: readonly string[]): readonly Server[] {
  const unknown = names.find((name) => !servers.some((server) => server.name === name))
  if (unknown !== undefined) {
    throw usage(`there is no server ${unknown}; there are ${servers.map(({ name }) => name).join(', ') || 'none'}`)
  }
  return names.length === 0 ? servers : servers.filter(({ name }) => names.includes(name))
}
