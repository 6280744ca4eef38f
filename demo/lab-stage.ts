import { join } from 'node:path'
import { HAPROXY_IMAGE, makeHaproxy, startLab } from '../test/lab/index.js'
import type { Lab } from '../test/lab/index.js'
import { sampleFiles } from './stage.js'
import type { Stage, YamlChange } from './stage.js'

/** The sample publishes it. */
const SHOP_PORT = 8080

/** The names of the sample's own servers: their labels stand in the sample. */
const SERVERS = ['lon-1', 'lon-2', 'par-1'] as const

/** Three servers inside this machine, each with an address, an sshd and a Docker Engine of its own. */
export async function labStage(say: (line: string) => void): Promise<Stage> {
  const lab = await startLab({ name: 'demo', servers: SERVERS.map((name) => ({ name })), git: true, say })
  // The sample's own is of a registry, and the demo needs no network.
  await lab.load(await makeHaproxy(lab.busybox))
  const width = Math.max(...lab.servers.map(({ address }) => address.length))
  return {
    stack: 'shop',
    lines: lab.servers.map(
      ({ name, address, engineVersion }) => `${name}  ${address.padEnd(width)}  sshd and Docker ${engineVersion}`,
    ),
    shop: lab.servers.map(({ address }) => `http://${address}:${SHOP_PORT}/`),
    git: lab.git,
    dir: join(lab.dir, 'play'),
    env: { SLIPWAY_SSH_KEY_FILE: lab.sshKeyPath },
    home: join(lab.dir, 'play'),
    files: sampleFiles({
      'slipway.yaml': [...lab.servers.flatMap(addressOf), [['ingress'], { image: HAPROXY_IMAGE }]],
    }),
    down: () => lab.down(),
  }
}

function addressOf({ name, address, user, hostKeyFingerprint }: Lab['servers'][number]): readonly YamlChange[] {
  return [
    [['servers', name, 'address'], address],
    [['servers', name, 'user'], user],
    [['servers', name, 'host_key'], hostKeyFingerprint],
  ]
}
