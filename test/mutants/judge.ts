import { join } from 'node:path'
import { createVitest } from 'vitest/node'
import type { TestModule } from 'vitest/node'
import type { Answer, Question } from './court.js'

/** Runs tests in a tree whose files are changed under it: one Vitest for all of them, so that nothing but what changed is read again. */
const dir = process.argv[2] ?? ''
const vitest = await createVitest('test', {
  root: dir,
  watch: false,
  project: ['unit'],
  bail: 1,
  maxWorkers: 1,
  reporters: [{}],
})
await vitest.standalone()

/** Files that were changed once, each of which may have been put back since. */
const touched = new Set<string>()

process.on('message', ({ changed, test }: Question) => {
  touched.add(changed)
  for (const file of touched) vitest.invalidateFile(join(dir, file))
  void answer(test).then((reply) => process.send?.(reply))
})
// A run that was stopped leaves nobody behind.
process.on('disconnect', () => process.exit())
process.send?.({ failed: null } satisfies Answer)

async function answer(test: string): Promise<Answer> {
  const specifications = (await vitest.globTestSpecifications([join(dir, test)])).filter(
    ({ moduleId }) => moduleId === join(dir, test),
  )
  if (specifications.length === 0) return { failed: 'there is no such test' }
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications)
  // The answer has all modules that ever ran.
  const module = testModules.find(({ moduleId }) => moduleId === join(dir, test))
  const failed = module === undefined ? 'does not run' : firstFailure(module)
  return { failed: failed ?? (unhandledErrors.length > 0 ? 'an error that nobody caught' : null) }
}

function firstFailure(module: TestModule): string | null {
  if (module.errors().length > 0) return 'cannot be loaded'
  for (const test of module.children.allTests('failed')) return test.fullName
  return module.state() === 'passed' ? null : `is ${module.state()}`
}
