import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeHaproxy, startLab } from '../test/lab/index.js'
import type { Lab, LabRepository } from '../test/lab/index.js'
import { fleetFile } from '../test/e2e/manifests.js'
import { readAll, sendJson } from './raw-server.js'
import { RawServer } from './raw-server.js'
import { Slipway } from './slipway.js'
import { IMAGE, IMAGE_SPEC, SERVICE, composeFile } from './workload.js'
import type { Version } from './workload.js'

/** The sample repository names its servers so. */
const SERVERS = ['lon-1', 'lon-2', 'par-1']

/** Three servers, a repository served over HTTP, and raw connections to the servers. */
export class BenchLab {
  readonly lab: Lab
  readonly repository: LabRepository
  readonly raw: readonly RawServer[]
  readonly tempDir: string
  private texts = 0

  private constructor(lab: Lab, repository: LabRepository, raw: readonly RawServer[]) {
    this.lab = lab
    this.repository = repository
    this.raw = raw
    this.tempDir = mkdtempSync(join(tmpdir(), 'slipway-bench-'))
  }

  static async start(say: (line: string) => void): Promise<BenchLab> {
    // The engines write down every call, which is how requests are counted. Floor and Slipway pay the same for it.
    const servers = SERVERS.map((name) => ({ name, daemon: { debug: true } }))
    const lab = await startLab({ name: 'bench', servers, git: true, say })
    try {
      await lab.load(await lab.image(IMAGE, IMAGE_SPEC))
      await lab.load(await makeHaproxy(lab.busybox))
      const repository = await lab.git.createRepo('bench')
      const privateKey = readFileSync(lab.sshKeyPath)
      const raw = lab.servers.map(({ name, address, user }) =>
        RawServer.connect(name, { host: address, username: user, privateKey }),
      )
      const bench = new BenchLab(lab, repository, await Promise.all(raw))
      // A benchmark takes away whole stacks, and often.
      await repository.commit({ 'slipway.yaml': fleetFile(lab, { guards: { prune: '100%' } }) }, 'a fleet')
      return bench
    } catch (error) {
      await lab.down()
      throw error
    }
  }

  /** A controller that has seen the fleet and has nothing to do. */
  async slipway(options: { readonly observeIntervalMs?: number } = {}): Promise<Slipway> {
    const { lab, repository, tempDir } = this
    const repositoryUrl = lab.git.url(repository.name)
    const slipway = new Slipway({
      repositoryUrl,
      dataDir: join(tempDir, 'data'),
      sshKeyPath: lab.sshKeyPath,
      ...options,
    })
    await slipway.start()
    return slipway
  }

  /** A text that no version has had. */
  freshText(): string {
    this.texts += 1
    return `v${this.texts}`
  }

  /** Commits the stack in this version; null takes it away. */
  commit(stack: string, version: Version | null): Promise<string> {
    const content = version === null ? null : composeFile(version)
    return this.repository.commit({ [`stacks/${stack}/compose.yaml`]: content }, version?.text ?? 'away')
  }

  /** Containers of a stack as the engines list them, asked past ssh and all of Slipway. */
  async containers(stack: string): Promise<readonly Listed[]> {
    const filters = { label: [`com.docker.compose.project=${stack}`, `com.docker.compose.service=${SERVICE}`] }
    const path = `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify(filters))}`
    const lists = this.lab.servers.map(async ({ name, socketPath }) => {
      const { body } = await readAll(await sendJson({ socketPath }, 'GET', path))
      const found = JSON.parse(body.toString('utf8')) as Omit<Listed, 'server'>[]
      return found.map((one) => ({ ...one, server: name }))
    })
    return (await Promise.all(lists)).flat()
  }

  server(name: string): RawServer {
    const found = this.raw.find((server) => server.name === name)
    if (found === undefined) throw new Error(`no server ${name}`)
    return found
  }

  async down(): Promise<void> {
    for (const server of this.raw) server.close()
    rmSync(this.tempDir, { recursive: true, force: true })
    await this.lab.down()
  }
}

export interface Listed {
  readonly server: string
  readonly Id: string
  readonly State: string
  readonly Labels: Readonly<Record<string, string>>
}
