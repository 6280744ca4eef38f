import { createRequire } from 'node:module'

// The schemas are files for people and editors, outside of the compiler's root, so they are required rather than imported.
const required = createRequire(import.meta.url)

function schema(name: string): object {
  return required(`../../schema/${name}.schema.json`) as object
}

export const FLEET_SCHEMA = schema('slipway')
export const COMPOSE_SCHEMA = schema('compose')
export const X_SLIPWAY_SCHEMA = schema('x-slipway')
