/** Files beside the configuration that change while a proxy runs; commands name them as it does. */
export const ROUTES_MAP = 'routes.map'
export const PATHS_MAP = 'paths.map'
export const CHALLENGES_MAP = 'challenges.map'
export const REPLICAS_MAP = 'replicas.map'
export const FRESH_MAP = 'fresh.map'
export const CERTIFICATES_LIST = 'certificates.list'

/** What keys are agreed on by. OpenSSL 3 takes finite fields of up to 8192 bits besides, of which one handshake costs a proxy as much as hundreds of these. */
export const CURVES = 'X25519:P-256:P-384'
