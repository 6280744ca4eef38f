import { relative } from 'node:path'
import { PROGRAM, startController } from './controller.js'
import type { DemoController } from './controller.js'
import { openFleetRepository } from './git.js'
import type { Play } from './play.js'
import { prompt } from './prompt.js'
import { raiseStage } from './raise.js'
import { openScreen } from './screen.js'
import type { Screen } from './screen.js'
import { NoStage } from './stage.js'
import type { Stage } from './stage.js'
import { tour } from './tour.js'
import { visitorsOf } from './visitors.js'

const USAGE = `npm start             the demo, step by step
npm start -- --tour   the same by itself, with a summary; exit code 1 when something did not go as told
          -- --local  on the Docker Engine of this machine, even where a lab of three servers can be`

/** The same Ctrl-C may come from the terminal and once more through npm. */
const SAME_SIGNAL_MS = 1_000
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

const terminal = {
  out: (text: string) => void process.stdout.write(text),
  env: process.env,
  isTty: process.stdout.isTTY,
  // A terminal that does not know its width says 0.
  columns: process.stdout.columns || 100,
}

/** Runs the demo; the number is the exit code. */
export async function demo(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => arg !== '--tour' && arg !== '--local')
  if (unknown !== undefined) {
    terminal.out(`${USAGE}\n`)
    return unknown === '--help' || unknown === '-h' ? 0 : 64
  }
  const screen = openScreen(terminal)
  const ending = onSignals(screen)
  let code: number
  try {
    code = await onStage(args, screen, ending)
  } catch (error) {
    if (!ending.aborted) screen.say(`\n${screen.colors.red('error')} ${explain(error)}`)
    code = 1
  }
  return ending.aborted ? CODES[ending.reason as keyof typeof CODES] : code
}

function onSignals(screen: Screen): AbortSignal {
  const ending = new AbortController()
  let firstMs = 0
  for (const name of Object.keys(CODES) as (keyof typeof CODES)[]) {
    process.on(name, () => {
      if (!ending.signal.aborted) {
        firstMs = performance.now()
        ending.abort(name)
      } else if (performance.now() - firstMs > SAME_SIGNAL_MS) screen.say('still taking everything down …')
    })
  }
  return ending.signal
}

async function onStage(args: readonly string[], screen: Screen, ending: AbortSignal): Promise<number> {
  screen.title('The stage')
  const stage = await raiseStage(args.includes('--local'), (line) => screen.say(`… ${line}`))
  let controller: DemoController | undefined
  const visitors = visitorsOf(stage.shop)
  try {
    ending.throwIfAborted()
    for (const line of stage.lines) screen.say(line)
    const { url } = await createRepository(stage)
    const repository = await openFleetRepository(url, stage.dir, stage.files)
    screen.say(`Git    ${url}`)
    if (stage.shop[0] !== undefined)
      screen.say(`Shop   ${stage.shop[0]}  once it is deployed, and the same on the others`)
    const { dir, env, home } = stage
    controller = await startController({ repositoryUrl: url, dir, env, home, onFacts: screen.tell })
    ending.throwIfAborted()
    const play = { screen, controller, repository, shop: stage.shop, visitors }
    const { slipway } = controller
    const showStatus = (): Promise<void> => slipway(['status'], terminal)
    if (args.includes('--tour')) return (await tour(play, showStatus, ending)) ? 0 : 1
    await prompt(play, showStatus, () => showHelp(play, stage.stack), ending)
    return 0
  } finally {
    await visitors.end()
    await takeDown(stage, controller, screen)
  }
}

async function createRepository(stage: Stage): Promise<{ readonly url: string }> {
  await stage.git.createRepo('fleet')
  return { url: stage.git.url('fleet') }
}

async function takeDown(stage: Stage, controller: DemoController | undefined, screen: Screen): Promise<void> {
  screen.say('\ntaking everything down …')
  const startedMs = performance.now()
  try {
    await controller?.stop()
  } finally {
    await stage.down()
  }
  screen.say(`everything is gone, ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`)
}

function showHelp({ screen, controller, repository, shop }: Play, stack: string): void {
  const sudo = process.env['SUDO_UID'] === undefined ? '' : 'sudo '
  const program = `${sudo}node ${relative(process.cwd(), PROGRAM)}`
  const { bold } = screen.colors
  screen.title('Your turn: type one of these, then Enter')
  for (const [key, what] of [
    ['1', 'a commit that rolls out'],
    ['2', 'a commit that fails its health checks and is rolled back'],
    ['3', 'git revert of the newest of those'],
    ['s', 'status'],
    ['q', 'end it, and take everything down (so does Ctrl-C)'],
  ] as const) {
    screen.say(`  ${bold(key)}  ${what}`)
  }
  screen.say('\nA commit of your own, from another terminal (ideas: sample-repo/README.md):')
  screen.say(`  cd ${repository.workDir} && git pull -q`)
  screen.say('  ${EDITOR:-vi} stacks/shop/web.env')
  screen.say("  git commit -am 'Change the greeting' && git push")
  sayShop(screen, shop)
  screen.say('\nThe command line, from another terminal in this folder:')
  screen.say(`  export SLIPWAY_DATA=${controller.dataDir}`)
  screen.say(`  ${program} status   (or history, logs ${stack}/web, restart ${stack}/web, --help)\n`)
}

/** Every server answers, whichever the replicas run on. */
function sayShop(screen: Screen, [first]: readonly string[]): void {
  if (first === undefined) return
  const { hostname } = new URL(first)
  screen.say('\nThe shop, from another terminal, on any of the servers:')
  screen.say(`  curl ${first}   (a published port, balanced over all replicas)`)
  screen.say(`  curl -H 'Host: shop.example.com' http://${hostname}/orders   (a route; api asks store by its name)`)
}

function explain(error: unknown): string {
  if (error instanceof NoStage) return error.message
  return error instanceof Error ? error.message : String(error)
}
