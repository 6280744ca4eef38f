export { virtualClock } from './virtual-clock.js'
export type { VirtualClock } from './virtual-clock.js'
export { simEngine } from './engine/sim-engine.js'
export type { SimEngine } from './engine/sim-engine.js'
export { STEADY, isReadyAt } from './engine/behaviour.js'
export type { Behaviour } from './engine/behaviour.js'
export { ENGINE_TIMES, stateOf } from './engine/machine.js'
export type {
  EngineTimes,
  EngineVersion,
  Machine,
  Pull,
  SimContainer,
  SimEngineOptions,
  SimImage,
  Starting,
} from './engine/machine.js'
export type { EngineEvent } from './engine/event-log.js'
export { rehearse } from './rehearse.js'
export type { Assumptions, Rehearsal, RehearsalDriver, RehearsalInput, RehearsalOutcome } from './rehearse.js'
export { formatRehearsals, rehearsalsToJson } from './format-rehearsal.js'
export type { RehearsalFormat } from './format-rehearsal.js'
export type { TimelineEntry } from './timeline.js'
export type { MemoryMeasure, ServiceMeasure } from './measure.js'
