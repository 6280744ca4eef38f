import { compareText } from '../../model/index.js'
import type { MountSpec, VolumeSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { get } from '../node.js'
import { readText } from '../read.js'
import type { Report } from '../report.js'
import { isExternal, nameOfExternal, readOptions } from './external.js'
import { readLabels } from './key-values.js'

/** Full name on the server: `shop_data`, or what `name:` says; an external volume has the name it was given. */
export function volumeName(key: string, node: Node, stack: string): string {
  return nameOfExternal(node) ?? readText(node, 'name') ?? (isExternal(node) ? key : `${stack}_${key}`)
}

/** The declared volumes that services use, sorted by full name; the others are never made, as with Compose. */
export function readVolumes(
  declared: ReadonlyMap<string, Node>,
  mounts: readonly MountSpec[],
  stack: string,
  report: Report,
): readonly VolumeSpec[] {
  const used = new Set(mounts.map((mount) => (mount.kind === 'volume' ? mount.source : null)))
  const volumes = [...declared].map(([key, node]): VolumeSpec => ({
    name: volumeName(key, node, stack),
    external: isExternal(node),
    driver: readText(node, 'driver') ?? 'local',
    options: readOptions(get(node, 'driver_opts')),
    labels: readLabels(get(node, 'labels'), report),
  }))
  return volumes.filter(({ name }) => used.has(name)).sort((a, b) => compareText(a.name, b.name))
}
