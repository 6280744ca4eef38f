import { Command } from 'commander'
import { addLabCommands } from './commands.js'
import { say } from './report.js'

async function main(): Promise<void> {
  const program = new Command('lab').description(
    'several real servers on this machine, for tests and for trying things',
  )
  program.option('-n, --name <lab>', 'which lab', 'lab').enablePositionalOptions()
  addLabCommands(program)
  await program.parseAsync()
}

main().catch((error: unknown) => {
  say(`lab: ${error instanceof Error ? error.message : String(error)}`, process.stderr)
  process.exitCode = 1
})
