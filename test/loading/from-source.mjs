// The thread's program as it stands in src/: what vitest does to files does not reach into threads.
import { register } from 'tsx/esm/api'

register()
await import('../../src/loading/thread.ts')
