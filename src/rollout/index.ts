export type { AdoptedPin, FailureEvidence, RolloutFact } from './facts.js'
