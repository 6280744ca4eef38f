import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { LogEvent } from '../controller/index.js'
import type { LedgerFile } from '../forge/index.js'

/** `forge.json` in the data directory. A disk that is full costs memory of what was told, and nothing else. */
export function ledgerFile(dataDir: string, log: (event: LogEvent) => void, nowMs: () => number): LedgerFile {
  const path = join(dataDir, 'forge.json')
  const complain = (error: unknown): void => {
    const fields = { file: path, problem: (error as NodeJS.ErrnoException).code ?? String(error) }
    log({ atMs: nowMs(), level: 'warn', message: 'forge memory not written', fields })
  }
  return {
    read() {
      try {
        return readFileSync(path, 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') complain(error)
        return null
      }
    },
    write(text) {
      try {
        mkdirSync(dataDir, { recursive: true, mode: 0o700 })
        const file = openSync(`${path}.new`, 'w', 0o600)
        try {
          writeSync(file, text)
          fsyncSync(file)
        } finally {
          closeSync(file)
        }
        renameSync(`${path}.new`, path)
      } catch (error) {
        complain(error)
      }
    },
  }
}
