export { readPrivate, writePrivate } from './private-file.js'
