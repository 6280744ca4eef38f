import type { ServiceSpec } from '../model/index.js'

/** A key that only newer engines know; `apiMinor` is the 45 of API 1.45. */
export interface EngineNeed {
  readonly key: string
  readonly apiMinor: number
}

/** Keys of a service that an older engine refuses, or passes over without a word. */
export function engineNeeds(spec: ServiceSpec): readonly EngineNeed[] {
  const { mounts, networks, execution } = spec
  const need = (key: string, apiMinor: number, isSaid: boolean): readonly EngineNeed[] =>
    isSaid ? [{ key, apiMinor }] : []
  return [
    ...need('annotations', 43, execution?.annotations !== undefined),
    ...need(
      'networks.mac_address',
      44,
      networks.slice(1).some(({ macAddress }) => macAddress !== undefined),
    ),
    ...need(
      'volumes.bind.recursive',
      44,
      mounts.some((mount) => mount.kind === 'bind' && isStrict(mount.recursive)),
    ),
    ...need(
      'volumes.volume.subpath',
      45,
      mounts.some((mount) => mount.kind === 'volume' && mount.subpath !== undefined),
    ),
    ...need(
      'volumes.image',
      48,
      mounts.some(({ kind }) => kind === 'image'),
    ),
    ...need(
      'networks.gw_priority',
      48,
      networks.some(({ gwPriority }) => gwPriority !== undefined),
    ),
  ]
}

function isStrict(recursive: string | undefined): boolean {
  return recursive === 'writable' || recursive === 'readonly'
}
