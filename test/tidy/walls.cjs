// The walls between the rooms, made from the table in rooms.cjs.
const { ROOMS, EDGES } = require('./rooms.cjs')

const anyOf = (names) => `(?:${names.join('|')})`
// dependency-cruiser refuses patterns that nest repetitions, so alternatives are listed.
const npmPackage = (name) => [`node_modules/${name}/`, `node_modules/@types/${name}/`]
const nodeModule = (name) => [`^${name}$`, `^${name}/`, `^node:${name}$`, `^node:${name}/`]

const NPM_TYPES = ['npm', 'npm-dev', 'npm-peer', 'npm-optional', 'npm-no-pkg', 'npm-unknown']

/** Rooms that a room may enter, itself included. */
function roomRule([room, { rooms }]) {
  return {
    name: `${room}-rooms`,
    comment: `${room} may use ${rooms.join(', ') || 'no other room'}`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: { path: '^(?:src|test|bench|scripts)/', pathNot: `^src/${anyOf([room, ...rooms])}/` },
  }
}

function libraryRule([room, { npm, node }]) {
  const allowed = [...npm.flatMap(npmPackage), ...(node === '*' ? [] : node.flatMap(nodeModule))]
  return {
    name: `${room}-libraries`,
    comment: `${room} may use ${[...npm, ...(node === '*' ? ['node'] : node)].join(', ') || 'no library'}`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: {
      dependencyTypes: node === '*' ? NPM_TYPES : [...NPM_TYPES, 'core'],
      ...(allowed.length > 0 ? { pathNot: allowed } : {}),
    },
  }
}

const rules = [
  ...Object.entries(ROOMS).map(roomRule),
  ...Object.entries(ROOMS).map(libraryRule),
  {
    name: 'front-door',
    comment: 'a room is entered by its index.ts',
    severity: 'error',
    from: { path: '^src/([^/]+)/' },
    to: { path: '^src/[^/]+/', pathNot: ['^src/$1/', '^src/[^/]+/index[.]ts$'] },
  },
  {
    name: 'main-front-door',
    comment: 'main.ts enters rooms by their index.ts as well',
    severity: 'error',
    from: { path: '^src/main[.]ts$' },
    to: { path: '^src/[^/]+/', pathNot: ['^src/[^/]+/index[.]ts$'] },
  },
  {
    name: 'edges-take-types',
    comment: 'source, driver and store implement ports; they never call the rooms that own them',
    severity: 'error',
    from: { path: `^src/${anyOf(EDGES)}/` },
    to: { path: '^src/(?:controller|rollout)/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'rehearse-takes-types',
    comment: 'rehearse plays the engines that the driver calls; it never calls the driver itself, nor a real server',
    severity: 'error',
    from: { path: '^src/rehearse/' },
    to: { path: '^src/driver/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'nobody-imports-main',
    comment: 'main.ts knows everyone and nobody knows it',
    severity: 'error',
    from: { path: '^src/', pathNot: '^src/main[.]ts$' },
    to: { path: '^src/main[.]ts$' },
  },
  {
    name: 'no-cycle',
    comment: 'modules that need each other are one module',
    severity: 'error',
    from: { path: '^src/' },
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'no-orphan',
    comment: 'a module that nobody imports is dead',
    severity: 'error',
    from: { path: '^src/', orphan: true, pathNot: ['^src/main[.]ts$', '/index[.]ts$'] },
    to: {},
  },
  {
    name: 'resolvable',
    comment: 'what cannot be resolved cannot be checked',
    severity: 'error',
    from: { path: '^src/' },
    to: { couldNotResolve: true },
  },
  {
    name: 'declared',
    comment: 'every library is an exact dependency of package.json',
    severity: 'error',
    from: { path: '^src/' },
    to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
  },
]

module.exports = {
  forbidden: rules,
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    // 'specify' keeps type-only imports visible and tells them apart: most edges between our rooms are nothing else.
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.d.ts', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
}
