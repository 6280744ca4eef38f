import tseslint from 'typescript-eslint'

// Pure rooms get time, ids and seeds as arguments: an ambient clock or random number would break "same inputs, same bytes".
const pureRooms = ['model', 'payload', 'names', 'ingress', 'manifest', 'planner', 'rollout', 'rehearse'].map(
  (room) => `src/${room}/**/*.ts`,
)
const ambient = [
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'process',
  'fetch',
  'console',
  'crypto',
  'globalThis',
]

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'node_modules', '.lab', 'sample-repo', 'test/upgrade/*/rooms'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['*.js', 'scripts/*.mjs', 'test/tidy/*.cjs'] } },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'no-param-reassign': ['error', { props: false }],
      eqeqeq: ['error', 'always'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'named exports only' },
        { selector: 'ExportAllDeclaration', message: 'an index.ts lists its names' },
        { selector: 'TSEnumDeclaration', message: 'use a union of string literals' },
      ],
    },
  },
  {
    files: pureRooms,
    rules: {
      'no-restricted-globals': [
        'error',
        ...ambient.map((name) => ({ name, message: 'pure rooms take time, ids and seeds as arguments' })),
      ],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: 'pass a seed' }],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/main.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'the environment is read in main.ts alone' },
        { object: 'Math', property: 'random', message: 'pass a seed' },
      ],
    },
  },
  { files: ['test/**/*.ts', 'bench/**/*.ts'], rules: { 'max-lines-per-function': 'off' } },
  {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs', 'vitest.config.ts'],
    ...tseslint.configs.disableTypeChecked,
    rules: {
      ...tseslint.configs.disableTypeChecked.rules,
      'no-restricted-syntax': 'off',
      '@typescript-eslint/no-require-imports': 'off',
      'max-lines-per-function': 'off',
    },
  },
)
