export { threadLoader } from './thread-loader.js'
export type { ThreadLoaderOptions } from './thread-loader.js'
