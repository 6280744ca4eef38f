import type { Invariant } from './invariants.js'
import * as certificates from './safety-certificates.js'
import * as checks from './safety-checks.js'
import * as guards from './safety-guards.js'
import * as ingress from './safety-ingress.js'
import * as memory from './safety-memory.js'
import * as names from './safety-names.js'
import * as others from './safety-others.js'
import * as rollout from './safety-rollout.js'
import * as shares from './safety-shares.js'
import * as weights from './safety-weights.js'

/** What must hold at every step, by number. */
export const SAFETY: Readonly<Record<string, Invariant>> = {
  'I-01': rollout.I01,
  'I-02': rollout.I02,
  'I-03': rollout.I03,
  'I-04': rollout.I04,
  'I-05': rollout.I05,
  'I-06': rollout.I06,
  'I-07': rollout.I07,
  'I-08': rollout.I08,
  'I-09': rollout.I09,
  'I-10': others.I10,
  'I-11': others.I11,
  'I-13': others.I13,
  'I-14': others.I14,
  'I-16': others.I16,
  'I-18': others.I18,
  'I-19': others.I19,
  'I-20': others.I20,
  'I-22': others.I22,
  'I-24': others.I24,
  'I-25': others.I25,
  'I-26': others.I26,
  'I-31': others.I31,
  'I-34': others.I34,
  'I-35': ingress.I35,
  'I-39': others.I39,
  'G-01': guards.G01,
  'G-02': guards.G02,
  'G-03': guards.G03,
  'G-04': guards.G04,
  'G-05': names.G05,
  'G-06': shares.G06,
  'G-07': others.G07,
  'G-08': shares.G08,
  'G-09': weights.G09,
  'G-10': checks.G10,
  'M-01': memory.M01,
  'C-01': certificates.C01,
  'C-02': certificates.C02,
  'C-03': certificates.C03,
  'C-04': certificates.C04,
  'C-06': certificates.C06,
}

/** What holds, or is tried, elsewhere, or concerns what is not built, by number. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  'I-12': 'the engine has no call that deletes a volume from here, and at rest every volume is counted (rest.ts)',
  'I-15': 'leases come with high availability; until then a rival holds everything (F38)',
  'I-17': 'parsers are fuzzed on their own',
  'I-21': 'secrets are not decrypted yet',
  'I-23':
    'a cut or garbled list is an answer of its own kind here (F05, F23), and the driver is tried against hostile engines',
  'I-27': 'drift is a plan like any other, so I-01, I-02 and I-34 hold for it',
  'I-28': 'rollouts are counted across clock jumps by I-07, and nothing may move at rest (rest.ts)',
  'I-29': 'crash points are enumerated (crash-points.test.ts), and demanded of every upgrade (upgrade.ts)',
  'I-30': 'counted at rest (rest.ts)',
  'I-32': 'F53 takes the journal away in the middle of worlds, with I-08 at every step',
  'I-33': 'I-31 takes an intent away with its call',
  'I-36': 'demanded at rest (rest.ts)',
  'I-37': 'demanded at rest (rest.ts)',
  'I-38': 'demanded at rest (rest.ts)',
  'I-40': 'demanded of every status that is read (rest.ts)',
}
