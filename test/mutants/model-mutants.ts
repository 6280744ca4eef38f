import type { Mutant } from './mutant.js'

/** What stands on containers for as long as they live, whichever release reads it. */
export const MODEL_MUTANTS: readonly Mutant[] = [
  {
    file: 'src/model/container-name.ts',
    find: 'JSON.stringify([fleet, specHash, restart])',
    put: 'JSON.stringify([restart, fleet, specHash])',
    breaks: 'an upgrade takes every container for one of somebody else',
  },
  {
    file: 'src/model/spec-hash.ts',
    find: 'hashed.map((field) => [field, spec[field]])',
    put: 'hashed.map((field) => [field, spec[field] ?? 0])',
    breaks: 'an upgrade makes every container anew',
  },
  {
    file: 'src/model/spec-hash.ts',
    find: 'memoryBytes !== null ? `memory=${memoryBytes}`',
    put: 'memoryBytes !== null ? `mem=${memoryBytes}`',
    breaks: 'an upgrade changes the limits of every container',
  },
  {
    file: 'src/model/labels.ts',
    find: "spec: 'slipway.spec'",
    put: "spec: 'slipway.spec-hash'",
    breaks: 'an upgrade cannot read what its containers are made of',
  },
]
