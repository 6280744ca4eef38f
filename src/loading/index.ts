export { processLoader } from './process-loader.js'
export type { ProcessLoaderOptions } from './process-loader.js'
