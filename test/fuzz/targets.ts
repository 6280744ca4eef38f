import type { Target } from './target.js'
import { ACME_TARGETS } from './targets/acme.js'
import { CONTROL_TARGETS } from './targets/control.js'
import { ENGINE_TARGETS } from './targets/engine.js'
import { GIT_TARGETS } from './targets/git.js'
import { JOURNAL_TARGETS } from './targets/journal.js'
import { MANIFEST_TARGETS } from './targets/manifest.js'
import { PROXY_TARGETS } from './targets/proxy.js'
import { REMOTE_TARGETS } from './targets/remote.js'
import { SSH_TARGETS } from './targets/ssh.js'

/** Every parser of outside input. A new one gets its row here, or `npm test` says nothing about it. */
export const TARGETS: readonly Target[] = [
  ...MANIFEST_TARGETS,
  ...ENGINE_TARGETS,
  ...SSH_TARGETS,
  ...PROXY_TARGETS,
  ...REMOTE_TARGETS,
  ...GIT_TARGETS,
  ...JOURNAL_TARGETS,
  ...CONTROL_TARGETS,
  ...ACME_TARGETS,
]
