/** What a key of a service adds to the body of `create`, as far as it differs from that of a service with an image only. */
export interface Row {
  readonly key: string
  readonly yaml: string
  readonly payload: Readonly<Record<string, unknown>>
  /** Files beside the Compose file. */
  readonly files?: Readonly<Record<string, string>>
  /** What else the Compose file says. */
  readonly top?: string
  /** Of the engine; 45 where nothing is said. */
  readonly api?: number
}

const MIB = 1024 * 1024

function host(key: string, yaml: string, fields: Readonly<Record<string, unknown>>, rest: Partial<Row> = {}): Row {
  return { key, yaml, payload: { HostConfig: fields }, ...rest }
}

function endpoint(key: string, fields: Readonly<Record<string, unknown>>, rest: Partial<Row> = {}): Row {
  const [name = ''] = key.split('.').slice(-1)
  return {
    key,
    yaml: `networks: { default: { ${name}: ${rest.yaml} } }`,
    payload: { NetworkingConfig: { EndpointsConfig: { shop_default: { Aliases: ['web'], ...fields } } } },
    ...(rest.api === undefined ? {} : { api: rest.api }),
  }
}

const OTHER = '  db: { image: postgres:16 }\n'

export const ROWS: readonly Row[] = [
  host('cpu_count', 'cpu_count: 2', { CpuCount: 2 }),
  host('cpu_percent', 'cpu_percent: 50', { CpuPercent: 50 }),
  host('cpu_period', 'cpu_period: 25ms', { CpuPeriod: 25_000 }),
  host('cpu_quota', 'cpu_quota: 12500', { CpuQuota: 12_500 }),
  host('cpu_rt_period', 'cpu_rt_period: 1400us', { CpuRealtimePeriod: 1_400 }),
  host('cpu_rt_runtime', 'cpu_rt_runtime: 400us', { CpuRealtimeRuntime: 400 }),
  host('cpu_shares', 'cpu_shares: 512', { CpuShares: 512 }),
  host('cpus', 'cpus: 0.5', { NanoCpus: 5e8 }),
  host('cpuset', 'cpuset: 0-1,3', { CpusetCpus: '0-1,3' }),
  host('mem_limit', 'mem_limit: 64m', { Memory: 64 * MIB }),
  host('mem_reservation', 'mem_reservation: 32m', { MemoryReservation: 32 * MIB }),
  host('mem_swappiness', 'mem_swappiness: 0', { MemorySwappiness: 0 }),
  host('memswap_limit', 'mem_limit: 64m\nmemswap_limit: 96m', { Memory: 64 * MIB, MemorySwap: 96 * MIB }),
  host('memswap_limit', 'mem_limit: 64m\nmemswap_limit: -1', { Memory: 64 * MIB, MemorySwap: -1 }),
  host('oom_kill_disable', 'oom_kill_disable: true', { OomKillDisable: true }),
  host('oom_score_adj', 'oom_score_adj: -500', { OomScoreAdj: -500 }),
  host('pids_limit', 'pids_limit: 100', { PidsLimit: 100 }),
  host('shm_size', 'shm_size: 128m', { ShmSize: 128 * MIB }),
  host('storage_opt', 'storage_opt: { size: 1G }', { StorageOpt: { size: '1G' } }),
  host(
    'blkio_config',
    'blkio_config: { weight: 300, weight_device: [{ path: /dev/sda, weight: 400 }], device_read_bps: [{ path: /dev/sda, rate: 1mb }], device_read_iops: [{ path: /dev/sda, rate: 120 }], device_write_bps: [{ path: /dev/sda, rate: 1024k }], device_write_iops: [{ path: /dev/sda, rate: 30 }] }',
    {
      BlkioWeight: 300,
      BlkioWeightDevice: [{ Path: '/dev/sda', Weight: 400 }],
      BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: MIB }],
      BlkioDeviceReadIOps: [{ Path: '/dev/sda', Rate: 120 }],
      BlkioDeviceWriteBps: [{ Path: '/dev/sda', Rate: MIB }],
      BlkioDeviceWriteIOps: [{ Path: '/dev/sda', Rate: 30 }],
    },
  ),
  host('deploy.resources.limits.cpus', 'deploy: { resources: { limits: { cpus: "0.25" } } }', { NanoCpus: 2.5e8 }),
  host('deploy.resources.limits.memory', 'deploy: { resources: { limits: { memory: 50M } } }', { Memory: 50 * MIB }),
  host('deploy.resources.limits.pids', 'deploy: { resources: { limits: { pids: 1 } } }', { PidsLimit: 1 }),
  host('deploy.resources.reservations.memory', 'deploy: { resources: { reservations: { memory: 20M } } }', {
    MemoryReservation: 20 * MIB,
  }),
  host(
    'deploy.resources.reservations.devices',
    'deploy: { resources: { reservations: { devices: [{ capabilities: [nvidia-compute, gpu], driver: nvidia, count: 2, options: { a: b } }] } } }',
    {
      DeviceRequests: [{ Driver: 'nvidia', Count: 2, Capabilities: [['gpu', 'nvidia-compute']], Options: { a: 'b' } }],
    },
  ),
  host('gpus', 'gpus: all', { DeviceRequests: [{ Driver: '', Count: -1, Capabilities: [['gpu']], Options: {} }] }),
  host('gpus', 'gpus: [{ driver: x, device_ids: ["3"] }]', {
    DeviceRequests: [{ Driver: 'x', Count: 0, DeviceIDs: ['3'], Capabilities: [['gpu']], Options: {} }],
  }),
  host(
    'devices',
    'devices: ["/dev/fuse", "/dev/null:/dev/nix:r", { source: /dev/zero, target: /dev/nul, permissions: rw }]',
    {
      Devices: [
        { PathOnHost: '/dev/fuse', PathInContainer: '/dev/fuse', CgroupPermissions: 'rwm' },
        { PathOnHost: '/dev/null', PathInContainer: '/dev/nix', CgroupPermissions: 'r' },
        { PathOnHost: '/dev/zero', PathInContainer: '/dev/nul', CgroupPermissions: 'rw' },
      ],
    },
  ),
  host('devices.cdi', 'devices: ["vendor.com/gpu=all"]', {
    DeviceRequests: [{ Driver: 'cdi', Count: 0, DeviceIDs: ['vendor.com/gpu=all'], Capabilities: [], Options: {} }],
  }),
  host('device_cgroup_rules', 'device_cgroup_rules: ["c 189:* rmw"]', { DeviceCgroupRules: ['c 189:* rmw'] }),
  host('ipc', 'ipc: shareable', { IpcMode: 'shareable' }),
  host('ipc', 'ipc: service:db', { IpcMode: 'container:id-of-db' }, { top: OTHER }),
  host('pid', 'pid: host', { PidMode: 'host' }),
  host('pid', 'pid: service:db', { PidMode: 'container:id-of-db' }, { top: OTHER }),
  host('pid', 'pid: container:other', { PidMode: 'container:other' }),
  host('uts', 'uts: host', { UTSMode: 'host' }),
  host('cgroup', 'cgroup: private', { CgroupnsMode: 'private' }),
  host('cgroup_parent', 'cgroup_parent: /shop', { CgroupParent: '/shop' }),
  host('userns_mode', 'userns_mode: host', { UsernsMode: 'host' }),
  host('isolation', 'isolation: default', { Isolation: 'default' }),
  host('privileged', 'privileged: true', { Privileged: true }),
  { key: 'privileged', yaml: 'privileged: false', payload: {} },
  host('security_opt', 'security_opt: ["apparmor:docker-default", "no-new-privileges:true"]', {
    SecurityOpt: ['apparmor=docker-default', 'no-new-privileges=true'],
  }),
  host(
    'security_opt',
    'security_opt: ["seccomp:./profile.json"]',
    { SecurityOpt: ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}'] },
    { files: { 'profile.json': '{\n "defaultAction": "SCMP_ACT_ALLOW" }' } },
  ),
  host('security_opt', 'security_opt: [systempaths=unconfined]', { MaskedPaths: [], ReadonlyPaths: [] }),
  host('credential_spec', 'credential_spec: { file: my.json }', { SecurityOpt: ['credentialspec=file://my.json'] }),
  host(
    'credential_spec',
    'credential_spec: { config: spec }',
    { SecurityOpt: ['credentialspec=raw://{}'] },
    { top: 'configs: { spec: { content: "{}" } }\n' },
  ),
  host('cap_add', 'cap_add: [NET_ADMIN]', { CapAdd: ['NET_ADMIN'] }),
  host('cap_drop', 'cap_drop: [ALL]', { CapDrop: ['ALL'] }),
  host('group_add', 'group_add: [mail, 1001]', { GroupAdd: ['1001', 'mail'] }),
  host('ulimits', 'ulimits: { nproc: 5 }', { Ulimits: [{ Name: 'nproc', Soft: 5, Hard: 5 }] }),
  host('sysctls', 'sysctls: { net.core.somaxconn: 1024 }', { Sysctls: { 'net.core.somaxconn': '1024' } }),
  host('read_only', 'read_only: true', { ReadonlyRootfs: true }),
  host('init', 'init: true', { Init: true }),
  host('dns', 'dns: 9.9.9.9', { Dns: ['9.9.9.9'] }),
  host('dns', 'dns: [9.9.9.9, 1.1.1.1]', { Dns: ['9.9.9.9', '1.1.1.1'] }),
  host('dns_search', 'dns_search: example.com', { DnsSearch: ['example.com'] }),
  host('dns_opt', 'dns_opt: [use-vc]', { DnsOptions: ['use-vc'] }),
  host('extra_hosts', 'extra_hosts: ["db:10.0.0.5"]', { ExtraHosts: ['db:10.0.0.5'] }),
  { key: 'domainname', yaml: 'domainname: example.com', payload: { Domainname: 'example.com' } },
  { key: 'hostname', yaml: 'hostname: box', payload: { Hostname: 'box' } },
  {
    key: 'mac_address',
    yaml: 'mac_address: 02:42:ac:11:00:01',
    payload: {
      NetworkingConfig: { EndpointsConfig: { shop_default: { Aliases: ['web'], MacAddress: '02:42:ac:11:00:01' } } },
    },
  },
  { key: 'mac_address', yaml: 'mac_address: 02:42:ac:11:00:01', api: 43, payload: { MacAddress: '02:42:ac:11:00:01' } },
  {
    key: 'links',
    yaml: 'links: [db, "db:database"]',
    top: OTHER,
    payload: { NetworkingConfig: { EndpointsConfig: { shop_default: { Aliases: ['web'], Links: ['db:database'] } } } },
  },
  {
    key: 'external_links',
    yaml: 'external_links: ["legacy_db:old"]',
    payload: {
      NetworkingConfig: { EndpointsConfig: { shop_default: { Aliases: ['web'], Links: ['legacy_db:old'] } } },
    },
  },
  {
    key: 'expose',
    yaml: 'expose: [3000, "8000-8001/udp"]',
    payload: { ExposedPorts: { '3000/tcp': {}, '8000/udp': {}, '8001/udp': {} } },
  },
  {
    key: 'ports',
    yaml: 'ports: ["127.0.0.1:8080:80"]',
    payload: {
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] } },
    },
  },
  host('runtime', 'runtime: runc', { Runtime: 'runc' }),
  host('annotations', 'annotations: { com.example.a: b }', { Annotations: { 'com.example.a': 'b' } }),
  { key: 'tty', yaml: 'tty: true', payload: { Tty: true } },
  { key: 'stdin_open', yaml: 'stdin_open: true', payload: { OpenStdin: true } },
  { key: 'command', yaml: 'command: ["a", "b"]', payload: { Cmd: ['a', 'b'] } },
  { key: 'entrypoint', yaml: 'entrypoint: ["a"]', payload: { Entrypoint: ['a'] } },
  { key: 'environment', yaml: 'environment: { A: b }', payload: { Env: ['A=b'] } },
  {
    key: 'env_file',
    yaml: 'env_file: [{ path: a.env, required: false }, { path: b.env, format: raw }, { path: none.env, required: false }]',
    files: { 'a.env': 'A="b"\n', 'b.env': 'B="c"\n' },
    payload: { Env: ['A=b', 'B="c"'] },
  },
  { key: 'user', yaml: 'user: "33:33"', payload: { User: '33:33' } },
  { key: 'working_dir', yaml: 'working_dir: /srv', payload: { WorkingDir: '/srv' } },
  { key: 'stop_signal', yaml: 'stop_signal: SIGQUIT', payload: { StopSignal: 'SIGQUIT' } },
  { key: 'stop_grace_period', yaml: 'stop_grace_period: 1m', payload: { StopTimeout: 60 } },
  host('restart', 'restart: always', { RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } }),
  host('deploy.restart_policy', 'deploy: { restart_policy: { condition: on-failure, max_attempts: 3 } }', {
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
  }),
  host('logging', 'logging: { driver: json-file, options: { max-size: 1m } }', {
    LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
  }),
  {
    key: 'healthcheck',
    yaml: 'healthcheck: { test: ["CMD", "true"], interval: 2s, timeout: 1s, retries: 2, start_period: 3s, start_interval: 500ms }',
    payload: {
      Healthcheck: {
        Test: ['CMD', 'true'],
        Interval: 2e9,
        Timeout: 1e9,
        Retries: 2,
        StartPeriod: 3e9,
        StartInterval: 5e8,
      },
    },
  },
  host('network_mode', 'network_mode: host', { NetworkMode: 'host' }),
  host('network_mode', 'network_mode: none', { NetworkMode: 'none' }),
  host('network_mode', 'network_mode: bridge', { NetworkMode: 'bridge' }),
  {
    key: 'network_mode',
    yaml: 'network_mode: bridge\nports: ["8080:80"]',
    payload: {
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { NetworkMode: 'bridge', PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } },
    },
  },
  host('network_mode', 'network_mode: service:db', { NetworkMode: 'container:id-of-db' }, { top: OTHER }),
  host('network_mode', 'network_mode: container:vpn', { NetworkMode: 'container:vpn' }),
  endpoint('networks.ipv4_address', { IPAMConfig: { IPv4Address: '172.28.0.9' } }, { yaml: '172.28.0.9' }),
  endpoint('networks.ipv6_address', { IPAMConfig: { IPv6Address: '2001:db8::9' } }, { yaml: '"2001:db8::9"' }),
  endpoint('networks.link_local_ips', { IPAMConfig: { LinkLocalIPs: ['169.254.8.8'] } }, { yaml: '[169.254.8.8]' }),
  endpoint('networks.mac_address', { MacAddress: '02:42:ac:11:00:02' }, { yaml: '02:42:ac:11:00:02' }),
  endpoint('networks.driver_opts', { DriverOpts: { a: 'b' } }, { yaml: '{ a: b }' }),
  endpoint(
    'networks.interface_name',
    { DriverOpts: { 'com.docker.network.endpoint.ifname': 'eth9' } },
    { yaml: 'eth9' },
  ),
  endpoint('networks.gw_priority', { GwPriority: 7 }, { yaml: '7', api: 48 }),
  {
    key: 'container_name',
    yaml: 'container_name: shop-front',
    payload: { NetworkingConfig: { EndpointsConfig: { shop_default: { Aliases: ['web', 'shop-front'] } } } },
  },
  endpoint('networks.aliases', { Aliases: ['web', 'www'] }, { yaml: '[www]' }),
  {
    key: 'networks.priority',
    yaml: 'networks: { a: { priority: 1 }, b: { priority: 2 }, c: }',
    top: 'networks: { a: , b: , c: }\n',
    payload: {
      HostConfig: { NetworkMode: 'shop_b' },
      NetworkingConfig: {
        EndpointsConfig: { shop_b: { Aliases: ['web'] }, shop_a: { Aliases: ['web'] }, shop_c: { Aliases: ['web'] } },
      },
    },
  },
  host(
    'volumes',
    'volumes: ["data:/data:ro,nocopy"]',
    {
      Mounts: [
        { Type: 'volume', Source: 'shop_data', Target: '/data', ReadOnly: true, VolumeOptions: { NoCopy: true } },
      ],
    },
    { top: 'volumes: { data: }\n' },
  ),
  host('volumes.image', 'volumes: [{ type: image, source: site:2, target: /www, read_only: true }]', {
    Mounts: [{ Type: 'image', Source: 'site:2', Target: '/www', ReadOnly: true }],
  }),
  host('volumes.image.subpath', 'volumes: [{ type: image, source: site:2, target: /www, image: { subpath: a/b } }]', {
    Mounts: [{ Type: 'image', Source: 'site:2', Target: '/www', ReadOnly: false, ImageOptions: { Subpath: 'a/b' } }],
  }),
  host(
    'volumes.volume.subpath',
    'volumes: [{ type: volume, source: data, target: /data, volume: { subpath: a/b } }]',
    {
      Mounts: [
        {
          Type: 'volume',
          Source: 'shop_data',
          Target: '/data',
          ReadOnly: false,
          VolumeOptions: { NoCopy: false, Subpath: 'a/b' },
        },
      ],
    },
    { top: 'volumes: { data: }\n' },
  ),
  host(
    'volumes',
    'volumes: ["./conf:/etc/app:ro", { type: bind, source: ./state, target: /state }]',
    {
      Mounts: [
        { Type: 'volume', Source: 'NAME-files-1', Target: '/etc/app', ReadOnly: true, VolumeOptions: { NoCopy: true } },
        { Type: 'volume', Source: 'NAME-files-2', Target: '/state', ReadOnly: false, VolumeOptions: { NoCopy: true } },
      ],
    },
    { files: { 'conf/a/b.conf': 'x', 'state/c': 'y' } },
  ),
  host('volumes', 'volumes: ["/srv/in:/in:ro,rslave"]', { Binds: ['/srv/in:/in:ro,rslave'] }),
  host('volumes.bind.selinux', 'volumes: ["/srv/in:/in:Z"]', { Binds: ['/srv/in:/in:rw,Z'] }),
  host(
    'volumes.bind',
    'volumes: [{ type: bind, source: /srv/a, target: /a, bind: { create_host_path: false, propagation: rshared, selinux: z } }]',
    { Binds: ['/srv/a:/a:rw,z,rshared'] },
  ),
  host(
    'volumes.bind.create_host_path',
    'volumes: [{ type: bind, source: /srv/a, target: /a, bind: { create_host_path: false } }]',
    { Mounts: [{ Type: 'bind', Source: '/srv/a', Target: '/a', ReadOnly: false }] },
  ),
  host(
    'volumes.bind.recursive',
    'volumes: [{ type: bind, source: /srv/a, target: /a, read_only: true, bind: { recursive: readonly, propagation: rprivate } }]',
    {
      Mounts: [
        {
          Type: 'bind',
          Source: '/srv/a',
          Target: '/a',
          ReadOnly: true,
          BindOptions: { Propagation: 'rprivate', ReadOnlyForceRecursive: true, CreateMountpoint: true },
        },
      ],
    },
  ),
  host('volumes.tmpfs', 'volumes: [{ type: tmpfs, target: /t, tmpfs: { size: 1m, mode: 01777 } }]', {
    Mounts: [{ Type: 'tmpfs', Target: '/t', ReadOnly: false, TmpfsOptions: { SizeBytes: MIB, Mode: 0o1777 } }],
  }),
  host('tmpfs', 'tmpfs: /run', { Mounts: [{ Type: 'tmpfs', Target: '/run', ReadOnly: false, TmpfsOptions: {} }] }),
  host('tmpfs', 'tmpfs: ["/run:size=1m,mode=755,uid=33,noexec"]', {
    Tmpfs: { '/run': `size=${MIB},mode=755,uid=33,noexec` },
  }),
  { key: 'labels', yaml: 'labels: { a: b }', payload: { Labels: { a: 'b' } } },
  {
    key: 'post_start',
    yaml: 'post_start: [{ command: ./warm up, user: root, working_dir: /app, privileged: true, environment: [A=b] }]',
    payload: {
      Labels: {
        'slipway.hooks':
          '{"postStart":[{"command":["./warm","up"],"environment":{"A":"b"},"privileged":true,"user":"root","workingDir":"/app"}]}',
      },
    },
  },
  {
    key: 'pre_stop',
    yaml: 'pre_stop: [{ command: [a] }, { command: [b, c d] }]',
    payload: { Labels: { 'slipway.hooks': '{"preStop":[{"command":["a"]},{"command":["b","c d"]}]}' } },
  },
  {
    key: 'label_file',
    yaml: 'label_file: [./a.labels, b.labels]\nlabels: { c: mine }',
    files: { 'a.labels': 'a=1\nc=theirs\n', 'b.labels': 'a="2"\n' },
    payload: { Labels: { a: '2', c: 'mine' } },
  },
  host(
    'volumes_from',
    'volumes_from: ["db:ro", "container:old:ro"]',
    { Binds: ['/srv/x:/x:ro'], VolumesFrom: ['old:ro'] },
    { top: '  db: { image: postgres:16, volumes: ["/srv/x:/x"], tmpfs: /tmp }\n' },
  ),
  host('use_api_socket', 'use_api_socket: true', {
    Mounts: [{ Type: 'bind', Source: '/var/run/docker.sock', Target: '/var/run/docker.sock', ReadOnly: false }],
  }),
  { key: 'image', yaml: 'image: busybox:1.37', payload: { Image: 'busybox:1.37' } },
]
