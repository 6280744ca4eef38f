import type { MountSpec } from '../model/index.js'
import { compact, listed } from './compact.js'

type Fields = Readonly<Record<string, unknown>>
type BindMount = Extract<MountSpec, { readonly kind: 'bind' }>
type TmpfsMount = Extract<MountSpec, { readonly kind: 'tmpfs' }>

/** Three ways to say a mount, as none of them can say everything. */
export function mountFields(mounts: readonly MountSpec[], container: string): Fields {
  const shipped = shippedVolumes(mounts, container)
  const rest = mounts.filter((mount) => !isBindByText(mount) && !isTmpfsByText(mount))
  const tmpfs = mounts.filter(isTmpfsByText)
  return {
    Binds: listed(mounts.filter(isBindByText).map(bindText)),
    Tmpfs: tmpfs.length > 0 ? Object.fromEntries(tmpfs.map((mount) => [mount.target, tmpfsText(mount)])) : null,
    Mounts: listed(rest.map((mount) => mountFor(mount, shipped))),
  }
}

/** Only the text form makes a missing folder on the host on every engine, and knows SELinux; it has no way to write a path with a colon. */
function isBindByText(mount: MountSpec): mount is BindMount {
  if (mount.kind !== 'bind' || mount.recursive !== undefined) return false
  return (mount.createHostPath || mount.selinux !== undefined) && !`${mount.source}${mount.target}`.includes(':')
}

function bindText({ source, target, readOnly, propagation, selinux }: BindMount): string {
  const flags = [readOnly ? 'ro' : 'rw', selinux, propagation].filter((flag) => flag !== null && flag !== undefined)
  return `${source}:${target}:${flags.join(',')}`
}

/** Only the text form knows more than size and mode. */
function isTmpfsByText(mount: MountSpec): mount is TmpfsMount {
  return mount.kind === 'tmpfs' && mount.options !== undefined
}

function tmpfsText({ sizeBytes, mode, readOnly, options = [] }: TmpfsMount): string {
  const size = sizeBytes === null ? [] : [`size=${sizeBytes}`]
  const permissions = mode === null ? [] : [`mode=${mode.toString(8)}`]
  return [...size, ...permissions, ...(readOnly ? ['ro'] : []), ...options].join(',')
}

/** Name of the volume for each shipped folder, by its target: a container's own, and gone with it. */
export function shippedVolumes(mounts: readonly MountSpec[], container: string): ReadonlyMap<string, string> {
  const shipped = mounts.filter((mount) => mount.kind === 'shipped')
  return new Map(shipped.map(({ target }, index) => [target, `${container}-files-${index + 1}`]))
}

function mountFor(mount: MountSpec, shipped: ReadonlyMap<string, string>): Fields {
  const base = { Target: mount.target, ReadOnly: mount.readOnly }
  switch (mount.kind) {
    case 'volume':
      return {
        Type: 'volume',
        Source: mount.source,
        ...base,
        VolumeOptions: compact({ NoCopy: mount.noCopy, Subpath: mount.subpath }),
      }
    case 'shipped':
      return { Type: 'volume', Source: shipped.get(mount.target), ...base, VolumeOptions: { NoCopy: true } }
    case 'anonymous':
      return { Type: 'volume', ...base }
    case 'image':
      return compact({
        Type: 'image',
        Source: mount.source,
        ...base,
        ImageOptions: mount.subpath === undefined ? null : { Subpath: mount.subpath },
      })
    case 'bind':
      return compact({ Type: 'bind', Source: mount.source, ...base, BindOptions: bindOptions(mount) })
    case 'tmpfs':
      return { Type: 'tmpfs', ...base, TmpfsOptions: compact({ SizeBytes: mount.sizeBytes, Mode: mount.mode }) }
  }
}

const RECURSIVE: Readonly<Record<NonNullable<BindMount['recursive']>, Fields>> = {
  disabled: { NonRecursive: true },
  writable: { ReadOnlyNonRecursive: true },
  readonly: { ReadOnlyForceRecursive: true },
}

function bindOptions({ propagation, recursive, createHostPath }: BindMount): Fields | null {
  const options = compact({
    Propagation: propagation,
    ...(recursive === undefined ? {} : { ...RECURSIVE[recursive], CreateMountpoint: createHostPath }),
  })
  return Object.keys(options).length > 0 ? options : null
}
