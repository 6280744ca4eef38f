import { listOf } from './fields.js'
import type { Fields } from './fields.js'

/** What a body of `create`, or the inspection of a container, says of its mounts: a text a target, the same however it was said. */
export function mountTexts(
  config: Fields,
  host: Fields,
  imageVolumes: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const anonymous = Object.keys((config['Volumes'] ?? {}) as Fields).filter((target) => !imageVolumes.has(target))
  return new Map([
    ...anonymous.map((target) => [target, ANONYMOUS] as const),
    ...listOf<string>(host['Binds']).map(bindText),
    ...Object.entries((host['Tmpfs'] ?? {}) as Record<string, string>).map(tmpfsText),
    ...listOf<Mount>(host['Mounts']).map(mountText),
  ])
}

export const ANONYMOUS = 'an anonymous volume'

type Entry = readonly [target: string, text: string]

function bindText(bind: string): Entry {
  const [source = '', target = '', options = ''] = bind.split(':')
  const flags = options === '' ? [] : options.split(',').filter((flag) => !SAYS_NOTHING.has(flag))
  if (/^[0-9a-f]{64}$/.test(source)) return [target, ANONYMOUS]
  return [
    target,
    said(
      source,
      flags.map((flag) => (flag === 'ro' ? READ_ONLY : flag)),
    ),
  ]
}

/** What Docker does without being told. */
const SAYS_NOTHING = new Set(['rw', 'rprivate', ''])
const READ_ONLY = 'read-only'

interface Mount {
  readonly Type?: string
  readonly Source?: string
  readonly Target?: string
  readonly ReadOnly?: boolean
  readonly BindOptions?: Fields | null
  readonly VolumeOptions?: Fields | null
  readonly ImageOptions?: Fields | null
  readonly TmpfsOptions?: { readonly SizeBytes?: number; readonly Mode?: number; readonly Options?: unknown } | null
}

/** What of the options is known by name here, or makes no difference once the container is there. */
const OPTIONS_SAID: ReadonlySet<string> = new Set(['Propagation', 'CreateMountpoint', 'NoCopy', 'Subpath', 'Labels'])

function mountText(mount: Mount): Entry {
  const {
    Type = '',
    Source = '',
    Target = '',
    ReadOnly,
    BindOptions,
    VolumeOptions,
    TmpfsOptions,
    ImageOptions,
  } = mount
  const access = ReadOnly === true ? [READ_ONLY] : []
  if (Type === 'tmpfs') {
    const { SizeBytes, Mode, Options } = TmpfsOptions ?? {}
    return [Target, tmpfsOf(SizeBytes, Mode, [...access, ...(isSaid(Options) ? [JSON.stringify(Options)] : [])])]
  }
  const options = { ...BindOptions, ...VolumeOptions, ...ImageOptions }
  const { Propagation, NoCopy, Subpath } = options as { Propagation?: string; NoCopy?: boolean; Subpath?: string }
  const others = Object.entries(options).filter(([name, value]) => !OPTIONS_SAID.has(name) && isSaid(value))
  const source = Type === 'image' ? `the image ${Source}` : Type === 'volume' && Source === '' ? ANONYMOUS : Source
  return [
    Target,
    said(source, [
      ...access,
      ...(SAYS_NOTHING.has(Propagation ?? '') ? [] : [String(Propagation)]),
      ...(NoCopy === true && source !== ANONYMOUS ? ['nocopy'] : []),
      ...(isSaid(Subpath) ? [`subpath ${String(Subpath)}`] : []),
      ...others.map(([name, value]) => `${name} ${JSON.stringify(value)}`),
    ]),
  ]
}

function tmpfsText([target, options]: readonly [string, string]): Entry {
  const flags = options === '' ? [] : options.split(',').filter((flag) => flag !== 'rw')
  const size = flags.find((flag) => flag.startsWith('size='))?.slice('size='.length)
  const mode = flags.find((flag) => flag.startsWith('mode='))?.slice('mode='.length)
  const others = flags.filter((flag) => !/^(?:size|mode)=/.test(flag)).map((flag) => (flag === 'ro' ? READ_ONLY : flag))
  return [target, tmpfsOf(size, mode === undefined ? undefined : Number.parseInt(mode, 8), others)]
}

function tmpfsOf(size: string | number | undefined, mode: number | undefined, others: readonly string[]): string {
  return said('tmpfs', [
    ...(size === undefined || size === 0 ? [] : [`size=${bytesOf(size)}`]),
    ...(mode === undefined || mode === 0 ? [] : [`mode=${mode.toString(8)}`]),
    ...others,
  ])
}

/** `64m` as `mount` reads it; what is no such size stays as it is. */
function bytesOf(size: string | number): string | number {
  const [, number, unit = ''] = /^([0-9]+)([kmg]?)$/i.exec(String(size)) ?? []
  return number === undefined ? size : Number(number) * 1024 ** ' kmg'.indexOf(unit === '' ? ' ' : unit.toLowerCase())
}

function said(what: string, flags: readonly string[]): string {
  return [what, ...[...flags].sort()].join(' ')
}

function isSaid(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === '' || value === 0) return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}
