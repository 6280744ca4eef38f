import type { HealthcheckSpec, RestartPolicy } from '../../src/model/index.js'
import type { JsonMap } from './docker-compose.js'
import { map, text } from './json.js'

// Where we differ from Docker Compose, and why. Nothing else may differ.

/** Values that we fill in, or bring into another form. */
export const WANTED_DIFFERENCES: Readonly<Record<string, string>> = {
  restart: 'absent, it is unless-stopped: a fleet is meant to run (Compose: no)',
  'deploy.restart_policy': 'any is always, none is no; delay and window are the controller’s own (Compose: Swarm only)',
  pull_policy: 'absent, an image without a tag or with latest is pulled always (Compose: missing)',
  stop_grace_period: 'absent, it is 10 s, which is what the engine does',
  'deploy.mode': 'a service that is awaited until it completes is a job, also without replicated-job',
  'deploy.replicas': 'a job runs once, whatever number it has',
  healthcheck: 'disable and ["NONE"] are one thing: no healthcheck, whatever else is said of it',
  'limits of 0': 'no limit, as for the engine',
  'bind.create_host_path':
    'Compose 2.40 prints nothing for false, for the long form’s default and for true: not compared there',
  'mem_swappiness of 0': 'kept: it turns swapping off; Compose takes it for nothing said',
  platform: 'it is a constraint of the placement as well',
  'mode of files': 'Compose 2.26 reads "0440" as a decimal number: not compared there',
  'bind.source': 'paths are cleaned (Compose hands /a/../b through to the engine)',
  'external networks': 'nothing but the name counts (Compose prints what else is said, and passes it over)',
  'networks.ipam.options': 'honoured; Compose 2.40 has forgotten them and prints nothing',
  'hooks.environment': 'a name without a value is looked up, as in environment (Compose forgets to)',
  'bare dates': 'the text that stands there; Compose prints the time that Go makes of it, where it does not refuse it',
  'cap_add, cap_drop': 'in capital letters, as the engine keeps them',
  working_dir: 'paths are cleaned (Compose hands /a/../b through to the engine)',
  mem_reservation: 'below 6m it holds for placement only, with a warning: the engine refuses it',
  'volumes of one letter': '`d:/data` is the volume d at /data; Compose takes the letter for a drive of Windows',
  'variables called x-…': 'they are variables; Compose takes them for an extension of the file',
  'credential_spec.config': 'its text is handed to the engine; Compose hands on the name, which only Swarm knows',
  'order of lists': 'lists without an order (ports, capabilities, hosts…) are sorted, doubles are dropped',
}

/** Problems of ours for what Compose accepts: each a decision of the room manifest, with the reason in its README or message. */
export const WANTED_REFUSALS: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [
    /^FILE_MISSING .*json\|/,
    'an example names a file with a slip of the pen, for which Compose looks when it starts a container',
  ],
  [/^REFERENCE_UNKNOWN .*credential_spec/, 'Compose does not look whether the config is declared'],
  [/^FIELD_INVALID .*is no image name/, 'the engine refuses the name'],
  [/^FIELD_INVALID .*is no place to mount at/, 'the engine refuses what is no absolute path'],
  [/^FIELD_INVALID .*is no constraint/, 'neither is it one for Swarm, which Compose leaves it to'],
  [/^FIELD_INVALID .*a port out of a range cannot be chosen/, 'a port that nobody knows before is no address'],
  [/^FIELD_INVALID .*is no number that can be kept/, 'infinity and NaN are no values for anything'],
  [/^FIELD_UNSUPPORTED /, 'known and refused by name, with what to do instead'],
  [
    /^CONFLICT .*cannot be put into a container with read_only/,
    'files are put into the created container, which the engine refuses',
  ],
  [/^CONFLICT .*would hide/, 'a tmpfs would hide the file that is put there'],
  [/^CONFLICT .*one-shot service/, 'a job runs once and is awaited: no number, no ports, no endless restart'],
  [/^CONFLICT .*never becomes healthy/, 'waiting for the health of what has no healthcheck never ends'],
  [/^CONFLICT .*something is mounted at/, 'the engine refuses two mounts at one place'],
  [/^CONFLICT .*two files are put at/, 'one of them would be lost'],
  [/^CONFLICT .*with `network_mode` there is no network to find others in/, 'the engine refuses links there'],
  [/^CONFLICT .*is a quota in itself/, 'the engine takes either cpus or cpu_quota and cpu_period'],
  [
    /^CONFLICT .*a fixed address holds for one container/,
    'Compose makes them all the same, and the network has one address twice',
  ],
]

/** What Compose refuses and we accept. */
export const WANTED_LENIENCE: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/cannot override services\.\w+\.gpus/, '`all` and a list of gpus: the later one is meant'],
  [/can't set container_name and/, 'it is a name on the networks only, which all replicas have'],
  [/cpu_rt_(runtime|period): failed to cast/, 'the specification has times here, and Compose numbers only'],
  [
    /conflicts with imported resource/,
    'what is declared alike is one thing, also where it is written in two forms (here it is; test/manifest has the conflicts)',
  ],
  [
    /^validating .*volumes\.data\.labels must be a mapping/,
    'Compose 2.40 cannot merge a list of labels of volumes; it can for networks',
  ],
  [/items at \d+ and \d+ are equal|array items\[\d+,\d+\] must be unique/, 'what two files say alike is said once'],
  [/pull_policy must be one of the following: "always", "never"/, 'Compose 2.26 knows no policy with a time'],
  [/unsupported env_file format "raw"/, 'Compose 2.26 does not know it'],
  [/volumes\.\d+ Additional property image is not allowed/, 'Compose 2.26 does not know image volumes'],
  [
    /invalid jsonType time\.Time/,
    'a bare date is the text that stands there, as YAML 1.2 says; nobody means anything else',
  ],
  [
    /can't set distinct values on/,
    'where limits say one thing only (cpus), Compose takes the others for 0; two that really differ are refused',
  ],
]

/** Values that Compose 2.26 has otherwise than 2.40, as lines of a difference. */
export const OLDER_VALUES: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [
    /environment\.C: Compose says "[^"]*-c", we say "[^"]*-c"$/,
    'Compose 2.26 looks a name up in the env files before, 2.40 in the same one first',
  ],
]

/** Stands for a value that Compose's output does not tell; any of ours is right. */
export const UNSAID = 'unsaid' as never

export const HEALTHCHECK_OFF: HealthcheckSpec = {
  test: ['NONE'],
  intervalMs: null,
  timeoutMs: null,
  retries: null,
  startPeriodMs: null,
  startIntervalMs: null,
}

export function pullDefault(image: string): string {
  const tag = /:([^:/@]+)$/.exec(image.replace(/@.*$/, ''))?.[1] ?? 'latest'
  return tag === 'latest' && !image.includes('@') ? 'always' : 'missing'
}

export function isJob(service: JsonMap, name: string, project: JsonMap): boolean {
  const isAwaited = Object.values(map(project['services'])).some(
    (other) => map(map(map(other)['depends_on'])[name])['condition'] === 'service_completed_successfully',
  )
  return isAwaited || map(service['deploy'])['mode'] === 'replicated-job'
}

export function restartOf(service: JsonMap, name: string, project: JsonMap): RestartPolicy {
  const policy = map(service['deploy'])['restart_policy']
  if (policy !== undefined) return deployRestart(map(policy))
  if (service['restart'] === undefined)
    return { condition: isJob(service, name, project) ? 'no' : 'unless-stopped', maxAttempts: 0 }
  const [condition = '', attempts = '0'] = text(service['restart']).split(':')
  return { condition: condition as RestartPolicy['condition'], maxAttempts: Number(attempts) }
}

function deployRestart(policy: JsonMap): RestartPolicy {
  const condition = policy['condition'] ?? 'any'
  if (condition === 'on-failure') return { condition, maxAttempts: Number(policy['max_attempts'] ?? 0) }
  if (condition === 'unless-stopped') return { condition, maxAttempts: 0 }
  return { condition: condition === 'none' || condition === 'no' ? 'no' : 'always', maxAttempts: 0 }
}
