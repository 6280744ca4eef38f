import { existsSync, mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Docker from 'dockerode'
import { readKeeper, runInside, startCapsule, stopCapsule, type CapsuleMount } from './capsule.js'
import { enginePath } from './downloads.js'
import { isEngineUp, killEngine, prepareEngine, socketPath, startEngine, wipeEngine } from './engine.js'
import { toDockerArchive, type LabImage } from './image.js'
import { addressIn, plugIn, serverHost, setLink } from './network.js'
import { isAlive, type ProcessIdentity } from './processes.js'
import { plainEnvironment, run } from './shell.js'
import { freeLink, slowLink, type SlowLink } from './slow-link.js'
import { prepareSshd, readHostKey, startSshd, stopSshd } from './sshd.js'
import type { ServerState } from './state.js'

/** What a server has to know of the lab it stands in. */
export type ServerPlace = {
  readonly labName: string
  readonly labDir: string
  readonly subnet: number
  readonly sshKeyPath: string
  /** Loaded at first boot and after {@link LabServer.loseContainers}. */
  readonly images: readonly LabImage[]
}

/** One "server": an address, an sshd and a Docker Engine. */
export class LabServer {
  readonly name: string
  readonly address: string
  readonly port = 22
  readonly user: 'deploy' | 'root'
  readonly labels: Readonly<Record<string, string>>
  /** Folder of its files on the machine; `dockerd.log` and `sshd.log` are in it. */
  readonly dir: string
  /** The engine's socket as a path of the machine, for sampling without SSH. On the server it is /var/run/docker.sock. */
  readonly socketPath: string
  /** `SHA256:…` as ssh prints it. */
  hostKeyFingerprint = ''
  /** `ssh-ed25519 AAAA…` */
  hostKey = ''
  /** `20.10.24+dfsg1`; empty until first started. */
  engineVersion = ''

  readonly state: ServerState
  readonly place: ServerPlace

  constructor(state: ServerState, place: ServerPlace) {
    this.state = state
    this.place = place
    this.name = state.name
    this.user = state.user
    this.labels = state.labels ?? {}
    this.address = addressIn(place.subnet, serverHost(state.index))
    this.dir = join(place.labDir, state.name)
    this.socketPath = socketPath(this.dir)
  }

  /** The process all of the server's processes are below. */
  get keeper(): ProcessIdentity {
    const found = readKeeper(this.dir)
    if (found === undefined || !isAlive(found)) throw new Error(`${this.name} is powered off`)
    return found
  }

  get isPoweredOn(): boolean {
    const found = readKeeper(this.dir)
    return found !== undefined && isAlive(found)
  }

  /** Runs a command on the server as root, without a shell and past sshd, and returns what it prints. */
  run(...command: readonly string[]): Promise<string> {
    return runInside(this.keeper, command, { env: plainEnvironment(enginePath(this.state.engine)) })
  }

  /** Boots the server: link, sshd, engine. The disk is as it was left. */
  async powerOn(): Promise<void> {
    if (this.isPoweredOn) return
    const isFirstBoot = !existsSync(join(this.dir, 'etc'))
    rmSync(join(this.dir, 'run'), { recursive: true, force: true })
    mkdirSync(join(this.dir, 'run'), { recursive: true })
    prepareEngine(this.dir, this.place.labName, this.place.subnet, this.state)
    await prepareSshd(this.dir, this.place.sshKeyPath, this.state)
    await this.readIdentity()
    const keeper = await startCapsule(this.dir, this.name, await this.mounts())
    await plugIn(this.hub, keeper, this.place.subnet, this.state.index)
    await Promise.all([startSshd(keeper, this.dir), startEngine(keeper, this.dir, this.state)])
    this.engineVersion = (await dockerOn(this).version()).Version
    if (isFirstBoot) await this.load(...this.place.images)
  }

  /** As if the plug were pulled: everything on the server ends at once. Files and address stay. */
  async powerOff(): Promise<void> {
    await stopCapsule(this.dir)
  }

  /** Reads what {@link powerOn} left on the disk, for a lab found running. */
  async readIdentity(): Promise<void> {
    const key = await readHostKey(this.dir)
    this.hostKeyFingerprint = key.fingerprint
    this.hostKey = key.publicKey
    if (this.isPoweredOn && (await this.isEngineUp())) this.engineVersion = (await dockerOn(this).version()).Version
  }

  /** Takes the link down: packets vanish, connections hang until somebody's timeout. */
  async cut(): Promise<void> {
    await setLink(this.hub, this.state.index, 'down')
  }

  /** Takes back {@link cut} and {@link slow}. */
  async restore(): Promise<void> {
    await freeLink(this.hub, this.keeper, this.state.index)
    await setLink(this.hub, this.state.index, 'up')
  }

  /** Slows both directions; what was slowed before is forgotten. {@link restore} ends it. */
  async slow(slow: SlowLink): Promise<void> {
    await slowLink(this.hub, this.keeper, this.state.index, slow)
  }

  /** SIGKILL for the engine; with `containers` also for its shims and containers, as in a crash of the machine. */
  async killEngine(options: { readonly containers?: boolean } = {}): Promise<void> {
    await killEngine(this.keeper, options.containers ?? false)
  }

  async startEngine(): Promise<void> {
    await startEngine(this.keeper, this.dir, this.state)
  }

  isEngineUp(): Promise<boolean> {
    return isEngineUp(this.dir)
  }

  /** Kills the engine, empties its data folder, and starts it again if it ran: as after a lost disk. */
  async loseContainers(): Promise<void> {
    const wasUp = await this.isEngineUp()
    await killEngine(this.keeper, true)
    await wipeEngine(this.keeper)
    if (!wasUp) return
    await this.startEngine()
    await this.load(...this.place.images)
  }

  /** New connections are refused; open ones stay. */
  async stopSshd(): Promise<void> {
    await stopSshd(this.keeper)
  }

  async startSshd(): Promise<void> {
    await startSshd(this.keeper, this.dir)
  }

  /** Gives the server another host key, as a reinstalled or a wrong server would have. */
  async changeHostKey(): Promise<void> {
    for (const end of ['', '.pub']) rmSync(join(this.dir, `etc/ssh/ssh_host_ed25519_key${end}`), { force: true })
    await prepareSshd(this.dir, this.place.sshKeyPath, this.state)
    await this.stopSshd()
    await this.startSshd()
    await this.readIdentity()
  }

  /** Fills the engine's own disk but for `leaveBytes`. Only for servers with `smallDiskBytes`. */
  async fillDisk(leaveBytes = 0): Promise<void> {
    if (this.state.smallDiskBytes === undefined) throw new Error(`${this.name} has no disk of its own (smallDiskBytes)`)
    const script = `
      free=$(($(stat -f -c '%a * %S' /var/lib/docker) - $1))
      [ "$free" -le 0 ] || fallocate -l "$free" /var/lib/docker/ballast 2>/dev/null || true
      [ "$1" -gt 0 ] || dd if=/dev/zero of=/var/lib/docker/ballast2 bs=4k 2>/dev/null || true`
    await this.run('sh', '-c', script, 'sh', String(leaveBytes))
  }

  async freeDisk(): Promise<void> {
    await this.run('rm', '-f', '/var/lib/docker/ballast', '/var/lib/docker/ballast2')
  }

  /** `docker load` for images made by the lab. */
  async load(...images: readonly LabImage[]): Promise<void> {
    for (const image of images) {
      const archive = await toDockerArchive(image)
      const answer = await dockerOn(this).loadImage(archive as unknown as NodeJS.ReadableStream)
      const said = await readAll(answer)
      if (!said.includes('Loaded image')) throw new Error(`${this.name} did not load ${image.reference}: ${said}`)
    }
  }

  private get hub(): ProcessIdentity {
    const hub = readKeeper(join(this.place.labDir, 'hub'))
    if (hub === undefined) throw new Error('the lab is down')
    return hub
  }

  private async mounts(): Promise<readonly CapsuleMount[]> {
    const etc = join(this.dir, 'etc')
    const own = ['passwd', 'group', 'shadow'].map((file): CapsuleMount => {
      return { kind: 'bind', from: join(etc, file), to: `/etc/${file}` }
    })
    const proxies = join(this.dir, 'proxies')
    for (const dir of ['/etc/docker', '/var/lib/docker', proxiesDir, proxies]) mkdirSync(dir, { recursive: true })
    const config: CapsuleMount = { kind: 'bind', from: join(etc, 'docker'), to: '/etc/docker' }
    return [...own, config, { kind: 'bind', from: proxies, to: proxiesDir }, await this.dataMount()]
  }

  private async dataMount(): Promise<CapsuleMount> {
    const size = this.state.smallDiskBytes
    if (size === undefined) return { kind: 'bind', from: join(this.dir, 'docker'), to: '/var/lib/docker' }
    const disk = join(this.dir, 'disk.img')
    if (!existsSync(disk) || statSync(disk).size !== size) {
      writeFileSync(disk, '')
      truncateSync(disk, size)
      await run('mkfs.ext4', ['-q', '-F', '-m', '0', '-O', '^has_journal', disk])
    }
    return { kind: 'loop', from: disk, to: '/var/lib/docker' }
  }
}

/** Where proxies have their sockets: each server its own. */
const proxiesDir = '/var/lib/slipway-proxy'

/** A plain dockerode on the server's own socket, past SSH and all of Slipway. */
export function dockerOn(server: Pick<LabServer, 'socketPath'>): Docker {
  return new Docker({ socketPath: server.socketPath })
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += chunk.toString()
  return text
}
