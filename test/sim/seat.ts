import type { Controller, Intent } from '../../src/controller/index.js'
import type { Disk } from './disk.js'
import type { SimDriver } from './driver.js'
import type { DiskFaults } from './journal.js'
import type { SimProcess } from './process.js'

/** One controller on a data directory: the process that lives now, and what the world knows of it. */
export interface Seat {
  readonly name: string
  disk: Disk
  readonly faults: DiskFaults
  process: SimProcess | null
  controller: Controller | null
  driver: SimDriver | null
  /** Set while the journal cannot be opened: nobody can start. */
  isDamaged: boolean
  /** It was told to end, and has not yet. */
  isStopping: boolean
  openIntents: Map<string, Intent>
}

export function seatOf(name: string, disk: Disk): Seat {
  const faults = { refusal: null, countdown: 0 }
  const nobody = { process: null, controller: null, driver: null }
  return { name, disk, faults, ...nobody, isDamaged: false, isStopping: false, openIntents: new Map() }
}
