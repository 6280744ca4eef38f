import { describe, expect, it } from 'vitest'
import { createPayload, laterNetworks } from '../../src/payload/index.js'
import { runAction, serviceSpec } from '../driver/fixtures.js'

const image = { digest: 'busybox@sha256:1', id: 'sha256:2' }
const networks = [
  { network: 'shop_default', aliases: [] },
  { network: 'shop_back', aliases: ['backend', 'web'] },
]

describe('the payload of create', () => {
  it('is only what is needed for the smallest service', () => {
    const action = runAction('lon-1', { networks: networks.slice(0, 1) }, image)
    expect(createPayload(action, 'busybox:1.36@sha256:1', 45)).toEqual({
      Image: 'busybox:1.36@sha256:1',
      Env: [],
      Labels: {
        'slipway.fleet': 'acme',
        'slipway.stack': 'shop',
        'slipway.service': 'web',
        'slipway.slot': '1',
        'slipway.spec': action.identity.specHash,
        'slipway.revision': 'f'.repeat(40),
        'slipway.image': 'busybox@sha256:1',
        'slipway.limits': '',
        'slipway.restart': '',
        'slipway.controller': 'controller-1',
        'com.docker.compose.project': 'shop',
        'com.docker.compose.service': 'web',
        'com.docker.compose.container-number': '1',
        'com.docker.compose.oneoff': 'False',
        'com.docker.compose.config-hash': action.identity.specHash,
      },
      StopTimeout: 1,
      HostConfig: { NetworkMode: 'shop_default', RestartPolicy: { Name: 'no', MaximumRetryCount: 0 } },
      NetworkingConfig: { EndpointsConfig: { shop_default: { Aliases: ['web'] } } },
    })
  })

  it('has everything a service can say', () => {
    const action = runAction(
      'lon-1',
      {
        command: ['serve', '--port', '80'],
        entrypoint: ['/bin/app'],
        environment: { B: '2', A: '1=1' },
        labels: { team: 'web', 'slipway.fleet': 'stolen' },
        user: '33:33',
        workingDir: '/srv',
        hostname: 'web',
        ports: [
          { target: 80, published: 8080, protocol: 'tcp', hostIp: '' },
          { target: 80, published: 8443, protocol: 'tcp', hostIp: '10.0.0.1' },
          { target: 53, published: null, protocol: 'udp', hostIp: '' },
        ],
        mounts: [
          { kind: 'volume', source: 'shop_data', target: '/data', readOnly: false, noCopy: true },
          { kind: 'anonymous', target: '/cache', readOnly: false },
          {
            kind: 'bind',
            source: '/srv/in',
            target: '/in',
            readOnly: true,
            createHostPath: true,
            propagation: 'rslave',
          },
          {
            kind: 'bind',
            source: '/srv/out',
            target: '/out',
            readOnly: false,
            createHostPath: false,
            propagation: null,
          },
          {
            kind: 'bind',
            source: '/srv/a:b',
            target: '/colon',
            readOnly: false,
            createHostPath: true,
            propagation: null,
          },
          { kind: 'tmpfs', target: '/tmp', readOnly: false, sizeBytes: 1024, mode: 0o1777 },
        ],
        healthcheck: {
          test: ['CMD', 'true'],
          intervalMs: 1_500,
          timeoutMs: 500,
          retries: 3,
          startPeriodMs: 0,
          startIntervalMs: 100,
        },
        restart: { condition: 'on-failure', maxAttempts: 3 },
        stopSignal: 'SIGQUIT',
        stopGraceMs: 1_500,
        init: true,
        readOnly: true,
        capAdd: ['NET_ADMIN'],
        capDrop: ['ALL'],
        ulimits: [{ name: 'nofile', soft: 1, hard: 2 }],
        sysctls: { 'net.core.somaxconn': '1024' },
        extraHosts: ['db:10.0.0.9'],
        logging: { driver: 'json-file', options: { 'max-size': '1m' } },
        limits: { cpus: 0.5, memoryBytes: 1_048_576, pids: 20 },
        networks,
      },
      image,
    )
    const payload = createPayload(action, 'x', 45)
    expect(payload).toMatchObject({
      Cmd: ['serve', '--port', '80'],
      Entrypoint: ['/bin/app'],
      Env: ['A=1=1', 'B=2'],
      Labels: { team: 'web', 'slipway.fleet': 'acme', 'slipway.limits': 'cpus=0.5 memory=1048576 pids=20' },
      User: '33:33',
      WorkingDir: '/srv',
      Hostname: 'web',
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      Healthcheck: {
        Test: ['CMD', 'true'],
        Interval: 1.5e9,
        Timeout: 5e8,
        Retries: 3,
        StartPeriod: 0,
        StartInterval: 1e8,
      },
      StopSignal: 'SIGQUIT',
      StopTimeout: 2,
      NetworkingConfig: {
        EndpointsConfig: { shop_default: { Aliases: ['web'] }, shop_back: { Aliases: ['web', 'backend'] } },
      },
    })
    expect(payload.HostConfig).toEqual({
      NetworkMode: 'shop_default',
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      PortBindings: {
        '80/tcp': [
          { HostIp: '', HostPort: '8080' },
          { HostIp: '10.0.0.1', HostPort: '8443' },
        ],
        '53/udp': [{ HostIp: '', HostPort: '' }],
      },
      Binds: ['/srv/in:/in:ro,rslave'],
      Mounts: [
        { Type: 'volume', Source: 'shop_data', Target: '/data', ReadOnly: false, VolumeOptions: { NoCopy: true } },
        { Type: 'volume', Target: '/cache', ReadOnly: false },
        { Type: 'bind', Source: '/srv/out', Target: '/out', ReadOnly: false },
        { Type: 'bind', Source: '/srv/a:b', Target: '/colon', ReadOnly: false },
        { Type: 'tmpfs', Target: '/tmp', ReadOnly: false, TmpfsOptions: { SizeBytes: 1024, Mode: 0o1777 } },
      ],
      NanoCpus: 5e8,
      Memory: 1_048_576,
      PidsLimit: 20,
      Init: true,
      ReadonlyRootfs: true,
      CapAdd: ['NET_ADMIN'],
      CapDrop: ['ALL'],
      Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
      Sysctls: { 'net.core.somaxconn': '1024' },
      ExtraHosts: ['db:10.0.0.9'],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
    })
  })

  it('leaves to an old engine what it does not know', () => {
    const healthcheck = {
      test: null,
      intervalMs: 1,
      timeoutMs: null,
      retries: null,
      startPeriodMs: null,
      startIntervalMs: 1,
    }
    const action = runAction('lon-1', { networks, healthcheck })
    expect(createPayload(action, 'x', 43)).toMatchObject({
      NetworkingConfig: { EndpointsConfig: { shop_default: {} } },
    })
    expect(createPayload(action, 'x', 43)['Healthcheck']).toEqual({ Interval: 1e6 })
    expect(laterNetworks(action.spec, 43)).toEqual([{ network: 'shop_back', body: { Aliases: ['web', 'backend'] } }])
    expect(laterNetworks(action.spec, 44)).toEqual([])
  })

  it.each([
    [{ networkMode: 'host', networks: [] }, 'host'],
    [{ networkMode: 'none', networks: [] }, 'none'],
    [{ networkMode: null, networks: [] }, 'none'],
  ] as const)('names the network mode of %j', (changes, mode) => {
    const payload = createPayload(runAction('lon-1', changes), 'x', 45)
    expect(payload.HostConfig['NetworkMode']).toBe(mode)
    expect(payload['NetworkingConfig']).toBeUndefined()
    expect(laterNetworks(serviceSpec(changes), 41)).toEqual([])
  })

  it('numbers the replica of a global service 1, as it is the only one there', () => {
    const payload = createPayload(runAction('lon-1', { mode: 'global' }, image, 'lon-1'), 'x', 45)
    expect(payload.Labels).toMatchObject({ 'slipway.slot': 'lon-1', 'com.docker.compose.container-number': '1' })
  })

  it('resets an entrypoint that is empty, and keeps one that is not given', () => {
    expect(createPayload(runAction('lon-1', { entrypoint: [] }), 'x', 45)['Entrypoint']).toEqual([''])
    expect(createPayload(runAction('lon-1'), 'x', 45)['Entrypoint']).toBeUndefined()
  })

  it('tells names after what the user says, and keeps in labels what it told', () => {
    const names = { address: '198.18.0.9', hosts: [{ name: 'db', address: '198.18.0.7' }] }
    const action = runAction('lon-1', { extraHosts: ['cache:10.0.0.5'] }, image)
    const told = createPayload({ ...action, names }, 'busybox:1.36', 45)
    expect(told.HostConfig.ExtraHosts).toEqual(['cache:10.0.0.5', 'db:198.18.0.7'])
    expect(told.Labels).toMatchObject({ 'slipway.address': '198.18.0.9', 'slipway.names': 'db' })
    // Who has what it was told outside of its hash is equal to who was told nothing.
    expect(told.Labels['slipway.spec']).toBe(createPayload(action, 'busybox:1.36', 45).Labels['slipway.spec'])
  })
})
