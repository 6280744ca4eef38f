import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { sampleFiles } from '../test/e2e/manifests.js'
import type { BenchLab } from './bench-lab.js'
import { sampleOf } from './figures.js'
import type { Figure } from './figures.js'
import { Program, residentMb } from './processes.js'

const SETTLE_MS = 15_000
const DEADLINE_MS = 120_000

/** What the program holds some seconds after it has brought the sample repository to three servers, or found it there. */
export async function measureMemory(bench: BenchLab, runs: number, say: (line: string) => void): Promise<Figure> {
  const { lab, tempDir } = bench
  const repository = await lab.git.createRepo('sample')
  await repository.commit(sampleFiles(lab), 'the sample')
  const values: number[] = []
  for (let run = 1; run <= runs; run += 1) {
    say(`memory at rest with the sample fleet, run ${run} of ${runs}`)
    const program = new Program(['run'], {
      HOME: tempDir,
      SLIPWAY_REPO: lab.git.url(repository.name),
      SLIPWAY_DATA: mkdtempSync(join(tempDir, 'sample-')),
      SLIPWAY_SSH_KEY_FILE: lab.sshKeyPath,
    })
    try {
      await program.logged(run === 1 ? '"rollout completed"' : '"stack adopted"', 1, DEADLINE_MS)
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      values.push(residentMb(program.pid))
    } finally {
      await program.end()
    }
  }
  const what = 'resident, sample fleet of 3 servers'
  return { group: 'memory', what, unit: 'MB', slipway: sampleOf(values), floor: null, floorIs: '', target: null }
}
