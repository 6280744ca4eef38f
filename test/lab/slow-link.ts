import { fileURLToPath } from 'node:url'
import { runInside, startInside, tryRunInside } from './capsule.js'
import { portName } from './network.js'
import type { ProcessIdentity } from './processes.js'
import { waitUntil } from './shell.js'

export type SlowLink = {
  /** Each way: a round trip takes twice this. */
  readonly delayMs?: number
  /** Each way. */
  readonly rateKbit?: number
  /** Frames dropped, each way, always the same ones. */
  readonly lossPercent?: number
}

/** Slows a server's link in both directions; what was slowed before is forgotten. */
export async function slowLink(
  hub: ProcessIdentity,
  server: ProcessIdentity,
  index: number,
  slow: SlowLink,
): Promise<void> {
  await freeLink(hub, server, index)
  if (slow.delayMs !== undefined || slow.lossPercent !== undefined) {
    await insertRelay(hub, index, slow.delayMs ?? 0, slow.lossPercent ?? 0)
  }
  if (slow.rateKbit === undefined) return
  const bucket = ['root', 'tbf', 'rate', `${slow.rateKbit}kbit`, 'burst', '16kb', 'latency', '2s']
  await runInside(hub, ['tc', 'qdisc', 'add', 'dev', portName(index), ...bucket])
  await runInside(server, ['tc', 'qdisc', 'add', 'dev', 'eth0', ...bucket])
}

/** Takes {@link slowLink} back. */
export async function freeLink(hub: ProcessIdentity, server: ProcessIdentity, index: number): Promise<void> {
  await tryRunInside(hub, ['tc', 'qdisc', 'del', 'dev', portName(index), 'root'])
  await tryRunInside(server, ['tc', 'qdisc', 'del', 'dev', 'eth0', 'root'])
  await removeRelay(hub, index)
}

/** port — bridge slowN — tap — relay — tap — lab0: kernels without netem are common, those without tap are not. */
async function insertRelay(hub: ProcessIdentity, index: number, delayMs: number, lossPercent: number): Promise<void> {
  const [near, far] = [`near${index}`, `far${index}`]
  const relay = fileURLToPath(new URL('delay-relay.pl', import.meta.url))
  const command = ['perl', relay, near, far, String(delayMs), String(lossPercent), pidFile(index)]
  await startInside(hub, command, `/run/slow${index}.log`)
  await waitUntil(
    'delay relay',
    async () => (await tryRunInside(hub, ['test', '-s', pidFile(index)])) !== undefined,
    5000,
  )
  const commands = [
    `link add slow${index} type bridge`,
    `link set ${near} master slow${index}`,
    `link set ${far} master lab0`,
    `link set ${portName(index)} master slow${index}`,
    ...[`slow${index}`, near, far].map((device) => `link set ${device} up`),
  ]
  await runInside(hub, ['ip', '-batch', '-'], { input: commands.join('\n') })
}

async function removeRelay(hub: ProcessIdentity, index: number): Promise<void> {
  if ((await tryRunInside(hub, ['ip', 'link', 'show', `slow${index}`])) === undefined) return
  const script = 'kill -9 "$(cat "$1")"; rm -f "$1"; ip link set "$2" master lab0; ip link del "$3"'
  await runInside(hub, ['sh', '-c', script, 'sh', pidFile(index), portName(index), `slow${index}`])
}

function pidFile(index: number): string {
  return `/run/slow${index}.pid`
}
