import type { JsonMap } from './docker-compose.js'

/** A project as `docker compose config` prints it, with the contents of the files that it names. */
export interface Project {
  readonly json: JsonMap
  /** By path in the repository. */
  readonly files: Readonly<Record<string, string>>
}

export const COMPOSE_PATH = 'stacks/shop/compose.yaml'
