import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runInside, startCapsule, tryRunInside } from './capsule.js'
import type { ProcessIdentity } from './processes.js'
import { run, tryRun } from './shell.js'

/*
 * The lab's switch is a bridge in a capsule of its own, not in the root namespace: a frame from server to server never
 * meets the machine's own FORWARD rules, which an engine out there sets to DROP.
 * One link, slip<N>, joins it to the machine; it goes when the capsule goes.
 */

export function addressIn(subnet: number, host: number): string {
  return `10.213.${subnet}.${host}`
}

/** Where programs of the machine itself (the Git server) are reached from the servers. */
export const machineHost = 1
/** Where the registries are. */
export const hubHost = 254

export function serverHost(index: number): number {
  return 10 + index
}

function linkName(subnet: number): string {
  return `slip${subnet}`
}

/** Takes the first free subnet. Making the link is the lock: it fails if another lab has it. */
export async function startHub(
  dir: string,
  wanted: number | undefined,
): Promise<{ hub: ProcessIdentity; subnet: number }> {
  const hubDir = join(dir, 'hub')
  mkdirSync(join(hubDir, 'run'), { recursive: true })
  const hub = await startCapsule(hubDir, 'hub')
  const subnet = await claimSubnet(hub, wanted)
  const commands = [
    'link add lab0 type bridge',
    `addr add ${addressIn(subnet, hubHost)}/24 dev lab0`,
    'link set lab0 up',
    'link set machine master lab0',
    'link set machine up',
  ]
  await runInside(hub, ['ip', '-batch', '-'], { input: commands.join('\n') })
  await run('ip', ['addr', 'add', `${addressIn(subnet, machineHost)}/24`, 'dev', linkName(subnet)])
  await run('ip', ['link', 'set', linkName(subnet), 'up'])
  return { hub, subnet }
}

async function claimSubnet(hub: ProcessIdentity, wanted: number | undefined): Promise<number> {
  const candidates = wanted === undefined ? Array.from({ length: 250 }, (_, i) => i + 1) : [wanted]
  for (const subnet of candidates) {
    const peer = ['peer', 'name', 'machine', 'netns', String(hub.pid)]
    const made = await tryRun('ip', ['link', 'add', linkName(subnet), 'type', 'veth', ...peer])
    if (made !== undefined) return subnet
  }
  throw new Error(wanted === undefined ? 'no free subnet for the lab' : `subnet ${wanted} is in use by another lab`)
}

export function portName(index: number): string {
  return `port${index}`
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0')
}

/** Plugs a server into the switch: eth0 with its address in there, portN here. */
export async function plugIn(
  hub: ProcessIdentity,
  server: ProcessIdentity,
  subnet: number,
  index: number,
): Promise<void> {
  const port = portName(index)
  const ends = ['peer', 'name', 'eth0', 'netns', String(server.pid)]
  // A server that comes back has the hardware address that its neighbours still remember.
  const mac = `02:5c:${hexByte(subnet)}:00:00:${hexByte(index)}`
  await tryRunInside(hub, ['ip', 'link', 'del', port])
  await run('ip', ['link', 'add', port, 'netns', String(hub.pid), 'type', 'veth', ...ends, 'address', mac])
  await runInside(hub, ['ip', '-batch', '-'], { input: `link set ${port} master lab0\nlink set ${port} up` })
  const address = addressIn(subnet, serverHost(index))
  await runInside(server, ['ip', '-batch', '-'], { input: `addr add ${address}/24 dev eth0\nlink set eth0 up` })
}

export async function setLink(hub: ProcessIdentity, index: number, state: 'up' | 'down'): Promise<void> {
  await runInside(hub, ['ip', 'link', 'set', portName(index), state])
}
