import type {
  BlkioSpec,
  DeviceSpec,
  ExecutionSpec,
  IsolationSpec,
  NamingSpec,
  TuningSpec,
} from '../../src/model/index.js'
import type { Json, JsonMap } from './docker-compose.js'
import { bytesOf, list, map, numberOf, sortedBy, stringMap, strings, text } from './json.js'

// What Compose prints of the settings that go to the engine nearly as they are. A group that says nothing is absent.

type Rows<T> = { readonly [Field in keyof T]-?: (service: JsonMap) => T[Field] | null | undefined }

const TUNING: Rows<TuningSpec> = {
  cpuCount: (service) => nonZero(service['cpu_count']),
  cpuPercent: (service) => nonZero(service['cpu_percent']),
  cpuPeriod: (service) => nonZero(service['cpu_period']),
  cpuQuota: (service) => nonZero(service['cpu_quota']),
  cpuRtPeriod: (service) => nonZero(service['cpu_rt_period']),
  cpuRtRuntime: (service) => nonZero(service['cpu_rt_runtime']),
  cpuShares: (service) => nonZero(service['cpu_shares']),
  cpuset: (service) => said(service['cpuset']),
  memSwappiness: (service) => numberOf(service['mem_swappiness']),
  oomKillDisable: (service) => isOn(service['oom_kill_disable']),
  oomScoreAdj: (service) => numberOf(service['oom_score_adj']),
  shmSize: (service) => bytesOf(service['shm_size']),
  blkioConfig: (service) => groupOf(BLKIO, map(service['blkio_config'])),
  storageOpt: (service) => nonEmpty(stringMap(service['storage_opt'])),
}

const BLKIO: Rows<BlkioSpec> = {
  weight: (blkio) => nonZero(blkio['weight']),
  weightDevice: (blkio) => perDevice(blkio['weight_device'], 'weight'),
  deviceReadBps: (blkio) => perDevice(blkio['device_read_bps'], 'rate'),
  deviceReadIops: (blkio) => perDevice(blkio['device_read_iops'], 'rate'),
  deviceWriteBps: (blkio) => perDevice(blkio['device_write_bps'], 'rate'),
  deviceWriteIops: (blkio) => perDevice(blkio['device_write_iops'], 'rate'),
}

const ISOLATION: Rows<IsolationSpec> = {
  ipc: (service) => said(service['ipc']),
  pid: (service) => said(service['pid']),
  uts: (service) => said(service['uts']),
  cgroup: (service) => said(service['cgroup']),
  cgroupParent: (service) => said(service['cgroup_parent']),
  usernsMode: (service) => said(service['userns_mode']),
  isolation: (service) => said(service['isolation']),
  privileged: (service) => isOn(service['privileged']),
  securityOpt: (service) =>
    nonEmptyList([
      ...(sortedTexts(service['security_opt']) ?? []).map((option) => option.replace(/^([a-z]+):/, '$1=')),
      ...Object.entries(map(service['credential_spec'])).map(
        ([kind, value]) => `credentialspec=${kind}://${text(value)}`,
      ),
    ]),
  groupAdd: (service) => sortedTexts(service['group_add']),
}

const DEVICES: Rows<DeviceSpec> = {
  devices: (service) =>
    nonEmptyList(
      sortedBy(
        list(service['devices'])
          .map(map)
          .filter((device) => !isCdi(device))
          .map((device) => ({
            source: text(device['source']),
            target: text(device['target']),
            permissions: text(device['permissions'] ?? 'rwm'),
          })),
        ({ target }) => target,
      ),
    ),
  deviceCgroupRules: (service) => sortedTexts(service['device_cgroup_rules']),
  deviceRequests: (service) =>
    nonEmptyList([
      ...list(service['gpus']).map((gpu) => requestOf(map(gpu), ['gpu'])),
      ...list(map(map(map(service['deploy'])['resources'])['reservations'])['devices']).map((one) =>
        requestOf(map(one), []),
      ),
      ...list(service['devices'])
        .map(map)
        .filter(isCdi)
        .map((device) => ({
          driver: 'cdi',
          count: 0,
          deviceIds: [text(device['source'])],
          capabilities: [],
          options: {},
        })),
    ]),
}

/** `vendor.com/class=name` is no path: the engine asks its Container Device Interface for it. */
function isCdi(device: JsonMap): boolean {
  return /^[^/]+\/[^/]+=/.test(text(device['source']))
}

function requestOf(request: JsonMap, wanted: readonly string[]): NonNullable<DeviceSpec['deviceRequests']>[number] {
  const deviceIds = strings(request['device_ids'])
  const count = request['count']
  return {
    driver: text(request['driver'] ?? ''),
    count: count === undefined ? (deviceIds.length > 0 ? 0 : -1) : count === 'all' ? -1 : Number(text(count)),
    deviceIds,
    capabilities: [[...new Set([...strings(request['capabilities']), ...wanted])].sort()],
    options: stringMap(request['options']),
  }
}

const NAMING: Rows<NamingSpec> = {
  dns: (service) => texts(service['dns']),
  dnsSearch: (service) => texts(service['dns_search']),
  dnsOpt: (service) => texts(service['dns_opt']),
  domainname: (service) => said(service['domainname']),
  macAddress: (service) => said(service['mac_address']),
  links: (service) => {
    const links = [
      ...strings(service['links']).filter((link) => link.includes(':')),
      ...strings(service['external_links']),
    ]
    const pairs = links.map((link) => (link.includes(':') ? link : `${link}:${link}`))
    return nonEmptyList([...new Set(pairs)].sort())
  },
  expose: (service) =>
    nonEmptyList(
      [
        ...new Set(
          strings(service['expose'])
            .map((port) => (port.includes('/') ? port : `${port}/tcp`))
            .flatMap(portsOfRange),
        ),
      ].sort(),
    ),
}

function portsOfRange(port: string): readonly string[] {
  const [, first, last, protocol] = /^(\d+)-(\d+)\/(\w+)$/.exec(port) ?? []
  if (first === undefined) return [port]
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, at) => `${Number(first) + at}/${protocol}`)
}

const EXECUTION: Rows<ExecutionSpec> = {
  runtime: (service) => said(service['runtime']),
  platform: (service) => said(service['platform']),
  annotations: (service) => nonEmpty(stringMap(service['annotations'])),
  tty: (service) => isOn(service['tty']),
  stdinOpen: (service) => isOn(service['stdin_open']),
  volumesFrom: (service) =>
    nonEmptyList(
      strings(service['volumes_from'])
        .filter((one) => one.startsWith('container:'))
        .map((one) => one.slice('container:'.length)),
    ),
}

/** One reading a group of the model. */
export const ENGINE_GROUPS = {
  tuning: (service: JsonMap) => groupOf(TUNING, service),
  isolation: (service: JsonMap) => groupOf(ISOLATION, service),
  devices: (service: JsonMap) => groupOf(DEVICES, service),
  naming: (service: JsonMap) => groupOf(NAMING, service),
  execution: (service: JsonMap) => groupOf(EXECUTION, service),
}

function groupOf<T>(rows: Rows<T>, service: JsonMap): T | undefined {
  const read = Object.entries(rows) as readonly [string, (service: JsonMap) => unknown][]
  const fields = read.map(([field, value]) => [field, value(service)] as const)
  const found = fields.filter(([, value]) => value !== undefined && value !== null)
  return found.length === 0 ? undefined : (Object.fromEntries(found) as T)
}

function said(json: Json | undefined): string | undefined {
  return json === undefined || json === '' ? undefined : text(json)
}

function nonZero(json: Json | undefined): number | undefined {
  return numberOf(json) || undefined
}

function isOn(json: Json | undefined): true | undefined {
  return json === true ? true : undefined
}

function texts(json: Json | undefined): readonly string[] | undefined {
  return nonEmptyList([...new Set(strings(json))])
}

function sortedTexts(json: Json | undefined): readonly string[] | undefined {
  return nonEmptyList([...new Set(strings(json))].sort())
}

function nonEmptyList<T>(values: readonly T[]): readonly T[] | undefined {
  return values.length === 0 ? undefined : values
}

function nonEmpty<T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> | undefined {
  return Object.keys(record).length === 0 ? undefined : record
}

function perDevice(json: Json | undefined, key: string): Readonly<Record<string, number>> | undefined {
  // Compose prints these as Go calls them: `Path`, `Rate`.
  const lower = (item: Json): JsonMap =>
    Object.fromEntries(Object.entries(map(item)).map(([name, value]) => [name.toLowerCase(), value]))
  const pairs = list(json)
    .map(lower)
    .map((item) => [text(item['path']), Number(text(item[key]))] as const)
  return nonEmpty(Object.fromEntries(pairs))
}
