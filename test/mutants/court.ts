import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Tree } from './tree.js'

/** One test file to run, and the source file that was broken or mended for it. */
export interface Question {
  readonly changed: string
  readonly test: string
}

/** The title of the first test that failed; null: all passed. */
export interface Answer {
  readonly failed: string | null
}

/** A process that runs test files in a tree, one at a time. One that does not end is put an end to: that too is a failure. */
export interface Court {
  ask(question: Question): Promise<Answer>
  close(): void
}

/** Longer than any healthy file takes, on a machine that is busy with something else. */
const TIMEOUT_MS = 10 * 60_000

export function openCourt(tree: Tree): Court {
  let judge: Promise<ChildProcess> | null = null
  const ask = async (question: Question): Promise<Answer> => {
    const child = await (judge ??= startJudge(tree))
    const answer = await answered(child, () => child.send(question))
    if (answer !== null) return answer
    end(child)
    judge = null
    return { failed: 'does not end' }
  }
  return {
    ask,
    close: () => void judge?.then(end, () => undefined),
  }
}

async function startJudge(tree: Tree): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'judge.ts'), [tree.dir], {
    cwd: tree.dir,
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  if ((await answered(child, () => undefined)) === null)
    throw new Error('the process that runs the tests did not start')
  return child
}

/** With its workers: a test that never ends is in one of them. */
function end(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

/** What the process says next; null when it ends or says nothing in time. */
function answered(child: ChildProcess, send: () => void): Promise<Answer | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => done(null), TIMEOUT_MS)
    const onExit = (): void => done(null)
    const onMessage = (answer: Answer): void => done(answer)
    const done = (answer: Answer | null): void => {
      clearTimeout(timer)
      child.off('exit', onExit).off('message', onMessage)
      resolve(answer)
    }
    child.once('exit', onExit).once('message', onMessage)
    send()
  })
}
