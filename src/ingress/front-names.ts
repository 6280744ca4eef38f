/** Files beside the configuration that change while a proxy runs; commands name them as it does. */
export const ROUTES_MAP = 'routes.map'
export const PATHS_MAP = 'paths.map'
export const CHALLENGES_MAP = 'challenges.map'
export const REPLICAS_MAP = 'replicas.map'
export const FRESH_MAP = 'fresh.map'
export const CERTIFICATES_LIST = 'certificates.list'
