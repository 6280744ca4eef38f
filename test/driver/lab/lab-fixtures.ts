import { readFileSync } from 'node:fs'
import { INGRESS_DEFAULTS, INGRESS_STACK } from '../../../src/model/index.js'
import type { HostKey, ImagePin, Replica, Server } from '../../../src/model/index.js'
import { proxyService } from '../../../src/ingress/index.js'
import type { DriverLimits, DriverOptions } from '../../../src/driver/index.js'
import type { Lab, LabServer } from '../../lab/index.js'
import { FLEET, must, never, newDriver, onContainer, runAction } from '../fixtures.js'
import type { TestDriver } from '../fixtures.js'

export function sshServer(server: LabServer, hostKey?: HostKey): Server {
  const { name, address, port, user, hostKeyFingerprint } = server
  return {
    name,
    address: { kind: 'ssh', host: address, port, user, socketPath: '/var/run/docker.sock' },
    hostKey: hostKey ?? { kind: 'fingerprints', fingerprints: [hostKeyFingerprint] },
    labels: {},
    lostAfterMs: null,
  }
}

export function labDriver(
  lab: Lab,
  limits: Partial<DriverLimits> = {},
  options: Partial<DriverOptions> = {},
): TestDriver {
  const keys = [{ name: 'id_ed25519', privateKey: readFileSync(lab.sshKeyPath) }]
  return newDriver(limits, { identities: { keys, agentSocket: null }, ...options })
}

export function useAll(driver: TestDriver, lab: Lab): void {
  driver.use(
    FLEET,
    lab.servers.map((server) => sshServer(server)),
    undefined,
    INGRESS_STACK,
  )
}

/** The proxy of a server. Returns its container's id. */
export async function startProxy(driver: TestDriver, server: string, key = server): Promise<string> {
  const spec = proxyService(FLEET, { ...INGRESS_DEFAULTS, image: 'slipway/haproxy:2.6' })
  const pull = { kind: 'pull', server, stack: 'slipway', image: spec.image, policy: 'never' } as const
  const { image } = must(await driver.perform(pull, never))
  return must(await driver.perform(runAction(server, spec, image, key), never)).containerId ?? ''
}

export async function busybox(driver: TestDriver, server: string): Promise<ImagePin> {
  const pulled = must(
    await driver.perform({ kind: 'pull', server, stack: 'shop', image: 'busybox:1.36', policy: 'missing' }, never),
  )
  if (pulled.image === undefined) throw new Error('no pin')
  return pulled.image
}

export async function replicasOf(
  driver: TestDriver,
  server: string,
  closer: readonly string[] = [],
): Promise<readonly Replica[]> {
  return must(await driver.observe(server, closer, never)).replicas
}

/** Ends a container at once and removes it. */
export async function discard(driver: TestDriver, server: string, containerId: string): Promise<void> {
  const removal = onContainer('remove', server, containerId)
  must(await driver.perform({ ...removal, kind: 'stop', graceMs: 0 }, never))
  must(await driver.perform(removal, never))
}

/** Ssh connections that the server has open, as its kernel counts them. */
export async function openConnections(server: LabServer): Promise<number> {
  const table = await server.run('cat', '/proc/net/tcp')
  // Local port 22 (0016), state 01: established.
  return table.split('\n').filter((line) => /^\s*\d+: [0-9A-F]{8}:0016 \S+ 01 /.test(line)).length
}
