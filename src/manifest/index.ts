export { FLEET_FILE, MOST_ROUNDS, createLoader } from './loader.js'
export type { Loaded, Loader } from './loader.js'
export type { ManifestTree, ReadContent } from './files.js'
/** What becomes of each key of the Compose Specification, for whoever shows it. */
export { COMPOSE_KEYS } from './compose-keys.js'
export type { KeyRow } from './compose-keys.js'
