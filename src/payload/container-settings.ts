import { COMPOSE_LABELS, LABELS, canonicalJson } from '../model/index.js'
import { listOf, mapOf, textOf } from './fields.js'
import type { Fields } from './fields.js'
import { mountTexts } from './mount-texts.js'

/** A container in the engine's words, as it was asked for or as it is. Networks by name, as endpoint settings. */
export interface ContainerBody {
  readonly config: Fields
  readonly host: Fields
  readonly networks: Readonly<Record<string, Fields>>
  /** What it is called besides: that counts as aliases, and nobody asked for it. */
  readonly ownNames: readonly string[]
  /** The host name that the engine gave it; null where it was not made yet. */
  readonly givenHostname: string | null
}

/** What an engine does where nothing is said, from its `GET /info`. */
export interface EngineDefaults {
  readonly runtime: string
  readonly logDriver: string
  readonly cgroup: 'host' | 'private'
}

/**
 * Everything that a container was told, by Compose's key, as texts that are equal where the meaning is: what the engine or the image says anyhow is absent.
 * Beside it stand limits and restart policy, which are changed in place, and the image.
 */
export function containerSettings(
  body: ContainerBody,
  image: Fields,
  engine: EngineDefaults,
): ReadonlyMap<string, string> {
  const { config, host } = body
  const imageVolumes = new Set(Object.keys(mapOf(image['Volumes'])))
  return new Map([
    ...configSettings(body, image),
    ...[...mountTexts(config, host, imageVolumes)].map(([target, text]) => [`volumes.${target}`, text] as const),
    ...hostSettings(host, engine),
    ...networkSettings(body),
  ])
}

type Entry = readonly [field: string, text: string]

function configSettings({ config, host, givenHostname }: ContainerBody, image: Fields): readonly Entry[] {
  const isNamed = hasOwnHostname(host) && config['Hostname'] !== givenHostname
  return [
    ...one('command', listOf(config['Cmd'])),
    ...one(
      'entrypoint',
      listOf(config['Entrypoint']).filter((part) => part !== ''),
    ),
    ...each('environment', variables(config['Env'])),
    ...each('labels', ownLabels(mapOf(config['Labels']), mapOf(image['Labels']))),
    ...one('user', config['User']),
    ...one('working_dir', config['WorkingDir']),
    ...one('hostname', isNamed ? config['Hostname'] : null),
    ...one('domainname', config['Domainname']),
    ...one('mac_address', config['MacAddress']),
    ...one('tty', config['Tty']),
    ...one('stdin_open', config['OpenStdin']),
    ...one('expose', exposed(mapOf(config['ExposedPorts']))),
    ...each('healthcheck', healthcheckOf(mapOf(config['Healthcheck']))),
    // A label is where they live, which is of no interest to anybody.
    ...one('post_start and pre_stop', mapOf(config['Labels'])[LABELS.hooks]),
    ...one('stop_signal', config['StopSignal'] === 'SIGTERM' ? null : config['StopSignal']),
    ...one('stop_grace_period', `${Number(config['StopTimeout'] ?? DEFAULT_STOP_SECONDS)}s`),
  ]
}

const DEFAULT_STOP_SECONDS = 10

function healthcheckOf(check: Fields): Fields {
  const time = (field: string): string | null => (isSaid(check[field]) ? `${Number(check[field]) / 1e9}s` : null)
  return {
    test: check['Test'],
    interval: time('Interval'),
    timeout: time('Timeout'),
    retries: check['Retries'],
    start_period: time('StartPeriod'),
    start_interval: time('StartInterval'),
  }
}

function exposed(ports: Fields): readonly string[] {
  return [...new Set(Object.keys(ports).map((port) => (port.includes('/') ? port : `${port}/tcp`)))].sort()
}

/** In a host's or another container's namespaces the engine fills in that one's name. */
function hasOwnHostname(host: Fields): boolean {
  const mode = textOf(host['NetworkMode'])
  return mode !== 'host' && !mode.startsWith('container:') && host['UTSMode'] !== 'host'
}

const OURS: ReadonlySet<string> = new Set(Object.values(LABELS))
const COMPOSE_PREFIX = COMPOSE_LABELS.project.replace(/project$/, '')

/** Neither what Compose and Slipway write for themselves, nor what the image has anyhow. */
function ownLabels(labels: Fields, image: Fields): Fields {
  return Object.fromEntries(
    Object.entries(labels).filter(
      ([name, value]) => !OURS.has(name) && !name.startsWith(COMPOSE_PREFIX) && image[name] !== value,
    ),
  )
}

function variables(env: unknown): Fields {
  return Object.fromEntries(
    listOf(env)
      .map(String)
      .filter((text) => text.includes('='))
      .map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
  )
}

/** Compose's key for each field of the host's part; null: said elsewhere, or only ever the engine's own. */
const HOST_KEYS: Readonly<Record<string, string | null>> = {
  NetworkMode: 'network_mode',
  PortBindings: 'ports',
  ReadonlyRootfs: 'read_only',
  Init: 'init',
  CapAdd: 'cap_add',
  CapDrop: 'cap_drop',
  Ulimits: 'ulimits',
  Sysctls: 'sysctls',
  ExtraHosts: 'extra_hosts',
  LogConfig: 'logging',
  CpuCount: 'cpu_count',
  CpuPercent: 'cpu_percent',
  CpuPeriod: 'cpu_period',
  CpuQuota: 'cpu_quota',
  CpuRealtimePeriod: 'cpu_rt_period',
  CpuRealtimeRuntime: 'cpu_rt_runtime',
  CpuShares: 'cpu_shares',
  CpusetCpus: 'cpuset',
  MemorySwappiness: 'mem_swappiness',
  OomKillDisable: 'oom_kill_disable',
  OomScoreAdj: 'oom_score_adj',
  ShmSize: 'shm_size',
  StorageOpt: 'storage_opt',
  BlkioWeight: 'blkio_config.weight',
  BlkioWeightDevice: 'blkio_config.weight_device',
  BlkioDeviceReadBps: 'blkio_config.device_read_bps',
  BlkioDeviceReadIOps: 'blkio_config.device_read_iops',
  BlkioDeviceWriteBps: 'blkio_config.device_write_bps',
  BlkioDeviceWriteIOps: 'blkio_config.device_write_iops',
  IpcMode: 'ipc',
  PidMode: 'pid',
  UTSMode: 'uts',
  CgroupnsMode: 'cgroup',
  CgroupParent: 'cgroup_parent',
  UsernsMode: 'userns_mode',
  Isolation: 'isolation',
  Privileged: 'privileged',
  SecurityOpt: 'security_opt',
  // No option for the engine, but no masked paths.
  MaskedPaths: 'security_opt.systempaths',
  GroupAdd: 'group_add',
  Devices: 'devices',
  DeviceCgroupRules: 'device_cgroup_rules',
  DeviceRequests: 'gpus',
  Dns: 'dns',
  DnsSearch: 'dns_search',
  DnsOptions: 'dns_opt',
  VolumesFrom: 'volumes_from',
  Runtime: 'runtime',
  Annotations: 'annotations',
  // Beside: in place, mounts, and what no manifest can say.
  NanoCpus: null,
  Memory: null,
  MemorySwap: null,
  MemoryReservation: null,
  PidsLimit: null,
  RestartPolicy: null,
  Binds: null,
  Mounts: null,
  Tmpfs: null,
  ReadonlyPaths: null,
  ConsoleSize: null,
  ContainerIDFile: null,
}

/** What is not known by name is compared as well: an engine of tomorrow may say more. */
function hostSettings(host: Fields, engine: EngineDefaults): readonly Entry[] {
  return Object.entries(host).flatMap(([field, value]) => {
    const key = HOST_KEYS[field]
    if (key === null) return []
    return one(key ?? field, plain(field, value, host, engine))
  })
}

/** A field without what goes without saying, and without an order that says nothing. */
function plain(field: string, value: unknown, host: Fields, engine: EngineDefaults): unknown {
  switch (field) {
    case 'NetworkMode':
      return value === 'default' ? 'bridge' : value
    case 'PortBindings':
      return portsOf(mapOf(value))
    case 'CapAdd':
    case 'CapDrop':
      return listOf(value)
        .map((name) => String(name).replace(/^CAP_/, ''))
        .sort()
    case 'Ulimits':
      return listOf(value).map(canonicalJson).sort()
    case 'ExtraHosts':
      return listOf(value)
        .map((entry) => String(entry).replace('=', ':'))
        .sort()
    case 'GroupAdd':
      return listOf(value).map(String).sort()
    case 'LogConfig':
      return loggingOf(mapOf(value), engine)
    case 'SecurityOpt':
      return listOf(value)
        .map((option) => String(option).replace(':', '='))
        .filter((option) => !isImplied(option, host))
        .sort()
    case 'MaskedPaths':
      return host['Privileged'] !== true && Array.isArray(value) && value.length === 0 ? 'unconfined' : null
    case 'ShmSize':
      return value === DEFAULT_SHM_BYTES ? null : value
    case 'MemorySwappiness':
      return typeof value === 'number' && value !== -1 ? String(value) : null
    case 'IpcMode':
      return value === 'private' ? null : value
    case 'CgroupnsMode':
      return value === engine.cgroup ? null : value
    case 'Isolation':
      return value === 'default' ? null : value
    case 'Runtime':
      return value === engine.runtime ? null : value
    default:
      return value
  }
}

const DEFAULT_SHM_BYTES = 64 * 1024 * 1024

/** The engine itself adds it where it means nothing any more. */
function isImplied(option: string, { Privileged, IpcMode, PidMode }: Fields): boolean {
  return option === 'label=disable' && (Privileged === true || IpcMode === 'host' || PidMode === 'host')
}

/** Options of the engine's own driver are its own unless the manifest names the driver: nobody can tell from outside. */
function loggingOf(logging: Fields, engine: EngineDefaults): unknown {
  const type = logging['Type'] === '' ? undefined : logging['Type']
  const options = mapOf(logging['Config'])
  if ((type ?? engine.logDriver) === engine.logDriver && Object.keys(options).length === 0) return null
  return { driver: type ?? engine.logDriver, options }
}

function portsOf(bindings: Fields): readonly string[] {
  return Object.entries(bindings)
    .flatMap(([port, hosts]) =>
      listOf(hosts).map((one) => {
        const { HostIp, HostPort } = mapOf(one)
        const published = HostPort === '0' ? '' : textOf(HostPort)
        return `${isSaid(HostIp) ? `${textOf(HostIp)}:` : ''}${published}:${port}`
      }),
    )
    .sort()
}

/** Only where it has networks of its own. Addresses that nobody asked for are the engine's. */
function networkSettings({ host, networks, ownNames }: ContainerBody): readonly Entry[] {
  const mode = textOf(host['NetworkMode'])
  if (['host', 'none', 'bridge', 'default'].includes(mode) || mode.startsWith('container:')) return []
  return Object.entries(networks).map(([name, endpoint]) => {
    const aliases = listOf(endpoint['Aliases'])
      .map(String)
      .filter((alias) => !ownNames.includes(alias))
    const said = [
      ...one('aliases', [...new Set(aliases)].sort()),
      ...one('addresses', endpoint['IPAMConfig']),
      ...one('driver_opts', endpoint['DriverOpts']),
      ...one('gw_priority', endpoint['GwPriority']),
      ...one('links', [...listOf(endpoint['Links'])].map(String).sort()),
      ...one('mac_address', endpoint['MacAddress']),
    ]
    return [`networks.${name}`, ['attached', ...said.map((entry) => entry.join(' '))].join(', ')]
  })
}

/** One field, absent where it says nothing. */
function one(field: string, value: unknown): readonly Entry[] {
  return isSaid(value) ? [[field, typeof value === 'string' ? value : canonicalJson(value)]] : []
}

/** An empty variable is one. */
function each(section: string, values: Fields): readonly Entry[] {
  return Object.entries(values).flatMap(([name, value]): readonly Entry[] =>
    typeof value === 'string' ? [[`${section}.${name}`, value]] : one(`${section}.${name}`, value),
  )
}

function isSaid(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === '' || value === 0) return false
  return typeof value !== 'object' || Object.values(value).some((inner) => inner !== null && inner !== '')
}
