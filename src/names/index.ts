export { assignAddresses, isInRange, parseRange } from './addresses.js'
export type { AddressRange } from './addresses.js'
export { declaredPorts, givenNames, hostPorts, isNameable, networksAround } from './given.js'
export type { NamedService } from './given.js'
