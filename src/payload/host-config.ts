import type { DeviceSpec, IsolationSpec, NamingSpec, PortSpec, ServiceSpec, TuningSpec } from '../model/index.js'
import { compact, listed } from './compact.js'
import { resolveMode } from './joined.js'
import type { Joined } from './joined.js'
import { mountFields } from './mount-fields.js'

type Fields = Readonly<Record<string, unknown>>

/** The part of `create` that is about the host. */
export function hostConfigFor(spec: ServiceSpec, container: string, joined: Joined, hosts: readonly string[]): Fields {
  return compact({
    NetworkMode: resolveMode(spec.networkMode ?? spec.networks[0]?.network ?? 'none', joined),
    RestartPolicy: { Name: spec.restart.condition, MaximumRetryCount: retriesOf(spec) },
    PortBindings: spec.ports.length > 0 ? portBindings(spec.ports) : null,
    ...mountFields(spec.mounts, container),
    NanoCpus: spec.limits.cpus === null ? null : Math.round(spec.limits.cpus * 1e9),
    Memory: spec.limits.memoryBytes,
    MemorySwap: spec.limits.memorySwapBytes,
    MemoryReservation: spec.limits.memoryReservedBytes,
    PidsLimit: spec.limits.pids,
    Init: spec.init,
    ReadonlyRootfs: spec.readOnly ? true : null,
    CapAdd: listed(spec.capAdd),
    CapDrop: listed(spec.capDrop),
    Ulimits: listed(spec.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard }))),
    Sysctls: Object.keys(spec.sysctls).length > 0 ? spec.sysctls : null,
    ExtraHosts: listed(hosts),
    LogConfig: spec.logging === null ? null : compact({ Type: spec.logging.driver, Config: spec.logging.options }),
    ...tuningFields(spec.tuning ?? {}),
    ...isolationFields(spec.isolation ?? {}, joined),
    ...deviceFields(spec.devices ?? {}),
    ...namingFields(spec.naming ?? {}),
    VolumesFrom: spec.execution?.volumesFrom,
    Runtime: spec.execution?.runtime,
    Annotations: spec.execution?.annotations,
  })
}

function tuningFields(tuning: TuningSpec): Fields {
  const { blkioConfig = {} } = tuning
  return {
    CpuCount: tuning.cpuCount,
    CpuPercent: tuning.cpuPercent,
    CpuPeriod: tuning.cpuPeriod,
    CpuQuota: tuning.cpuQuota,
    CpuRealtimePeriod: tuning.cpuRtPeriod,
    CpuRealtimeRuntime: tuning.cpuRtRuntime,
    CpuShares: tuning.cpuShares,
    CpusetCpus: tuning.cpuset,
    MemorySwappiness: tuning.memSwappiness,
    OomKillDisable: tuning.oomKillDisable,
    OomScoreAdj: tuning.oomScoreAdj,
    ShmSize: tuning.shmSize,
    StorageOpt: tuning.storageOpt,
    BlkioWeight: blkioConfig.weight,
    BlkioWeightDevice: perDevice(blkioConfig.weightDevice, 'Weight'),
    BlkioDeviceReadBps: perDevice(blkioConfig.deviceReadBps, 'Rate'),
    BlkioDeviceReadIOps: perDevice(blkioConfig.deviceReadIops, 'Rate'),
    BlkioDeviceWriteBps: perDevice(blkioConfig.deviceWriteBps, 'Rate'),
    BlkioDeviceWriteIOps: perDevice(blkioConfig.deviceWriteIops, 'Rate'),
  }
}

function perDevice(values: Readonly<Record<string, number>> | undefined, unit: 'Weight' | 'Rate'): unknown {
  return values && Object.entries(values).map(([Path, value]) => ({ Path, [unit]: value }))
}

/** The engine's own API knows no `systempaths`: it is told that no path is masked. */
const UNMASKED = 'systempaths=unconfined'

function isolationFields(isolation: IsolationSpec, joined: Joined): Fields {
  const mode = (text: string | undefined) => (text === undefined ? undefined : resolveMode(text, joined))
  const { securityOpt } = isolation
  const isUnmasked = securityOpt?.includes(UNMASKED) === true
  return {
    IpcMode: mode(isolation.ipc),
    PidMode: mode(isolation.pid),
    UTSMode: isolation.uts,
    CgroupnsMode: isolation.cgroup,
    CgroupParent: isolation.cgroupParent,
    UsernsMode: isolation.usernsMode,
    Isolation: isolation.isolation,
    Privileged: isolation.privileged,
    SecurityOpt: securityOpt && listed(securityOpt.filter((option) => option !== UNMASKED)),
    MaskedPaths: isUnmasked ? [] : null,
    ReadonlyPaths: isUnmasked ? [] : null,
    GroupAdd: isolation.groupAdd,
  }
}

function deviceFields(spec: DeviceSpec): Fields {
  return {
    Devices: spec.devices?.map(({ source, target, permissions }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: permissions,
    })),
    DeviceCgroupRules: spec.deviceCgroupRules,
    DeviceRequests: spec.deviceRequests?.map(({ driver, count, deviceIds, capabilities, options }) =>
      compact({
        Driver: driver,
        Count: count,
        DeviceIDs: listed(deviceIds),
        Capabilities: capabilities,
        Options: options,
      }),
    ),
  }
}

function namingFields(naming: NamingSpec): Fields {
  return { Dns: naming.dns, DnsSearch: naming.dnsSearch, DnsOptions: naming.dnsOpt }
}

export function portKey(port: PortSpec): string {
  return `${port.target}/${port.protocol}`
}

function retriesOf(spec: ServiceSpec): number {
  return spec.restart.condition === 'on-failure' ? spec.restart.maxAttempts : 0
}

function portBindings(ports: readonly PortSpec[]): Readonly<Record<string, unknown[]>> {
  const bindings: Record<string, unknown[]> = {}
  for (const port of ports) {
    const binding = { HostIp: port.hostIp, HostPort: port.published === null ? '' : String(port.published) }
    bindings[portKey(port)] = [...(bindings[portKey(port)] ?? []), binding]
  }
  return bindings
}
