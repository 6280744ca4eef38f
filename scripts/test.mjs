// `npm test`: everything that CI runs, in order, ending in one line that sums it up.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT, setUp, tool } from './setup.mjs'

/** CI machines give up after half an hour; a stage that hangs must be named before that. */
const BUDGET_MS = 29 * 60_000
/** By itself vitest leaves one core idle: of two, half of the machine. */
const ALL_CORES = `--maxWorkers=${availableParallelism()}`
const startedAtMs = Date.now()
const reports = join(ROOT, 'coverage')

const stages = [
  ['set-up', setUpStage],
  ['types', typesStage],
  ['lint', () => check('eslint', ['--max-warnings', '0', '.'])],
  ['format', () => check('prettier', ['--check', '--log-level', 'warn', '.'])],
  ['lab and end-to-end tests', labStage],
  ['tidy and unit tests', unitStage],
]

/** Checks take one core and real servers mostly wait: what they leave is for the unit tests, which say what they have to say when they are asked. */
let unit

const total = { passed: 0, failed: 0 }
const failures = []
for (const [name, stage] of stages) {
  heading(name)
  const stageAtMs = Date.now()
  const { passed, failed } = await stage()
  total.passed += passed
  total.failed += failed
  if (failed > 0) failures.push(name)
  console.log(`${name}: ${passed} passed, ${failed} failed, ${Math.round((Date.now() - stageAtMs) / 1000)} s`)
  if (name === 'set-up' && failed > 0) break
}
if (failures.length > 0) console.log(`\nfailed: ${failures.join('; ')}`)
console.log(`\n${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed > 0 ? 1 : 0

function setUpStage() {
  try {
    setUp({ lab: true })
    return one(true)
  } catch (error) {
    console.error(`error: ${error.message}`)
    return one(false)
  }
}

function typesStage() {
  unit = startUnit()
  return check('tsc', ['-p', 'tsconfig.json'])
}

async function check(program, args) {
  return one((await run(program, args)) === 0)
}

async function unitStage() {
  const { counts, said } = await unit
  process.stdout.write(readFileSync(join(said, 'log')))
  rmSync(said, { recursive: true })
  return counts
}

function startUnit() {
  const said = mkdtempSync(join(tmpdir(), 'slipway-unit-'))
  const quiet = { out: openSync(join(said, 'log'), 'w'), niceness: 10 }
  return tests('unit', [ALL_CORES], quiet).then((counts) => ({ counts, said }))
}

async function tests(project, extra = [], how = {}) {
  mkdirSync(reports, { recursive: true })
  const file = join(reports, `${project}.json`)
  rmSync(file, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const status = await run('vitest', ['run', '--project', project, ...reporters, ...extra], how)
  return counted(file, status)
}

/** What a report counts. A test that was skipped proves nothing, and a file that did not load hides its tests: both are failures. */
function counted(file, status) {
  let report
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    console.error('error: the tests ended without a report')
    return one(false)
  }
  const skipped = report.numPendingTests + report.numTodoTests
  if (skipped > 0) console.error(`error: ${skipped} tests were skipped`)
  const unloaded = report.testResults.filter(
    (result) => result.status === 'failed' && result.assertionResults.length === 0,
  )
  const failed = report.numFailedTests + skipped + unloaded.length
  const empty = report.numTotalTests === 0
  return { passed: report.numPassedTests, failed: failed === 0 && (status !== 0 || empty) ? 1 : failed }
}

/**
 * Without a lab the most important half is not run. That is never a quiet skip: it counts as one failure, here and under CI,
 * because a green line would say what nobody knows. `npm run test:unit` is there for machines without one.
 */
async function labStage() {
  if ((await run('tsx', ['scripts/why-no-lab.ts'])) !== 0) {
    const line = '!'.repeat(100)
    console.error(`${line}\nNOT RUN: the tests on real servers, for the reason above. Nothing is known about them.`)
    console.error(`npm run test:unit runs all that needs no lab.\n${line}`)
    return one(false)
  }
  return tests('lab')
}

function one(isGood) {
  return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1 }
}

function heading(name) {
  console.log(`\n── ${name} ${'─'.repeat(Math.max(0, 96 - name.length))}`)
}

function run(program, args, { out = 'inherit', niceness = 0 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(tool(program), args, { cwd: ROOT, stdio: ['ignore', out, out] })
    if (niceness > 0 && child.pid !== undefined) setPriority(child.pid, niceness)
    const timer = setTimeout(
      () => {
        console.error(`error: ${program} was stopped: all stages together may take ${BUDGET_MS / 60_000} minutes`)
        child.kill('SIGTERM')
        setTimeout(() => child.kill('SIGKILL'), 20_000).unref()
      },
      Math.max(1_000, BUDGET_MS - (Date.now() - startedAtMs)),
    )
    child.on('error', (error) => {
      console.error(`error: ${error.message}`)
      clearTimeout(timer)
      resolve(1)
    })
    child.on('exit', (code) => {
      clearTimeout(timer)
      resolve(code ?? 1)
    })
  })
}
