export { FLEET_FILE, MOST_ROUNDS, createLoader } from './loader.js'
export type { Loaded, Loader } from './loader.js'
export type { ManifestTree, ReadContent } from './files.js'
