import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { EngineKind } from './downloads.js'
import { startGitServer } from './git-server.js'
import { attachLab, removeLab, startLab, type Lab } from './lab.js'
import { addressIn, machineHost } from './network.js'
import { ensureLabPackages, whyNoLab } from './packages.js'
import { describeFleet, describeLab, say } from './report.js'
import type { LabServer } from './server.js'
import { listLabs, readState } from './state.js'

export function addLabCommands(program: Command): void {
  const name = (): string => program.opts<{ name: string }>().name
  addLifeCommands(program, name)
  addFaultCommands(program, name)
  addUseCommands(program, name)
}

async function theLab(name: string): Promise<Lab> {
  const lab = await attachLab(name)
  if (lab === undefined) throw new Error(`${name} is not up: npm run lab -- up`)
  return lab
}

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const started = Date.now()
  await work()
  say(`${what} in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

async function showStatus(name: string): Promise<void> {
  say(await describeLab(await theLab(name), readState(name)?.hasRegistry ?? false))
}

type UpOptions = { readonly engine?: EngineKind; readonly registry: boolean; readonly subnet?: string }

function addLifeCommands(program: Command, name: () => string): void {
  program
    .command('up')
    .description('start a lab; one of the same name is replaced')
    .argument('[servers]', 'how many', '3')
    .option('--engine <kind>', 'old, modern or newest for all; else old and modern in turn')
    .option('--registry', 'also a registry without and one with credentials', false)
    .option('--subnet <number>', 'N of the addresses 10.213.N.0/24')
    .action(async (servers: string, options: UpOptions) => {
      await ensureLabPackages(say)
      await timed('up', async () => {
        const engine = options.engine === undefined ? {} : { engine: options.engine }
        const subnet = options.subnet === undefined ? {} : { subnet: Number(options.subnet) }
        const { registry } = options
        await startLab({ name: name(), servers: Number(servers), detached: true, registry, say, ...engine, ...subnet })
      })
      await showStatus(name())
    })
  program
    .command('down')
    .description('end a lab and remove every trace of it')
    .option('--all', 'every lab of this machine', false)
    .action((options: { all: boolean }) =>
      timed('down', async () => {
        for (const lab of options.all ? listLabs() : [name()]) await removeLab(lab)
      }),
    )
  program.command('status').action(() => showStatus(name()))
  program.command('list').action(() => listLabs().forEach((lab) => say(lab)))
  program
    .command('check')
    .description('whether there can be a lab here')
    .action(() => {
      const why = whyNoLab()
      say(why ?? 'yes')
      if (why !== undefined) process.exitCode = 1
    })
  program
    .command('install')
    .description('install the Debian packages that a lab needs')
    .action(() => ensureLabPackages(say))
}

type Act = (server: LabServer) => Promise<void>

function addFaultCommands(program: Command, name: () => string): void {
  const acts: readonly (readonly [string, string, Act])[] = [
    ['cut', 'take the link down', (server) => server.cut()],
    ['restore', 'bring the link up, at full speed', (server) => server.restore()],
    ['kill-engine', 'SIGKILL the engine, leaving containers', (server) => server.killEngine()],
    ['crash-engine', 'SIGKILL the engine and all containers', (server) => server.killEngine({ containers: true })],
    ['start-engine', 'start the engine again', (server) => server.startEngine()],
    ['lose-containers', 'empty the engine, as after a lost disk', (server) => server.loseContainers()],
    ['power-off', 'end everything on the server', (server) => server.powerOff()],
    ['power-on', 'boot it with the disk it had', (server) => server.powerOn()],
    ['stop-sshd', 'refuse new SSH connections', (server) => server.stopSshd()],
    ['start-sshd', 'accept them again', (server) => server.startSshd()],
    ['change-host-key', 'be another server', (server) => server.changeHostKey()],
  ]
  const onAll = (names: readonly string[], act: Act): Promise<void> =>
    timed('done', async () => {
      const lab = await theLab(name())
      await Promise.all(names.map((one) => act(lab.server(one))))
    })
  for (const [command, description, act] of acts) {
    const made = program.command(command).description(description).argument('<servers...>')
    made.action((names: readonly string[]) => onAll(names, act))
  }
  program
    .command('slow')
    .description('slow the link, each way')
    .argument('<servers...>')
    .option('--delay <ms>')
    .option('--rate <kbit>')
    .option('--loss <percent>')
    .action((names: readonly string[], options: { delay?: string; rate?: string; loss?: string }) => {
      const slow = {
        ...(options.delay !== undefined && { delayMs: Number(options.delay) }),
        ...(options.rate !== undefined && { rateKbit: Number(options.rate) }),
        ...(options.loss !== undefined && { lossPercent: Number(options.loss) }),
      }
      return onAll(names, (server) => server.slow(slow))
    })
}

function addUseCommands(program: Command, name: () => string): void {
  program
    .command('fleet')
    .description('print the servers as a slipway.yaml')
    .action(async () => say(describeFleet(await theLab(name()))))
  program
    .command('ssh')
    .description('log in to a server, or run a command there')
    .argument('<server>')
    .argument('[command...]')
    .passThroughOptions()
    .action(async (wanted: string, command: readonly string[]) => {
      const lab = await theLab(name())
      const server = lab.server(wanted)
      const flags = ['-i', lab.sshKeyPath, '-o', `UserKnownHostsFile=${lab.knownHostsPath}`]
      const child = spawn('ssh', [...flags, `${server.user}@${server.address}`, ...command], { stdio: 'inherit' })
      const [code] = (await once(child, 'exit')) as [number | null]
      process.exitCode = code ?? 1
    })
  program
    .command('image')
    .description('make reference (shop/web:1), which serves its own name on port 80, and push it or load it everywhere')
    .argument('<reference>')
    .action(async (reference: string) => {
      const lab = await theLab(name())
      const files = { 'www/index.html': `${reference}\n` }
      const image = await lab.image(reference, { files, cmd: ['httpd', '-f', '-h', '/www'], exposedPorts: [80] })
      if (readState(name())?.hasRegistry === true) say((await lab.registry.push(image)).pinned)
      await lab.load(image)
    })
  program
    .command('git')
    .description('serve Git repositories in the foreground, from the folder of the lab')
    .argument('[repositories...]', 'made if they are not there', ['fleet'])
    .action(async (repositories: readonly string[]) => {
      const lab = await theLab(name())
      const git = await startGitServer(join(lab.dir, 'git'), [addressIn(lab.subnet, machineHost)])
      for (const repository of repositories) {
        const repo = await git.createRepo(repository)
        say(`${git.url(repository)}  from servers ${git.urlFromServers(repository) ?? ''}  work folder ${repo.workDir}`)
      }
    })
}
