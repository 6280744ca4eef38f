// The map of the house: one row a room, two rules made from each. Changing a row is a decision; write it in the room's README.
// `npm` and `node` name the libraries a room may import; a type-only import counts like any other, but for the edges below.
const ROOMS = {
  model: { rooms: [], npm: [], node: ['crypto'] },
  payload: { rooms: ['model'], npm: [], node: ['path'] },
  disk: { rooms: ['model'], npm: [], node: ['fs', 'path'] },
  names: { rooms: ['model'], npm: [], node: ['crypto', 'net'] },
  ingress: { rooms: ['model', 'names'], npm: [], node: ['crypto', 'net'] },
  manifest: {
    rooms: ['model', 'names', 'payload', 'ingress'],
    npm: ['yaml', 'ajv'],
    node: ['crypto', 'path', 'module'],
  },
  planner: { rooms: ['model', 'payload'], npm: [], node: [] },
  rollout: { rooms: ['model', 'planner'], npm: [], node: [] },
  controller: { rooms: ['model', 'names', 'ingress', 'manifest', 'planner', 'rollout'], npm: ['p-queue'], node: [] },
  loading: { rooms: ['model', 'manifest', 'controller'], npm: [], node: ['child_process', 'net', 'url'] },
  ssh: { rooms: ['model'], npm: ['ssh2'], node: '*' },
  trust: { rooms: ['model'], npm: ['openpgp'], node: ['crypto'] },
  source: { rooms: ['model', 'controller', 'ssh', 'trust'], npm: ['isomorphic-git', 'node-diff3', 'ssh2'], node: '*' },
  driver: {
    rooms: ['model', 'payload', 'ingress', 'controller', 'rollout', 'ssh'],
    npm: ['ssh2', 'dockerode', 'docker-modem', 'p-queue', 'tar-stream'],
    node: '*',
  },
  mesh: { rooms: ['model', 'disk', 'controller'], npm: ['@peculiar/x509'], node: ['crypto', 'path'] },
  acme: {
    rooms: ['model', 'disk', 'controller'],
    npm: ['acme-client'],
    node: ['async_hooks', 'child_process', 'crypto', 'fs', 'http', 'https', 'path', 'stream', 'tls'],
  },
  checks: { rooms: ['model', 'controller'], npm: [], node: ['dns', 'http', 'https', 'net'] },
  store: { rooms: ['model', 'controller', 'rollout'], npm: ['better-sqlite3'], node: '*' },
  web: { rooms: ['model', 'planner', 'controller', 'rollout'], npm: [], node: '*' },
  forge: { rooms: ['model', 'controller'], npm: [], node: ['crypto'] },
  rehearse: {
    rooms: ['model', 'manifest', 'planner', 'rollout', 'controller', 'driver'],
    npm: [],
    node: ['stream', 'crypto'],
  },
  cli: {
    rooms: ['model', 'manifest', 'planner', 'rollout', 'controller', 'web', 'rehearse', 'forge'],
    npm: ['commander', 'picocolors', 'yaml'],
    node: '*',
  },
}

const PURE_ROOMS = ['model', 'payload', 'names', 'ingress', 'manifest', 'planner', 'rollout', 'rehearse']
const EDGES = ['loading', 'source', 'driver', 'mesh', 'acme', 'checks', 'store']

module.exports = { ROOMS, PURE_ROOMS, EDGES }
