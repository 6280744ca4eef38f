export { asideOf, readPrivate, renameAside, writePrivate } from './private-file.js'
