import { Command } from 'commander'
import { attachLab, removeLab, startLab, type Lab } from './lab.js'
import { ensureLabPackages } from './packages.js'
import type { EngineKind } from './downloads.js'
import { listLabs } from './state.js'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

async function theLab(name: string): Promise<Lab> {
  const lab = await attachLab(name)
  if (lab === undefined) throw new Error(`no lab ${name}: npm run lab -- up`)
  return lab
}

function describe(lab: Lab): void {
  say(`lab ${lab.name}: ssh -i ${lab.sshKeyPath} -o UserKnownHostsFile=${lab.knownHostsPath} deploy@…`)
  for (const server of lab.servers) {
    const engine = server.engineVersion === '' ? 'engine down' : `docker ${server.engineVersion}`
    const power = server.isPoweredOn ? engine : 'powered off'
    say(`  ${server.name.padEnd(8)} ${server.address.padEnd(14)} ${power.padEnd(24)} ${server.hostKeyFingerprint}`)
    say(`  ${''.padEnd(8)} ${server.socketPath}`)
  }
}

async function main(): Promise<void> {
  const program = new Command('lab').description('several real servers on this machine')
  program.option('-n, --name <name>', 'which lab', 'lab')
  const name = (): string => program.opts<{ name: string }>().name

  program
    .command('up')
    .argument('[servers]', 'how many', '3')
    .option('--engine <kind>', 'old, modern or newest for all; default: old and modern in turn')
    .action(async (servers: string, options: { engine?: EngineKind }) => {
      await ensureLabPackages(say)
      const started = Date.now()
      const engine = options.engine === undefined ? {} : { engine: options.engine }
      const lab = await startLab({ name: name(), servers: Number(servers), detached: true, say, ...engine })
      describe(lab)
      say(`up in ${((Date.now() - started) / 1000).toFixed(1)} s`)
    })
  program.command('down').action(async () => {
    const started = Date.now()
    await removeLab(name())
    say(`down in ${((Date.now() - started) / 1000).toFixed(1)} s`)
  })
  program.command('status').action(async () => describe(await theLab(name())))
  program.command('list').action(() => listLabs().forEach(say))
  program.command('install').action(() => ensureLabPackages(say))
  await program.parseAsync()
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
