import { Command } from 'commander'
import { dockerCompose } from './docker-compose.js'
import { compareAll, describeDifference, generatedCases } from './run-cases.js'

/** More than this is one bug seen often. */
const MOST_SHOWN = 20

async function main(): Promise<void> {
  const program = new Command('oracle').description('compare the loader with Docker Compose, on generated repositories')
  program.option('--cases <number>', 'how many', '5000').option('--seed <number>', 'of the generator', '1')
  program.option('--only <number>', 'this case alone, with its files')
  program.option('--stable', "ask Debian 13's Docker Compose (2.26) instead of the newest")
  const options = program.parse().opts<{ cases: string; seed: string; only?: string; stable?: true }>()
  const oracle = await dockerCompose(options.stable === true ? 'compose-stable' : 'compose')
  try {
    const all = generatedCases(Number(options.cases), Number(options.seed))
    const cases = options.only === undefined ? all : all.slice(Number(options.only), Number(options.only) + 1)
    const tally = await compareAll(cases, oracle)
    for (const difference of tally.differences.slice(0, MOST_SHOWN))
      console.log(describeDifference(difference, options.only !== undefined))
    for (const [reason, cases] of tally.reasons) console.log(`${String(cases).padStart(5)} × ${reason}`)
    console.log(`Docker Compose ${oracle.version}: ${JSON.stringify(tally.counts)}`)
    if (tally.differences.length > 0) process.exitCode = 1
  } finally {
    oracle.close()
  }
}

void main()
