import { polledAs, previewOn } from '../controller/index.js'
import type { Clock, Pins, Snapshot, Source } from '../controller/index.js'
import { ok } from '../model/index.js'
import { shownKey } from '../forge/index.js'
import type { Ledger } from '../forge/index.js'

export interface PinsOptions {
  readonly ledger: Ledger
  readonly source: Source
  readonly clock: Clock
  readonly ref: string
  readonly snapshot: () => Snapshot
}

/** Pins of what this controller would do, and of what it showed on pull requests. */
export function pinsOf({ ledger, source, clock, ref, snapshot }: PinsOptions): Pins {
  return {
    isShown: (pin) => ledger.get(shownKey(pin)) !== undefined,
    async pinOf(revision, signal) {
      const only = polledAs(source, () => Promise.resolve(ok(revision)))
      return (await previewOn(snapshot(), only, clock, ref, signal)).pin
    },
  }
}
