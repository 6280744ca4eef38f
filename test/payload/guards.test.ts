import { describe, expect, it } from 'vitest'
import type { GuardName } from '../../src/model/index.js'
import { GUARDS } from '../../src/payload/index.js'
import { FLEET, composeWith, entryOf } from '../manifest/repository.js'

/** The guards that refuse these lines of a service, under what slipway.yaml says of guards. */
function refusing(lines: string, guards = '', top = ''): readonly string[] {
  const entry = entryOf(composeWith(lines, `  db: { image: busybox:1.36 }\n${top}`), {
    'slipway.yaml': `${FLEET}${guards}`,
    'stacks/shop/p.json': '{}',
  })
  if (entry.kind === 'valid') return []
  return entry.problems.map(({ code, message }) =>
    code === 'GUARD_REFUSED' ? (/the guard (\w+)/.exec(message)?.[1] ?? '') : code,
  )
}

const TOP = 'volumes:\n  v: { driver_opts: { type: none, o: bind, device: DEVICE } }\n'

describe('what gives the server away is refused under every name', () => {
  it.each<readonly [GuardName, string]>([
    ['privileged', 'privileged: true'],
    ['docker_socket', 'volumes: ["/var/run/docker.sock:/var/run/docker.sock"]'],
    ['docker_socket', 'volumes: ["/run/docker.sock:/x.sock:ro"]'],
    ['docker_socket', 'volumes: [{ type: bind, source: /var/run/../run//docker.sock, target: /x }]'],
    ['docker_socket', 'volumes: ["/srv/engine/docker.sock:/x"]'],
    ['docker_socket', 'volumes: ["/run/containerd/containerd.sock:/x"]'],
    ['system_binds', 'volumes: ["/etc:/host/etc"]'],
    ['system_binds', 'volumes: ["/etc/passwd:/p:ro"]'],
    ['system_binds', 'volumes: ["/etc/localtime:/etc/localtime"]'],
    ['system_binds', 'volumes: ["/var:/x"]'],
    ['system_binds', 'volumes: [{ type: bind, source: /proc, target: /host/proc, read_only: true }]'],
    ['system_binds', 'volumes: ["/home/deploy:/x"]'],
    ['system_binds', 'volumes: ["/srv/a/.ssh:/x"]'],
    ['system_binds', 'volumes: ["/dev/sda:/x"]'],
    ['host_pid', 'pid: host'],
    ['host_ipc', 'ipc: host'],
    ['host_uts', 'uts: host'],
    ['host_cgroup', 'cgroup: host'],
    ['host_userns', 'userns_mode: host'],
    ['cap_add', 'cap_add: [CAP_SYS_ADMIN]'],
    ['cap_add', 'cap_add: [all]'],
    ['cap_add', 'cap_add: [NET_ADMIN]\nnetwork_mode: host'],
    ['cap_add', 'cap_add: [NET_ADMIN]\nnetwork_mode: service:db'],
    ['security_opt', 'security_opt: ["seccomp:unconfined"]'],
    ['security_opt', 'security_opt: ["seccomp=p.json"]'],
    ['security_opt', 'security_opt: ["apparmor=unconfined"]'],
    ['security_opt', 'security_opt: ["label:disable"]'],
    ['security_opt', 'security_opt: [systempaths=unconfined]'],
    ['devices', 'devices: ["/dev/sda:/dev/xvda"]'],
    ['devices', 'devices: [/dev/mem]'],
    ['devices', 'device_cgroup_rules: ["a *:* rwm"]'],
    ['foreign_containers', 'network_mode: container:vpn'],
    ['foreign_containers', 'pid: container:vpn'],
  ])('%s: %s', (guard, lines) => {
    expect(refusing(lines)).toEqual([guard])
    expect(refusing(lines, `guards: { allow: [${guard}] }\n`)).toEqual([])
  })

  it('the whole server under one path is asked of two guards', () => {
    expect(refusing('volumes: ["/:/host:ro"]').toSorted()).toEqual(['docker_socket', 'system_binds'])
    expect(refusing('volumes: ["/:/host:ro"]', 'guards: { allow: [system_binds] }\n')).toEqual(['docker_socket'])
  })

  it.each([
    ['docker_socket', '/var/run/docker.sock'],
    ['system_binds', '/etc'],
    ['system_binds', '/dev/sda1'],
  ])('a local volume is no way around %s', (guard, device) => {
    expect(refusing('volumes: ["v:/x"]', '', TOP.replace('DEVICE', device))).toEqual([guard])
  })

  it('nor is an overlay of folders', () => {
    const top =
      'volumes:\n  v: { driver_opts: { type: overlay, device: overlay, o: "lowerdir=/srv/a:/etc,upperdir=/u" } }\n'
    expect(refusing('volumes: ["v:/x"]', '', top)).toEqual(['system_binds'])
  })
})

describe('what Compose files commonly need is allowed', () => {
  it.each([
    'volumes: ["/srv/data:/data"]',
    'volumes: ["/etc/localtime:/etc/localtime:ro", "/etc/ssl/certs:/etc/ssl/certs:ro"]',
    'volumes: ["/home/app/media:/media"]',
    'network_mode: host',
    'cap_add: [NET_ADMIN, SYS_NICE]',
    'devices: [/dev/dri, /dev/net/tun, "/dev/ttyUSB0:/dev/ttyACM0", /dev/snd]',
    'device_cgroup_rules: ["c 189:* rmw"]',
    'security_opt: ["no-new-privileges:true", "label=type:svirt_t"]',
    'ipc: service:db\nnetwork_mode: service:db',
    'gpus: all',
  ])('%s', (lines) => {
    expect(refusing(lines)).toEqual([])
  })

  it('a share of the network is no folder of the server', () => {
    const top = 'volumes:\n  v: { driver_opts: { type: nfs, o: "addr=10.0.0.1,rw", device: ":/export" } }\n'
    expect(refusing('volumes: ["v:/x"]', '', top)).toEqual([])
  })

  it.each([
    ['host_network', 'network_mode: host'],
    ['absolute_binds', 'volumes: ["/srv/data:/data"]'],
  ])('unless the fleet denies %s', (guard, lines) => {
    expect(refusing(lines, `guards: { deny: [${guard}] }\n`)).toEqual([guard])
    expect(refusing(lines, `guards: { deny: [${guard}], allow: [${guard}] }\n`)).toEqual([guard])
  })
})

it('slipway.yaml knows every guard by its name', () => {
  for (const guard of Object.keys(GUARDS)) expect(refusing('init: true', `guards: { allow: [${guard}] }\n`)).toEqual([])
})
