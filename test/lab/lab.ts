import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readKeeper, stopCapsule } from './capsule.js'
import { cgroupParent, removeControlGroups } from './engine.js'
import { ensureDownload } from './downloads.js'
import { makeBusybox, makeImage, type ImageSpec, type LabImage } from './image.js'
import { addressIn, machineHost, startHub } from './network.js'
import { planServers, type LabOptions } from './options.js'
import { whyNoLab } from './packages.js'
import { bootId, isAlive, type ProcessIdentity } from './processes.js'
import { openRegistry, privateRegistry, type LabRegistry, type PrivateRegistry } from './registry.js'
import { startGitServer, type GitServer } from './git-server.js'
import { LabServer, type ServerPlace } from './server.js'
import { makeKey } from './sshd.js'
import { currentOwner, isOwnerAlive, labDir, listLabs, readState, writeState, type LabState } from './state.js'

/** A running lab. */
export type Lab = {
  readonly name: string
  readonly dir: string
  /** N of its addresses, 10.213.N.0/24. */
  readonly subnet: number
  readonly servers: readonly LabServer[]
  /** Private key that every server lets in, as `server.user` and as root. */
  readonly sshKeyPath: string
  readonly knownHostsPath: string
  readonly busybox: LabImage
  /** The registry that lets everybody in. Throws unless started with `registry: true`. */
  readonly registry: LabRegistry
  /** The registry that wants credentials. Throws unless started with `registry: true`. */
  readonly privateRegistry: PrivateRegistry
  /** The Git server. Throws unless started with `git: true`. */
  readonly git: GitServer
  /** The server of this name; throws when there is none. */
  server(name: string): LabServer
  /** An image on top of busybox. Nothing happens to it until it is loaded or pushed. */
  image(reference: string, spec: ImageSpec): Promise<LabImage>
  /** Loads an image into all or some servers. */
  load(image: LabImage, servers?: readonly LabServer[]): Promise<void>
  /** Ends everything and removes every file of the lab. */
  down(): Promise<void>
}

/** Starts a lab, after clearing away any of that name and any whose process died. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const why = whyNoLab()
  if (why !== undefined) throw new Error(why)
  const name = options.name ?? 'lab'
  const say = options.say ?? (() => undefined)
  const planned = planServers(options)
  const dir = labDir(name)
  await clearLeftovers(name)
  // Newer engines run with the old one's runc.
  const neededDownloads = [...new Set(['image' as const, 'old' as const, ...planned.map((server) => server.engine)])]
  await Promise.all(neededDownloads.map((kind) => ensureDownload(kind, say)))
  mkdirSync(dir, { recursive: true })
  const draft: LabState = {
    version: 1,
    name,
    bootId: bootId(),
    subnet: options.subnet ?? 0,
    owner: options.detached === true ? null : currentOwner(),
    servers: planned.map((server, i) => ({ ...server, index: i + 1, user: server.user ?? 'deploy' })),
    hasRegistry: options.registry ?? false,
  }
  writeState(draft)
  let git: GitServer | undefined
  try {
    const { subnet } = await startHub(dir, options.subnet)
    const state = { ...draft, subnet }
    writeState(state)
    await makeKey(join(dir, 'id_ed25519'), `slipway-lab-${name}`)
    git = options.git === true ? await startGitServer(join(dir, 'git'), [addressIn(subnet, machineHost)]) : undefined
    const lab = await openLab(state, options.loadBusybox ?? true, git)
    const registries = state.hasRegistry ? [lab.registry, lab.privateRegistry] : []
    await Promise.all([...registries.map((one) => one.start()), ...lab.servers.map((server) => server.powerOn())])
    const known = lab.servers.map((server) => `${server.address} ${server.hostKey}\n`)
    writeFileSync(lab.knownHostsPath, known.join(''))
    return lab
  } catch (error) {
    await git?.close()
    await removeLab(name)
    throw error
  }
}

/** A lab that was started by somebody else, usually `npm run lab -- up`. */
export async function attachLab(name = 'lab'): Promise<Lab | undefined> {
  const state = readState(name)
  const hub = readKeeper(join(labDir(name), 'hub'))
  if (state === undefined || hub === undefined || !isAlive(hub)) return undefined
  const lab = await openLab(state, true, undefined)
  await Promise.all(lab.servers.map((server) => server.readIdentity()))
  return lab
}

async function openLab(state: LabState, loadBusybox: boolean, git: GitServer | undefined): Promise<Lab> {
  const dir = labDir(state.name)
  const busybox = await makeBusybox()
  const sshKeyPath = join(dir, 'id_ed25519')
  const images = loadBusybox ? [busybox] : []
  const place: ServerPlace = { labName: state.name, labDir: dir, subnet: state.subnet, sshKeyPath, images }
  const servers = state.servers.map((server) => new LabServer(server, place))
  const hub = readKeeper(join(dir, 'hub'))
  if (hub === undefined) throw new Error(`lab ${state.name} is down`)
  const needRegistry = <T>(open: (dir: string, keeper: ProcessIdentity, subnet: number) => T): T => {
    if (!state.hasRegistry) throw new Error('this lab has no registries: start it with registry: true')
    return open(dir, hub, state.subnet)
  }
  return {
    name: state.name,
    dir,
    subnet: state.subnet,
    servers,
    sshKeyPath,
    knownHostsPath: join(dir, 'known_hosts'),
    busybox,
    get registry() {
      return needRegistry(openRegistry)
    },
    get privateRegistry() {
      return needRegistry(privateRegistry)
    },
    get git() {
      if (git === undefined) throw new Error('this lab has no Git server: start it with git: true')
      return git
    },
    server: (name) => {
      const found = servers.find((server) => server.name === name)
      if (found === undefined) throw new Error(`the lab has no server ${name}`)
      return found
    },
    image: (reference, spec) => makeImage(reference, busybox, spec),
    load: async (image, some = servers) => {
      await Promise.all(some.map((server) => server.load(image)))
    },
    down: async () => {
      await git?.close()
      await removeLab(state.name)
    },
  }
}

/** Clears the lab of this name, unless a living process owns it, and all labs whose owner died. */
async function clearLeftovers(name: string): Promise<void> {
  for (const found of listLabs()) {
    const state = readState(found)
    const isOwn = state?.owner?.pid === process.pid
    if (state !== undefined && isOwnerAlive(state) && found === name && !isOwn) {
      throw new Error(`lab ${name} belongs to process ${state.owner?.pid}, which still runs: choose another name`)
    }
    const isOrphan = state !== undefined && state.owner !== null && !isOwnerAlive(state)
    if (found === name || isOrphan) await removeLab(found)
  }
}

/** Ends and removes a lab by what is on the disk alone, so it works after any crash. */
export async function removeLab(name: string): Promise<void> {
  const dir = labDir(name)
  if (!existsSync(dir)) return
  const parts = readdirSync(dir).filter((part) => existsSync(join(dir, part, 'keeper.stat')))
  await Promise.all(parts.map((part) => stopCapsule(join(dir, part))))
  for (const part of parts) removeControlGroups(cgroupParent(name, part))
  rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}
