import { mkdirSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isTooMuch, measureAlone, runAlone } from './alone.js'
import { inputOf } from './mutate.js'
import { newFuzzer } from './run-target.js'
import type { Failure, Ran } from './run-target.js'
import { TARGETS } from './targets.js'
import type { Target } from './target.js'

const USAGE = `npm run fuzz -- [--seconds 60] [--target NAME]… [--seed N] [--list]

Tries inputs on every parser of outside input, each for so many seconds. A failing input is made small and kept in
test/fuzz/kept/<target>/: \`npm test\` tries it from then on. Exit code 1: something failed.`

const KEPT = join(import.meta.dirname, 'kept')
const KILL_MS = 8_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    target: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string' },
    list: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
process.exitCode = await main()

async function main(): Promise<number> {
  if (values.help) return say(USAGE)
  if (values.list) return say(TARGETS.map(({ name, about }) => `${name.padEnd(20)} ${about}`).join('\n'))
  const [name = '', path = ''] = positionals
  if (values.alone) return say(JSON.stringify(await runAlone(targetOf(name), path)))
  const seconds = Number(values.seconds)
  const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed)
  if (!(seconds > 0) || !Number.isInteger(seed)) {
    console.error(`error: --seconds and --seed are numbers\n\n${USAGE}`)
    return 64
  }
  const targets = values.target.length === 0 ? TARGETS : values.target.map(targetOf)
  const fuzzer = newFuzzer()
  let failed = 0
  say(`seed ${seed}, ${targets.length} targets, ${seconds} s each`)
  for (const target of targets) {
    const endsAtMs = Date.now() + seconds * 1_000
    const ran = await fuzzer.run(target, { seed, from: 0, cases: 2 ** 30, endsAtMs, killMs: KILL_MS })
    const failures = [...ran.failures, ...(await slowOnes(target, seed, ran))]
    say(`${target.name.padEnd(20)} ${String(ran.cases).padStart(9)} cases  ${failures.length} failed`)
    for (const failure of failures) keep(failure)
    failed += failures.length
  }
  await fuzzer.end()
  return failed > 0 ? 1 : 0
}

/** Slow in company may be fast alone. What is too much alone, twice, is too much. */
async function slowOnes(target: Target, seed: number, { suspects }: Ran): Promise<readonly Failure[]> {
  const failures: Failure[] = []
  for (const { index } of [...suspects].sort((a, b) => b.ms - a.ms).slice(0, 3)) {
    const input = inputOf(target, seed, index)
    const first = await measureAlone(target.name, input)
    const second = first === null || isTooMuch(first) ? await measureAlone(target.name, input) : first
    if (second !== null && !isTooMuch(second)) continue
    const why = second === null ? 'had to be killed' : `takes ${Math.round(second.ms)} ms, ${second.grewBytes} bytes`
    failures.push({ target: target.name, seed, index, why, input })
  }
  return failures
}

function keep({ target, seed, index, why, input }: Failure): void {
  const dir = join(KEPT, target)
  const file = join(dir, createHash('sha1').update(input).digest('hex').slice(0, 10))
  mkdirSync(dir, { recursive: true })
  writeFileSync(file, input)
  console.error(`FAILED ${target}, seed ${seed}, case ${index}, kept in ${file}\n  ${why}`)
  if (input.byteLength < 400) console.error(`  ${JSON.stringify(input.toString('latin1'))}`)
}

function targetOf(name: string): Target {
  const target = TARGETS.find((one) => one.name === name)
  if (target !== undefined) return target
  throw new Error(`there is no target ${name}; --list shows them`)
}

function say(text: string): number {
  console.log(text)
  return 0
}
