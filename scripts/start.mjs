// `npm start`: sets up this checkout, then shows Slipway at work. One process, so that a signal reaches all of it.
import { setUp } from './setup.mjs'

try {
  setUp()
  const { tsImport } = await import('tsx/esm/api')
  const { demo } = await tsImport('../demo/main.ts', import.meta.url)
  process.exitCode = await demo(process.argv.slice(2))
} catch (error) {
  console.error(`error: ${error.message}`)
  process.exitCode = 1
}
// What is still open (a line being read, a socket) is of no use to anybody now.
process.exit()
