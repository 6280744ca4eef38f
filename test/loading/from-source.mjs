// The reader as it stands in src/: what vitest does to files does not reach into other processes.
import { register } from 'tsx/esm/api'

register()
await import('../../src/loading/reader.ts')
