import type { ServiceSpec, Stack } from '../model/index.js'

/** Drivers and types whose data is reached from every server. */
const SHARED_TYPES: ReadonlySet<string> = new Set(['nfs', 'nfs4', 'cifs', 'smb3', 'ceph', 'glusterfs'])

/** A named volume whose data is on one server. */
export interface LocalVolume {
  readonly name: string
  /** Made by somebody else; it must be there before it is used. */
  readonly external: boolean
}

const NONE: readonly LocalVolume[] = []

/** The named volumes of a service that bind a replica to the server where their data lives. */
export function localVolumes(spec: ServiceSpec, stack: Stack): readonly LocalVolume[] {
  if (spec.mounts.length === 0) return NONE
  const names = new Set(spec.mounts.flatMap((mount) => (mount.kind === 'volume' ? [mount.source] : [])))
  return [...names].sort().flatMap((name) => {
    const volume = stack.volumes.find((declared) => declared.name === name)
    const shared = volume !== undefined && !volume.external && isShared(volume.driver, volume.options)
    return shared ? [] : [{ name, external: volume?.external ?? false }]
  })
}

function isShared(driver: string, options: Readonly<Record<string, string>>): boolean {
  return (driver !== 'local' && driver !== '') || SHARED_TYPES.has(options['type'] ?? '')
}
