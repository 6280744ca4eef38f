import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { runInside, startInside } from './capsule.js'
import { enginePath } from './downloads.js'
import { childrenOf, isAlive, killExactly, listProcesses, subtreeOf, type ProcessIdentity } from './processes.js'
import { plainEnvironment, waitUntil } from './shell.js'
import type { ServerState } from './state.js'

/** Inside the capsule the engine has every path where a real server has it; these are the same files from outside. */
export function socketPath(serverDir: string): string {
  return join(serverDir, 'run/docker.sock')
}

export function engineLogPath(serverDir: string): string {
  return join(serverDir, 'dockerd.log')
}

export function cgroupParent(labName: string, serverName: string): string {
  return `slipway-lab-${labName}-${serverName}`
}

/** Writes /etc/docker/daemon.json. Bridge addresses are kept apart so that a proxy can tell whose container it talks to. */
export function prepareEngine(serverDir: string, labName: string, subnet: number, server: ServerState): void {
  mkdirSync(join(serverDir, 'etc/docker'), { recursive: true })
  mkdirSync(join(serverDir, 'docker'), { recursive: true })
  const settings = {
    bip: `172.30.${server.index}.1/24`,
    'default-address-pools': [{ base: `10.${128 + server.index}.0.0/16`, size: 24 }],
    'insecure-registries': [`10.213.${subnet}.0/24`],
    'cgroup-parent': `/${cgroupParent(labName, server.name)}`,
    'exec-opts': ['native.cgroupdriver=cgroupfs'],
    'storage-driver': 'overlay2',
    ...server.daemon,
  }
  writeFileSync(join(serverDir, 'etc/docker/daemon.json'), JSON.stringify(settings, null, 2) + '\n')
}

/** Starts dockerd, which starts its own containerd, and waits until it answers. */
export async function startEngine(keeper: ProcessIdentity, serverDir: string, server: ServerState): Promise<void> {
  if (engineProcesses(keeper).some((found) => found.command === 'dockerd')) return
  const env = plainEnvironment(enginePath(server.engine))
  await startInside(keeper, ['dockerd'], engineLogPath(serverDir), env)
  try {
    await waitUntil(`engine of ${server.name}`, () => isEngineUp(serverDir), 60_000)
  } catch (error) {
    const log = readFileSync(engineLogPath(serverDir), 'utf8').trimEnd().split('\n').slice(-15).join('\n')
    throw new Error(`${(error as Error).message}; its log ends\n${log}`, { cause: error })
  }
}

export function isEngineUp(serverDir: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath: socketPath(serverDir), path: '/_ping', timeout: 2000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(false))
    asked.end()
  })
}

/** What belongs to the engine: dockerd and containerd, shims, the containers below them. Host process ids. */
export function engineProcesses(keeper: ProcessIdentity): ReturnType<typeof subtreeOf> {
  const all = listProcesses()
  const others = new Set(['sshd', 'sleep', 'nsenter', 'sh'])
  return childrenOf(keeper.pid, all)
    .filter((child) => !others.has(child.command))
    .flatMap((child) => subtreeOf(child, all))
}

/**
 * SIGKILL for dockerd (its containerd dies with it). Containers run on without it unless `containers`: then shims and
 * containers end as well, the shims first so that nobody is left to record an exit status.
 */
export async function killEngine(keeper: ProcessIdentity, containers: boolean): Promise<void> {
  const isDaemon = (command: string): boolean => command === 'dockerd' || command === 'containerd'
  const isShim = (command: string): boolean => command.startsWith('containerd-shim')
  const found = engineProcesses(keeper)
  const order = containers
    ? [...found.filter((p) => isDaemon(p.command)), ...found.filter((p) => isShim(p.command)), ...found]
    : found.filter((p) => isDaemon(p.command))
  for (const target of order) killExactly(target)
  await waitUntil('end of the engine', () => !order.some(isAlive))
  if (!containers) return
  // A container's process that lost its shim just before belongs to the keeper now.
  const left = engineProcesses(keeper)
  for (const target of left) killExactly(target)
  await waitUntil('end of the containers', () => !left.some(isAlive))
  await forgetRuntime(keeper)
}

/** What a boot finds: nothing in /run. Else containerd waits for the sockets of shims that are gone. */
async function forgetRuntime(keeper: ProcessIdentity): Promise<void> {
  await runInside(keeper, [
    'sh',
    '-c',
    `${unmountBelow} /run/docker /var/lib/docker; rm -rf /run/docker /run/containerd`,
  ])
}

/** Empties the data folder of an engine that is down: images, containers and volumes are gone. */
export async function wipeEngine(keeper: ProcessIdentity): Promise<void> {
  await runInside(keeper, ['find', '/var/lib/docker', '-mindepth', '1', '-delete'])
}

const unmountBelow =
  'f() { for d; do grep -o " $d/[^ ]*" /proc/mounts | sort -r | while read -r m; do umount -l "$m"; done; done; }; f'

/** Control groups of containers that were killed with their engine stay behind, empty. */
export function removeControlGroups(parent: string): void {
  const root = '/sys/fs/cgroup'
  const controllers = tryList(root).map((name) => join(root, name, parent))
  for (const dir of [join(root, parent), ...controllers]) removeGroupTree(dir, 0)
}

function removeGroupTree(dir: string, depth: number): void {
  if (depth > 6) return
  for (const name of tryList(dir)) removeGroupTree(join(dir, name), depth + 1)
  try {
    rmdirSync(dir)
  } catch {
    // Still in use or never there: nothing that could be done about it.
  }
}

function tryList(dir: string): readonly string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch {
    return []
  }
}
