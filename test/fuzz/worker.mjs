// A worker of threads knows nothing of TypeScript by itself.
import { register } from 'tsx/esm/api'
register()
await import('./worker.ts')
