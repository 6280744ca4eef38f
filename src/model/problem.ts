/** Where in the repository something is wrong. Lines and columns count from 1. */
export interface Place {
  readonly path: string
  readonly line?: number
  readonly column?: number
}

/** What happens next without anybody doing anything, and if nothing does, who must act. */
export type Next =
  | { readonly kind: 'retry'; readonly afterMs: number }
  | { readonly kind: 'wait'; readonly until: string }
  | { readonly kind: 'stalled'; readonly remedy: string }

/** An expected failure. The message says what, where and what to do: lower-case, no blame, no secret. */
export interface Problem {
  readonly code: ProblemCode
  readonly message: string
  readonly severity?: 'warning'
  readonly place?: Place
  readonly server?: string
  readonly stack?: string
  readonly service?: string
  readonly next?: Next
}

/** Every code, with the one sentence that documents it. Tests match codes, never messages. */
export const PROBLEMS = {
  // manifest
  YAML_INVALID: 'the file is not valid YAML',
  FILE_TOO_LARGE: 'the file is over the size limit',
  FILE_MISSING: 'a file that the manifest names is not in the repository',
  FILE_UNSUPPORTED: 'a symlink, submodule or LFS pointer stands where a file is expected',
  PATH_ESCAPES: 'a path leads out of the repository',
  FIELD_UNKNOWN: 'the key is not known here',
  FIELD_INVALID: 'the value has the wrong type or shape',
  FIELD_MISSING: 'a required key is missing',
  FIELD_UNSUPPORTED: 'the key is known to Compose and not supported by Slipway',
  FIELD_IGNORED: 'the key has no meaning here and is ignored',
  VALUE_OUT_OF_RANGE: 'the number, duration or size is outside its bounds',
  NAME_INVALID: 'the name has characters that are not allowed',
  REFERENCE_UNKNOWN: 'a service, network, volume, config or secret is named that is not declared',
  DEPENDENCY_CYCLE: 'services depend on each other in a circle',
  VARIABLE_REQUIRED: 'a required variable has no value',
  VARIABLE_UNSET: 'a variable has no value and no default',
  VARIABLE_INVALID: 'an interpolation does not parse',
  STACK_DUPLICATE: 'two stacks have the same name',
  FLEET_MISSING: 'slipway.yaml is missing',
  FLEET_EMPTY: 'slipway.yaml names no server',
  GUARD_REFUSED: 'the fleet does not allow what the manifest asks for',
  CERTIFICATE_INVALID: 'a certificate, its key and the hosts that it is for do not fit each other',
  CERTIFICATE_EXPIRED: 'a certificate has run out, or will soon',
  CONFLICT: 'two settings contradict each other',
  MANIFEST_TOO_COSTLY: 'reading the manifests took too long or too much memory',
  // source
  GIT_UNREACHABLE: 'the Git server does not answer',
  GIT_AUTH: 'the Git server refuses the credentials',
  GIT_NOT_FOUND: 'the repository does not exist there',
  GIT_REF_MISSING: 'the branch or tag does not exist',
  GIT_EMPTY: 'the repository has no commits',
  GIT_CORRUPT: 'what the Git server sent does not verify',
  GIT_TIMEOUT: 'the Git server did not finish in time',
  GIT_TOO_LARGE: 'the repository is over the size limit',
  GIT_URL_REFUSED: 'the repository address is not one that Slipway follows',
  MERGE_CONFLICT: 'two commits change the same thing in ways that do not go together',
  PUSH_REFUSED: 'the Git server does not take the commit',
  HISTORY_REWRITTEN: 'the branch no longer contains the accepted revision',
  SIGNATURE_MISSING: 'a commit or tag that must be signed is not',
  SIGNATURE_UNTRUSTED: 'a commit or tag is signed by nobody who counts',
  SIGNATURE_INVALID: 'a signature does not fit what is signed, or cannot be checked',
  PRUNE_GUARD: 'the revision removes more than the guard allows',
  PLAN_NOT_SHOWN: 'the plan of a revision is none that was shown before it was merged',
  WINDOW_CLOSED: 'no new revision may be rolled out at this time',
  FORGE_UNREACHABLE: 'the forge does not answer, or wants to be left alone for a while',
  FORGE_AUTH: 'the forge refuses the token',
  FORGE_REFUSED: 'the forge refuses what it is told, and will again',
  // server
  SERVER_UNREACHABLE: 'the server does not answer',
  SERVER_AUTH: 'the server refuses the credentials',
  HOST_KEY_UNKNOWN: 'no host key is pinned for the server',
  HOST_KEY_MISMATCH: 'the server shows another host key than the pinned one',
  ENGINE_UNREACHABLE: 'the Docker Engine on the server does not answer',
  ENGINE_CHANGED: 'the Docker Engine is another one than before',
  ENGINE_SHARED: 'two servers of the fleet are the same Docker Engine',
  ENGINE_TOO_OLD: 'the Docker Engine speaks no API version that Slipway knows',
  ENGINE_ERROR: 'the Docker Engine answered with an error',
  ENGINE_ANSWER: 'the Docker Engine sent an answer that makes no sense',
  CALL_TIMEOUT: 'the call did not finish in time; its outcome is unknown until observed',
  CONNECTION_LOST: 'the connection broke during the call; its outcome is unknown until observed',
  // preparing
  IMAGE_NOT_FOUND: 'the registry has no such image',
  REGISTRY_AUTH: 'the registry refuses the credentials',
  REGISTRY_UNREACHABLE: 'the registry does not answer',
  DISK_FULL: 'the server has no space left',
  PORT_TAKEN: 'the host port is held by something else',
  NAME_TAKEN: 'the container name is held by something else',
  COMPOSE_RUNS_IT: 'docker compose runs the same service there',
  NETWORK_CONFLICT: 'the network exists and is not ours, or has other settings',
  VOLUME_CONFLICT: 'the volume exists and is not ours',
  CONTAINER_GONE: 'the container is no longer there',
  PROXY_ABSENT: 'no proxy runs on the server, or it does not answer',
  PROXY_REFUSED: 'the proxy refuses its configuration; what it had goes on',
  NAME_UNSERVED: 'a service is not reached by its name on a server, because something else listens on its port there',
  SWARM_REFUSED: 'the servers cannot form the Swarm that overlay networks need, or an engine refuses a change of it',
  // certificates
  ACME_UNREACHABLE: 'the certificate authority does not answer',
  ACME_TERMS: 'the terms of the certificate authority are not agreed to',
  ACME_BINDING: 'the certificate authority wants an account bound to one elsewhere, or does not take the binding',
  ACME_ACCOUNT: 'the certificate authority refuses the account',
  ACME_CHALLENGE: 'the certificate authority could not see that the host is ours',
  ACME_HOOK: 'the command that changes DNS failed',
  ACME_RATE_LIMITED: 'the certificate authority wants to be left alone for a while',
  ACME_ORDER: 'the certificate authority refuses to give a certificate for the host',
  ACME_PENDING: 'the certificate authority did not finish in time',
  ACME_ANSWER: 'the certificate authority sent an answer that makes no sense',
  ACME_CERTIFICATE: 'the certificate that came is not the one that was asked for',
  NO_SERVER_FITS: 'no server satisfies the placement',
  // rollout
  REPLICA_UNHEALTHY: 'the replica did not become healthy',
  REPLICA_CRASHED: 'the replica exited',
  HEALTHY_DEADLINE: 'the replica was not healthy before its deadline',
  PROGRESS_DEADLINE: 'the rollout made no progress before its deadline',
  CANARY_WORSE: 'the new replicas serve worse than the old ones',
  CHECK_FAILED: 'a check of the canary said no too often',
  ROLLOUT_ABORTED: 'a person gave the rollout up',
  STEP_HELD: 'the rollout stays at a step for its time, its figures, its checks or a person',
  HOOK_FAILED: 'a post_start command of the service failed',
  JOB_FAILED: 'the one-shot service exited with an error',
  REVISION_REJECTED: 'the revision failed its rollout before and is not tried again',
  ROLLBACK_FAILED: 'rolling back failed too; a person must act',
  OTHER_CONTROLLER: 'another controller makes replicas of this fleet',
  SUSPENDED: 'a person suspended this',
  STORE_FAILED: 'the data directory cannot be read or written',
  CONTROLLER_RUNNING: 'another controller uses this data directory',
  CONTROLLER_ABSENT: 'no controller runs on this data directory',
  REQUEST_INVALID: 'a request to the controller is malformed',
  SETTING_INVALID: 'a flag or environment variable is wrong',
  BUG: 'a broken invariant; please report it',
} as const

export type ProblemCode = keyof typeof PROBLEMS

/** One problem as a line: `path:line:column code message`, or with the server or service in front. */
export function formatProblem(problem: Problem): string {
  const { place } = problem
  const where =
    place !== undefined
      ? [place.path, place.line, place.column].filter((part) => part !== undefined).join(':')
      : [problem.server, [problem.stack, problem.service].filter(Boolean).join('/')].filter(Boolean).join(' ')
  return [where, problem.severity === 'warning' ? `warning ${problem.code}` : problem.code, problem.message]
    .filter((part) => part !== '')
    .join(' ')
}
