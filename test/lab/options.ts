import type { EngineKind } from './downloads.js'

export type LabServerOptions = {
  /** Host name, and name in the fleet. */
  readonly name: string
  /** Default: servers alternate, the first is old. */
  readonly engine?: EngineKind
  /** Handed through to {@link LabServer.labels}; the lab gives them no meaning. */
  readonly labels?: Readonly<Record<string, string>>
  /** Gives the engine a disk of its own (a loop-mounted ext4) of this size; at least 64 MiB. */
  readonly smallDiskBytes?: number
  /** Lines of sshd_config that win over the lab's own, such as `{ AllowStreamLocalForwarding: 'no' }`. */
  readonly sshd?: Readonly<Record<string, string>>
  /** Who logs in. `deploy` is in the group docker and nothing else. Default `deploy`. */
  readonly user?: 'deploy' | 'root'
  /** Merged over the lab's own daemon.json. */
  readonly daemon?: Readonly<Record<string, unknown>>
}

export type LabOptions = {
  /** Short: at most 20 of a–z, 0–9 and `-`. Labs of different names live side by side. Default `lab`. */
  readonly name?: string
  readonly servers?: number | readonly LabServerOptions[]
  /** Engine of every server that names none. Default: old and modern in turn. */
  readonly engine?: EngineKind
  /** Starts the two registries. Default false. */
  readonly registry?: boolean
  /** Starts the Git server inside the calling process. Default false. */
  readonly git?: boolean
  /** Third number of the lab's addresses, 10.213.N.0/24. Default: the first that is free. */
  readonly subnet?: number
  /** Whether the lab outlives the calling process. Default false: the next lab to start clears it away. */
  readonly detached?: boolean
  /** Loads busybox:1.36 into every engine. Default true. */
  readonly loadBusybox?: boolean
  /** Where progress goes. Default: nowhere. */
  readonly say?: (line: string) => void
}

const serverNames = ['lon-1', 'lon-2', 'lon-3', 'ams-1', 'ams-2', 'ams-3', 'fra-1', 'fra-2', 'fra-3', 'nyc-1'] as const

/** The servers as options with a name and an engine each. */
export function planServers(options: LabOptions): readonly (LabServerOptions & { readonly engine: EngineKind })[] {
  const wanted = options.servers ?? 3
  const list = typeof wanted === 'number' ? Array.from({ length: wanted }, (_, i) => ({ name: nameOf(i) })) : wanted
  if (list.length > 50) throw new Error('a lab has at most 50 servers')
  const names = new Set(list.map((server) => server.name))
  if (names.size !== list.length) throw new Error('two servers of the lab have the same name')
  return list.map((server: LabServerOptions, index) => ({
    ...server,
    engine: server.engine ?? options.engine ?? (index % 2 === 0 ? 'old' : 'modern'),
  }))
}

function nameOf(index: number): string {
  return serverNames[index] ?? `srv-${index + 1}`
}
