export { FLEET_FILE, createLoader } from './loader.js'
export type { Loaded, Loader } from './loader.js'
export type { ManifestTree, ReadContent } from './files.js'
