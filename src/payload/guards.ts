import { GUARD_DEFAULTS, LABELS } from '../model/index.js'
import type { GuardName, Guards, HookSpec, ServiceSpec, VolumeSpec } from '../model/index.js'
import type { CreatePayload } from './create-payload.js'
import type { Joined } from './joined.js'
import { holdsSocket, isHarmlessDevice, isSocket, isSystemPath } from './host-paths.js'

/** What a guard keeps, in the words of a refusal: "privileged: true lifts every wall …". */
interface GuardRule {
  readonly isAllowed: boolean
  readonly gives: string
}

/** By default Compose files run as people know them, but for what gives the server away. */
export const GUARDS: Readonly<Record<GuardName, GuardRule>> = Object.freeze({
  absolute_binds: { isAllowed: true, gives: 'gives the container a folder of the server' },
  cap_add: { isAllowed: false, gives: 'is a way out of the container to root on the server' },
  devices: { isAllowed: false, gives: 'gives the container a device of the server' },
  docker_socket: { isAllowed: false, gives: 'lets the container rule the engine, and with it the server' },
  foreign_containers: {
    isAllowed: false,
    gives: 'enters a container that is not of this stack, with what that one may do',
  },
  host_cgroup: { isAllowed: false, gives: 'shows the container the control groups of the whole server' },
  host_ipc: { isAllowed: false, gives: "shares the memory of the server's processes" },
  host_network: { isAllowed: true, gives: 'gives the container the network of the server' },
  host_pid: { isAllowed: false, gives: 'shows the container every process of the server' },
  host_userns: { isAllowed: false, gives: 'makes root in the container root on the server' },
  host_uts: { isAllowed: false, gives: 'gives the container the name of the server' },
  privileged: { isAllowed: false, gives: 'lifts every wall between the container and the server' },
  security_opt: { isAllowed: false, gives: 'weakens the walls between the container and the server' },
  system_binds: { isAllowed: false, gives: "gives the container a part of the server's own system" },
})

/** Something a manifest asks for that a guard may refuse. `key` is Compose's key, `detail` what stands there. */
export interface Ask {
  readonly guard: GuardName
  readonly key: string
  readonly detail: string
}

/**
 * Whether a service may ask for something that a guard could refuse: most ask for nothing, and need no body of `create` to see that. A test holds it
 * to every key. It saves a look at manifests only; before each call the body itself is asked.
 */
export function mayAsk(spec: ServiceSpec): boolean {
  return (
    spec.networkMode !== null ||
    spec.capAdd.length > 0 ||
    spec.isolation !== undefined ||
    spec.devices !== undefined ||
    spec.hooks !== undefined ||
    spec.execution?.volumesFrom !== undefined ||
    spec.mounts.some(({ kind }) => kind === 'bind')
  )
}

/** What of a container the fleet does not allow. Looks at the body of `create` itself, so there is no other way to say it. */
export function refusedAsks(payload: CreatePayload, guards: Guards | null, joined: Joined = new Map()): readonly Ask[] {
  const host = payload.HostConfig as Host
  const asks = [
    ...modeAsks(host, new Set(joined.values())),
    ...(host.Privileged === true ? [ask('privileged', 'privileged', 'true')] : []),
    ...hookAsks(payload),
    ...capabilityAsks(host),
    ...securityAsks(host),
    ...deviceAsks(host),
    ...bindsOf(host).flatMap((bind) => bindAsks(bind, 'volumes')),
    ...(host.VolumesFrom ?? []).map((from) => ask('foreign_containers', 'volumes_from', from)),
  ]
  return asks.filter(({ guard }) => !isAllowed(guard, guards))
}

/** A local volume can be a folder or disk of the server under another name. */
export function refusedVolumeAsks(volume: VolumeSpec, guards: Guards | null): readonly Ask[] {
  if (volume.external || volume.driver !== 'local') return []
  const { device = '', o = '' } = volume.options
  const layers = o
    .split(',')
    .flatMap((option) => /^(?:lowerdir|upperdir|workdir)=(.*)$/s.exec(option)?.[1]?.split(':') ?? [])
  const paths = [device, ...layers].filter((path) => path.startsWith('/'))
  const readOnly = o.split(',').includes('ro')
  return paths
    .flatMap((source) => bindAsks({ source, readOnly }, 'driver_opts'))
    .filter(({ guard }) => !isAllowed(guard, guards))
}

/** `privileged: true lifts every wall …; to allow it …`. */
export function refusal({ guard, key, detail }: Ask): string {
  return `\`${key}: ${detail}\` ${GUARDS[guard].gives}, which the guard ${guard} refuses; to allow it, write \`guards: { allow: [${guard}] }\` in slipway.yaml`
}

interface Host {
  readonly Privileged?: boolean
  readonly CapAdd?: readonly string[]
  readonly SecurityOpt?: readonly string[]
  readonly MaskedPaths?: readonly string[]
  readonly Devices?: readonly { readonly PathOnHost: string }[]
  readonly DeviceCgroupRules?: readonly string[]
  readonly Binds?: readonly string[]
  readonly Mounts?: readonly { readonly Type: string; readonly Source?: string; readonly ReadOnly?: boolean }[]
  readonly VolumesFrom?: readonly string[]
  readonly NetworkMode?: string
  readonly PidMode?: string
  readonly IpcMode?: string
  readonly UTSMode?: string
  readonly CgroupnsMode?: string
  readonly UsernsMode?: string
}

function ask(guard: GuardName, key: string, detail: string): Ask {
  return { guard, key, detail }
}

/** For what Slipway itself wants, and no manifest said. */
export const ALL_ALLOWED: Guards = Object.freeze({
  ...GUARD_DEFAULTS,
  allow: Object.freeze(Object.keys(GUARDS)) as readonly GuardName[],
})

function isAllowed(guard: GuardName, guards: Guards | null): boolean {
  if (guards?.deny?.includes(guard) === true) return false
  return GUARDS[guard].isAllowed || guards?.allow?.includes(guard) === true
}

/** A command may be privileged in a container that is not. */
function hookAsks({ Labels }: CreatePayload): readonly Ask[] {
  const { postStart, preStop } = JSON.parse(Labels[LABELS.hooks] ?? '{}') as HookSpec
  const asks = (key: string, hooks: HookSpec['postStart'] = []): readonly Ask[] =>
    hooks.some(({ privileged }) => privileged === true) ? [ask('privileged', key, 'privileged')] : []
  return [...asks('post_start', postStart), ...asks('pre_stop', preStop)]
}

const MODES = [
  { field: 'NetworkMode', key: 'network_mode', guard: 'host_network' },
  { field: 'PidMode', key: 'pid', guard: 'host_pid' },
  { field: 'IpcMode', key: 'ipc', guard: 'host_ipc' },
  { field: 'UTSMode', key: 'uts', guard: 'host_uts' },
  { field: 'CgroupnsMode', key: 'cgroup', guard: 'host_cgroup' },
  { field: 'UsernsMode', key: 'userns_mode', guard: 'host_userns' },
] as const

function modeAsks(host: Host, own: ReadonlySet<string>): readonly Ask[] {
  return MODES.flatMap(({ field, key, guard }) => {
    const mode = host[field] ?? ''
    if (mode === 'host') return [ask(guard, key, mode)]
    const isForeign = mode.startsWith('container:') && !own.has(mode.slice('container:'.length))
    return isForeign ? [ask('foreign_containers', key, mode)] : []
  })
}

/** What stays inside of the container's own namespaces, or harms nobody. */
const HARMLESS_CAPABILITIES: ReadonlySet<string> = new Set(
  'AUDIT_WRITE BLOCK_SUSPEND CHOWN DAC_OVERRIDE FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE MKNOD NET_BIND_SERVICE NET_BROADCAST NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT SYS_NICE SYS_PTRACE SYS_RESOURCE SYS_TIME WAKE_ALARM'.split(
    ' ',
  ),
)

/** NET_ADMIN rules a network: the container's own, unless it has none. */
function capabilityAsks(host: Host): readonly Ask[] {
  const ownsNetwork = host.NetworkMode !== 'host' && host.NetworkMode?.startsWith('container:') !== true
  return (host.CapAdd ?? [])
    .filter((name) => !HARMLESS_CAPABILITIES.has(name) && !(name === 'NET_ADMIN' && ownsNetwork))
    .map((name) => ask('cap_add', 'cap_add', name))
}

const HARMLESS_OPTIONS =
  /^(?:no-new-privileges(?:=.*)?|apparmor=docker-default|seccomp=builtin|label=(?!disable$).*|credentialspec=.*)$/s

function securityAsks(host: Host): readonly Ask[] {
  const options = (host.SecurityOpt ?? []).filter((option) => !HARMLESS_OPTIONS.test(option))
  const unmasked = host.MaskedPaths === undefined ? [] : ['systempaths=unconfined']
  return [...options, ...unmasked].map((option) =>
    ask('security_opt', 'security_opt', option.startsWith('seccomp={') ? 'seccomp=(a profile)' : option),
  )
}

/** USB serial lines, cameras, sound, graphics, input. */
const HARMLESS_RULES = /^c (?:13|81|116|166|188|189|195|226):/

function deviceAsks(host: Host): readonly Ask[] {
  const devices = (host.Devices ?? []).map((device) => device.PathOnHost).filter((path) => !isHarmlessDevice(path))
  const rules = (host.DeviceCgroupRules ?? []).filter((rule) => !HARMLESS_RULES.test(rule))
  return [
    ...devices.map((path) => ask('devices', 'devices', path)),
    ...rules.map((rule) => ask('devices', 'device_cgroup_rules', rule)),
  ]
}

interface Bind {
  readonly source: string
  readonly readOnly: boolean
}

function bindsOf(host: Host): readonly Bind[] {
  const texts = (host.Binds ?? []).map((text) => {
    const [source = '', , flags = ''] = text.split(':')
    return { source, readOnly: flags.split(',').includes('ro') }
  })
  const mounts = (host.Mounts ?? []).filter((mount) => mount.Type === 'bind')
  return [...texts, ...mounts.map((mount) => ({ source: mount.Source ?? '', readOnly: mount.ReadOnly === true }))]
}

/** A named volume in text form has no path. */
function bindAsks({ source, readOnly }: Bind, key: string): readonly Ask[] {
  if (!source.startsWith('/')) return []
  if (isSocket(source)) return [ask('docker_socket', key, source)]
  const asks = [
    ...(holdsSocket(source) ? [ask('docker_socket', key, source)] : []),
    ...(isSystemPath(source, readOnly) ? [ask('system_binds', key, source)] : []),
  ]
  return asks.length > 0 ? asks : [ask('absolute_binds', key, source)]
}
