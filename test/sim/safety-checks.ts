import type { Invariant } from './invariants.js'

export const G10: Invariant = {
  sentence: 'no step of a canary is passed before each check said yes since it was reached, unless a person says so',
  fact: (world, fact) => {
    if (fact.kind !== 'step-begun' || fact.step === 0 || fact.promoted) return null
    const { stack, service, step } = fact
    const hash = world.ledger.stack(stack).rollout?.hash ?? null
    const strategy = hash === null ? undefined : world.oracle.service(hash, service)?.rollout.strategy
    // The last step, everything to all, lasts no time.
    if (strategy?.kind !== 'canary' || strategy.checks === undefined || strategy.steps[step - 1] === undefined)
      return null
    const word = world.checks.lastWord(`${stack}/${service}`, world.main.process)
    return word === 'yes' ? null : `step ${step} of ${stack}/${service} is passed, and its check last said ${word}`
  },
}
