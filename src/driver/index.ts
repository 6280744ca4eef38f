export { dockerDriver } from './driver.js'
export { DRIVER_LIMITS } from './options.js'
export { fingerprintOf } from './host-key.js'
export type { DriverLimits, DriverOptions, Lane, Lanes, RegistryAuth, SshHost, SshIdentity } from './options.js'
