/** One setting: a flag, an environment variable, a key of the configuration file. */
export interface SettingRow {
  /** Name of the flag, without dashes; the key in the configuration file has underscores instead of dashes. Null: never a flag. */
  readonly flag: string | null
  readonly value: string
  readonly env: string
  /** Never a flag, and also read from the file that `<env>_FILE` names. */
  readonly isSecret: boolean
  readonly fallback: string | null
  readonly help: string
}

/** Every setting, and the only place where its names stand. A secret is never a flag: other users see the command line. */
export const SETTINGS = {
  repo: row(
    'repo',
    '<address>',
    'SLIPWAY_REPO',
    null,
    'repository to follow: https://…, ssh://…, git@host:path, or a path on this machine',
  ),
  branch: row('branch', '<name>', 'SLIPWAY_BRANCH', null, 'branch to follow (default: main)'),
  tag: row('tag', '<name>', 'SLIPWAY_TAG', null, 'tag to follow instead of a branch'),
  path: row('path', '<folder>', 'SLIPWAY_PATH', null, 'folder inside the repository, where slipway.yaml stands'),
  data: row(
    'data',
    '<folder>',
    'SLIPWAY_DATA',
    null,
    'data directory (default: /var/lib/slipway, or ~/.local/state/slipway)',
  ),
  poll: row('poll', '<time>', 'SLIPWAY_POLL', '60s', 'how often Git is asked'),
  observe: row('observe', '<time>', 'SLIPWAY_OBSERVE', '15s', 'how often each server is looked at without a hint'),
  plainHttp: row(
    'allow-plain-http',
    '',
    'SLIPWAY_ALLOW_PLAIN_HTTP',
    null,
    'follow over http:// on other machines than this one',
  ),
  logFormat: row(
    'log-format',
    '<auto|text|json>',
    'SLIPWAY_LOG_FORMAT',
    'auto',
    'lines for people or JSON; auto: by terminal',
  ),
  gitHostKey: row(
    'git-host-key',
    '<SHA256:…>',
    'SLIPWAY_GIT_HOST_KEY',
    null,
    'host key of a repository over ssh; several with commas (default: ~/.ssh/known_hosts)',
  ),
  signedBy: row(
    'signed-by',
    '<head|every|tag>',
    'SLIPWAY_SIGNED_BY',
    null,
    'demand signatures by allowed signers, whatever guards.signed_by says',
  ),
  config: row('config', '<file>', 'SLIPWAY_CONFIG', null, 'file with these settings, as YAML'),
  forge: row('forge', '<kind>', 'SLIPWAY_FORGE', null, 'show plans and statuses there: github, gitlab, gitea, webhook'),
  forgeUrl: row('forge-url', '<address>', 'SLIPWAY_FORGE_URL', null, 'where the forge is (default: as the repository)'),
  forgeProject: row(
    'forge-project',
    '<path>',
    'SLIPWAY_FORGE_PROJECT',
    null,
    "project on the forge, such as acme/fleet (default: from the repository's address)",
  ),
  proposals: row(
    'proposals',
    '<patterns>',
    'SLIPWAY_PROPOSALS',
    null,
    'refs to plan as pull requests, with one * each; none: no plans (default: as the forge has them)',
  ),
  webhookListen: row(
    'webhook-listen',
    '<address>',
    'SLIPWAY_WEBHOOK_LISTEN',
    '127.0.0.1:8484',
    'where webhooks are taken, once SLIPWAY_WEBHOOK_SECRET is set',
  ),
  webhookSecret: secret(
    'SLIPWAY_WEBHOOK_SECRET',
    'secret that webhooks of the forge are signed with; none: no webhooks',
  ),
  forgeToken: secret('SLIPWAY_FORGE_TOKEN', 'token for the forge; the signing secret of a webhook'),
  gitUser: secret('SLIPWAY_GIT_USER', 'name for the Git server, where it wants one'),
  gitToken: secret('SLIPWAY_GIT_TOKEN', 'token or password for the Git server'),
  gitHeader: secret('SLIPWAY_GIT_HEADER', 'header for the Git server, as Name: value; one a line'),
  gitCa: secret('SLIPWAY_GIT_CA', 'authorities to believe for the Git server instead of the usual ones, as PEM'),
  gitProxy: secret('SLIPWAY_GIT_PROXY', 'http proxy on the way to the Git server (default: HTTPS_PROXY, NO_PROXY)'),
  allowedSigners: secret(
    'SLIPWAY_ALLOWED_SIGNERS',
    'whose signatures count: allowed_signers of OpenSSH, OpenPGP keys, or a folder of both',
  ),
  revokedSigners: secret('SLIPWAY_REVOKED_SIGNERS', 'public ssh keys whose signatures count no longer, one a line'),
  signingKey: secret('SLIPWAY_SIGNING_KEY', 'private ssh key (Ed25519 or RSA) that signs reverting commits'),
  signingPassphrase: secret('SLIPWAY_SIGNING_PASSPHRASE', 'passphrase of that key'),
  gitSshKey: secret('SLIPWAY_GIT_SSH_KEY', 'private key for a repository over ssh, such as a deploy key'),
  gitSshPassphrase: secret('SLIPWAY_GIT_SSH_PASSPHRASE', 'passphrase of that key'),
  sshKey: secret('SLIPWAY_SSH_KEY', 'private key for the servers (default: the agent, then ~/.ssh)'),
  sshPassphrase: secret('SLIPWAY_SSH_PASSPHRASE', 'passphrase of that key'),
  storeKey: secret(
    'SLIPWAY_STORE_KEY',
    'key of what lies encrypted in the data directory, 32 bytes in base64 (default: store.key there, made once)',
  ),
  acmeEabHmac: secret('SLIPWAY_ACME_EAB_HMAC', 'secret of ingress.acme.eab.kid, as the certificate authority gave it'),
  acmeCa: secret(
    'SLIPWAY_ACME_CA',
    'authorities to believe for ingress.acme.directory instead of the usual ones, as PEM',
  ),
  acmeDnsHook: {
    flag: null,
    value: '',
    env: 'SLIPWAY_ACME_DNS_HOOK',
    isSecret: false,
    fallback: null,
    help: 'command that changes DNS for challenge: dns-01, called with present|cleanup, name, value',
  },
  registryAuth: secret(
    'SLIPWAY_REGISTRY_AUTH',
    'registry logins, as a Docker config.json (default: ~/.docker/config.json)',
  ),
} as const satisfies Readonly<Record<string, SettingRow>>

export type SettingName = keyof typeof SETTINGS

function row(flag: string, value: string, env: string, fallback: string | null, help: string): SettingRow {
  return { flag, value, env, isSecret: false, fallback, help }
}

function secret(env: string, help: string): SettingRow {
  return { flag: null, value: '', env, isSecret: true, fallback: null, help }
}
