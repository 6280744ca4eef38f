/** Identity lives on the container: a controller that lost everything finds its replicas by these. */
export const LABELS = {
  fleet: 'slipway.fleet',
  stack: 'slipway.stack',
  service: 'slipway.service',
  slot: 'slipway.slot',
  spec: 'slipway.spec',
  /** Full hash of the commit whose spec this is. */
  revision: 'slipway.revision',
  /** `repo@sha256:…`, or the image id where the image has no digest. */
  image: 'slipway.image',
  /** The limits the container was made with, as `formatLimits` prints them. */
  limits: 'slipway.limits',
  /** The restart request this replica was made for; empty when none. */
  restart: 'slipway.restart',
  /** Random id of the controller that made it. */
  controller: 'slipway.controller',
  /** Commands to run after starts and before stops, as JSON of `HookSpec`: they are needed when nobody knows the spec any more. */
  hooks: 'slipway.hooks',
  /** The address of the service's name, and the names that the container was given, one space between them. */
  address: 'slipway.address',
  names: 'slipway.names',
  /** On volumes with shipped files: `stack/service` of the containers that have them. */
  files: 'slipway.files',
} as const

/** On networks and volumes: hash of the settings they were made with, to tell "there" from "there, but different". */
export const SETTINGS_LABEL = 'slipway.settings'

/** Compose's own labels, so that `docker compose ps` and tools that group by them work. */
export const COMPOSE_LABELS = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  number: 'com.docker.compose.container-number',
  oneoff: 'com.docker.compose.oneoff',
  /** `docker compose ps` shows only containers that have it. */
  configHash: 'com.docker.compose.config-hash',
  network: 'com.docker.compose.network',
  volume: 'com.docker.compose.volume',
} as const
