import type { ServiceSpec } from '../model/index.js'

/** By service: the id of the container on the same server whose namespaces are joined. */
export type Joined = ReadonlyMap<string, string>

/** The service in `service:name`; null for any other mode. */
export function joinedService(mode: string | null | undefined): string | null {
  return mode?.startsWith('service:') === true ? mode.slice('service:'.length) : null
}

/** As the engine knows it: `container:<id>`. */
export function resolveMode(mode: string, joined: Joined): string {
  const service = joinedService(mode)
  return service === null ? mode : `container:${joined.get(service) ?? service}`
}

/** The services whose containers a service joins. */
export function joinedServices({ networkMode, isolation }: ServiceSpec): readonly string[] {
  const services = [networkMode, isolation?.ipc, isolation?.pid].map(joinedService)
  return [...new Set(services.filter((service) => service !== null))]
}
