// Makes this checkout ready to run: what `npm start` and `npm test` do first. Plain Node: nothing may be installed yet.
import { spawnSync } from 'node:child_process'
import { accessSync, chmodSync, constants, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))
const NODE_MIN = [20, 19]

/** Needed only where no prebuilt better-sqlite3 can be had for this machine. */
const BUILD_PACKAGES = ['python3', 'make', 'g++']

/** Sets up, saying each thing that it does; throws with what is missing and how to get it. */
export function setUp({ lab = false, say = (line) => console.log(line) } = {}) {
  checkNode()
  installDependencies(say)
  build(say)
  if (lab && isRoot() && onPath('apt-get')) installLabPackages(say)
}

export function isRoot() {
  return process.getuid?.() === 0
}

/** Path of a program that a dependency brings. */
export function tool(name) {
  return join(ROOT, 'node_modules', '.bin', name)
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return
  throw new Error(
    `Node ${NODE_MIN.join('.')} or newer is needed, this is ${process.versions.node}: see https://nodejs.org`,
  )
}

function installDependencies(say) {
  const installed = join(ROOT, 'node_modules', '.package-lock.json')
  if (newest(installed) < newest(join(ROOT, 'package-lock.json'))) {
    say('installing the npm dependencies that package-lock.json names (npm ci)')
    if (!run('npm', ['ci', '--no-audit', '--no-fund']) && !installCompiler(say)) {
      throw new Error('npm ci failed; its own output above says why')
    }
    if (!existsSync(installed)) run('npm', ['ci', '--no-audit', '--no-fund'], 'npm ci failed')
  }
  if (sqliteLoads()) return
  say(`building better-sqlite3 for Node ${process.versions.node}`)
  if (run('npm', ['rebuild', 'better-sqlite3']) && sqliteLoads()) return
  installCompiler(say)
  run('npm', ['rebuild', 'better-sqlite3'], `better-sqlite3 cannot be built: it needs ${BUILD_PACKAGES.join(', ')}`)
  if (sqliteLoads()) return
  throw new Error(
    `better-sqlite3 was built, but not for this Node (${process.versions.node}): let npm's setting nodedir name its ` +
      'headers, or remove the setting, and run this again',
  )
}

/** A native library is for one Node version: one installed by another does not load. */
function sqliteLoads() {
  const script = `new (require('better-sqlite3'))(':memory:').close()`
  return spawnSync(process.execPath, ['-e', script], { cwd: ROOT, stdio: 'ignore' }).status === 0
}

function installCompiler(say) {
  const missing = BUILD_PACKAGES.filter((name) => !onPath(name))
  if (missing.length === 0) return false
  if (!isRoot() || !onPath('apt-get')) {
    throw new Error(
      `no prebuilt better-sqlite3 could be had, and building it needs ${missing.join(', ')}: ` +
        `install them (Debian: sudo apt-get install ${missing.join(' ')}) and run this again`,
    )
  }
  say(`installing the Debian packages ${missing.join(' ')}, to build better-sqlite3`)
  const install = ['install', '-y', '-q', '--no-install-recommends', ...missing]
  if (!run('apt-get', install)) {
    run('apt-get', ['-q', 'update'])
    run('apt-get', install, `apt-get cannot install ${missing.join(' ')}`)
  }
  return true
}

/** The list of packages is the lab's own; it installs what is missing and says what. */
function installLabPackages(say) {
  say('looking for the Debian packages that the lab needs')
  run(tool('tsx'), ['test/lab/main.ts', 'install'], 'the Debian packages of the lab could not be installed')
}

function build(say) {
  const sources = ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json'].map((path) =>
    newest(join(ROOT, path)),
  )
  const program = join(ROOT, 'dist', 'main.js')
  if (newest(program) > Math.max(...sources)) return
  say('building dist/ from src/ (npm run build)')
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true })
  run(tool('tsc'), ['-p', 'tsconfig.build.json'], 'the build failed')
  chmodSync(program, 0o755)
}

/** Time of the newest file at or under a path; 0 when there is none. */
function newest(path) {
  if (!existsSync(path)) return 0
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
}

function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** True when the command ended well; with `otherwise`, throws that when it did not. */
function run(command, args, otherwise) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], env })
  if (status !== 0 && otherwise !== undefined) throw new Error(otherwise)
  return status === 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    setUp({ lab: process.argv.includes('--lab') })
  } catch (error) {
    console.error(`error: ${error.message}`)
    process.exitCode = 1
  }
}
