export { openAcme } from './open-acme.js'
export type { Acme, AcmeOptions } from './open-acme.js'
