export { openChecker } from './open-checker.js'
