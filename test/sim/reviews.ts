import type { Controller, Pins } from '../../src/controller/index.js'
import { pinsOf } from '../../src/cli/pins.js'
import type { SimGit } from './git.js'
import type { SimProcess } from './process.js'
import { randomOf } from './random.js'

/** Who is reviewed. */
interface Reviewed {
  readonly controller: Controller | null
}

/** Plans that people were shown before they merged, and what the controllers found their plans to be. */
export class Reviews {
  /** Revision → the pin of its plan, as last computed. */
  readonly pins = new Map<string, string | null>()
  private readonly world: { readonly git: SimGit }

  constructor(world: { readonly git: SimGit }) {
    this.world = world
  }

  /** Two plans in three were shown. */
  isShown(pin: string): boolean {
    return randomOf(`pin ${pin}`).chance(0.66)
  }

  /** The real pins of what a controller would do. */
  pinsFor(seat: Reviewed, process: SimProcess): Pins {
    const real = pinsOf({
      ledger: { get: () => undefined, set: () => undefined },
      source: this.world.git.portFor(process),
      clock: process.clock,
      ref: 'main',
      snapshot: () => {
        if (seat.controller === null) throw new Error('nobody plans')
        return seat.controller.snapshot()
      },
    })
    return {
      isShown: (pin) => this.isShown(pin),
      pinOf: async (revision, signal) => {
        const pin = await real.pinOf(revision, signal)
        this.pins.set(revision.sha, pin)
        return process.gate(pin)
      },
    }
  }
}
