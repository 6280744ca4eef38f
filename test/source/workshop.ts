import { join } from 'node:path'
import { expect } from 'vitest'
import type { Merge, Workshop } from '../../src/controller/index.js'
import type { Problem, Revision } from '../../src/model/index.js'
import { gitWorkshop } from '../../src/source/index.js'
import type { GitSourceOptions } from '../../src/source/index.js'
import { filesOf, freshDir, later, signal, value } from './follow.js'

export function workshopOn(url: string, options: Partial<GitSourceOptions> = {}): Workshop {
  const dir = options.dir ?? join(freshDir(), 'clone')
  const workshop = gitWorkshop({ url, ref: { branch: 'main' }, ...options, dir })
  later(() => workshop.close())
  return workshop
}

export async function bring(workshop: Workshop, name: string): Promise<Revision> {
  return value(await workshop.bring(name, signal))
}

/** `name` merged into main: its files, or why not. */
export async function mergeOf(
  workshop: Workshop,
  name: string,
): Promise<{ readonly merge: Merge | null; readonly files: unknown; readonly problems: readonly Problem[] }> {
  const [base, head] = [await bring(workshop, 'main'), await bring(workshop, name)]
  const merge = await workshop.merge(base, head, signal)
  if (!merge.ok) return { merge: null, files: null, problems: merge.problem }
  const { source } = merge.value
  const { sha } = value(await source.poll(signal))
  return { merge: merge.value, files: await filesOf(source, sha), problems: [] }
}

export function clean(merged: Awaited<ReturnType<typeof mergeOf>>): unknown {
  expect(merged.problems).toEqual([])
  return merged.files
}
