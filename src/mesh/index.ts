export { openAuthority } from './authority.js'
export type { AuthorityOptions } from './authority.js'
