import { DATA, GIT, REASON, row } from './command-row.js'
import type { CommandRow } from './command-row.js'

/** Every command, in the order of `--help`. */
export const COMMANDS: readonly CommandRow[] = [
  row('run', '', 'follow the repository and keep the servers as it says', () => import('./commands/run.js'), {
    settings: [
      ...GIT,
      'poll',
      'observe',
      'forge',
      'forgeUrl',
      'forgeProject',
      'proposals',
      'webhookListen',
      'logFormat',
      ...DATA,
    ],
    formats: [],
    examples: ['slipway run --repo https://git.example.com/acme/fleet.git --branch main'],
  }),
  row(
    'init',
    '[folder]',
    'make a fleet repository of a folder, or of a Compose file that you have; overwrites nothing',
    () => import('./commands/init.js'),
    {
      settings: [],
      options: [
        { flags: '--from <file>', help: 'take this Compose file, and the files that it names, for the first stack' },
        { flags: '--fleet <name>', help: "name of the fleet, by default the folder's" },
      ],
      examples: ['slipway init', 'slipway init fleet --from ../shop/docker-compose.yml --fleet acme'],
    },
  ),
  row(
    'validate',
    '[folder]',
    'check slipway.yaml and every stack of a folder; needs no Git and no server',
    () => import('./commands/validate.js'),
    {
      settings: [],
      formats: ['text', 'json', 'github', 'sarif'],
      options: [{ flags: '--strict', help: 'end with 2 when there are warnings' }],
      examples: [
        'slipway validate',
        'slipway validate ../fleet --format json',
        'slipway validate --strict --format github',
        'slipway validate --format sarif > slipway.sarif',
      ],
    },
  ),
  row(
    'plan',
    '',
    'show what differs between Git and the servers, and why; changes nothing',
    () => import('./commands/plan.js'),
    {
      settings: [...GIT, ...DATA],
      formats: ['text', 'json', 'markdown'],
      options: [
        { flags: '--folder <folder>', help: 'plan the files of this folder instead of what Git says' },
        { flags: '--ref <ref>', help: 'plan this branch, tag, ref or commit' },
        { flags: '--base <ref>', help: 'plan what merging --ref into this branch would do' },
        { flags: '--at <date>', help: 'plan the branch as it was then: a way back' },
        { flags: '--pin', help: 'print nothing but the name of the plan, for the trailer Slipway-Plan' },
      ],
      examples: [
        'slipway plan',
        'slipway plan --pin --ref my-change --base main',
        'slipway plan --folder .   # before the commit',
        'slipway plan --ref my-change --base main --format markdown',
        'slipway plan --at 2026-11-20T14:00Z',
      ],
    },
  ),
  row(
    'rehearse',
    '[commit]',
    'play what a rollout would do, on engines in memory that begin as yours are; changes nothing',
    () => import('./commands/rehearse.js'),
    {
      settings: [...GIT, ...DATA],
      formats: ['text', 'json', 'markdown'],
      options: [
        { flags: '--folder <folder>', help: 'rehearse the files of this folder instead of what Git says' },
        { flags: '--healthy-after <time>', help: 'how long a new replica takes to become healthy', fallback: '5s' },
        { flags: '--fail <number>', help: 'rehearse it again, and let this new replica never become healthy' },
      ],
      examples: [
        'slipway rehearse',
        'slipway rehearse 9f1c2ab --healthy-after 30s --fail 2',
        'slipway rehearse --folder . --format markdown   # before the commit',
      ],
    },
  ),
  row(
    'apply',
    '[commit]',
    'bring the servers to what Git says now, and wait for the outcome',
    () => import('./commands/apply.js'),
    {
      settings: [...GIT, 'logFormat', ...DATA],
      options: [{ flags: '--timeout <time>', help: 'how long to wait', fallback: '30m' }],
      examples: ['slipway apply', 'slipway apply $GITHUB_SHA --timeout 10m'],
    },
  ),
  row(
    'import',
    '<project>',
    'take over what docker compose or docker run made, without making anew what is as Git says; shows what it would do, and does it with --yes',
    () => import('./commands/import.js'),
    {
      settings: [...GIT, ...DATA],
      options: [
        { flags: '--server <names>', help: 'only on these servers, by name, with commas between them' },
        {
          flags: '--service <service=containers>',
          help: 'containers that Compose did not make, by name or server/name with commas between them, are of this service; once for each service',
          isRepeated: true,
        },
        { flags: '--folder <folder>', help: 'show it for the files of this folder instead of what Git says' },
        { flags: '--yes', help: 'take over what was shown' },
      ],
      examples: [
        'slipway import shop',
        'slipway import shop --server lon-1 --yes',
        'slipway import shop --service web=web1,web2 --service db=lon-2/postgres',
      ],
    },
  ),
  row(
    'status',
    '[stack[/service]]',
    'say what runs, since when, from whom, and what it waits for',
    () => import('./commands/status.js'),
    {
      options: [
        { flags: '--revisions', help: 'show which commit is fetched, accepted, attempted, applied and proven' },
      ],
      examples: ['slipway status', 'slipway status shop/web', 'slipway status --format json | jq .stacks'],
    },
  ),
  row(
    'history',
    '[stack[/service]|from..to]',
    'list what happened and who decided it',
    () => import('./commands/history.js'),
    {
      settings: [...GIT, ...DATA],
      options: [{ flags: '-n, --limit <count>', help: 'how many entries', fallback: '20' }],
      examples: [
        'slipway history',
        'slipway history shop/web -n 100',
        'slipway history v1.4..main   # what became of each commit',
      ],
    },
  ),
  row(
    'diff',
    '[from] [to]',
    'what differs between two commits, or between Git and the servers',
    () => import('./commands/diff.js'),
    {
      settings: [...GIT, ...DATA],
      examples: ['slipway diff', 'slipway diff 9f1c2ab', 'slipway diff v1.4..main --format json'],
    },
  ),
  row('logs', '<stack[/service]>', 'print what the replicas print', () => import('./commands/logs.js'), {
    options: [
      { flags: '-n, --tail <count>', help: 'how many of the last lines of each replica', fallback: '100' },
      { flags: '-f, --follow', help: 'go on printing' },
    ],
    examples: ['slipway logs shop/web', 'slipway logs shop -f'],
  }),
  row('retry', '<stack>', 'try a rejected or blocked revision again', () => import('./commands/command.js'), {
    examples: ['slipway retry shop'],
  }),
  row(
    'promote',
    '<stack[/service]>',
    'go on with a canary or blue-green rollout without waiting',
    () => import('./commands/command.js'),
    {
      options: [{ flags: '--step', help: 'to the next step only; left out: to the end' }],
      examples: ['slipway promote shop', 'slipway promote shop/web --step'],
    },
  ),
  row('abort', '<stack>', 'take back what a rollout has done, and reject it', () => import('./commands/command.js'), {
    examples: ['slipway abort shop'],
  }),
  row('approve', '<commit>', 'release a revision that a guard holds', () => import('./commands/command.js'), {
    examples: ['slipway approve 9f1c2ab'],
  }),
  row(
    'blame',
    '<stack/service>',
    'say which commit set each setting of what a service runs',
    () => import('./commands/blame.js'),
    { settings: [...GIT, ...DATA], examples: ['slipway blame shop/web', 'slipway blame shop/web --format json'] },
  ),
  row(
    'revert',
    '<commit|stack[/service]>',
    'push the commit that takes another one back; never by force',
    () => import('./commands/revert.js'),
    {
      settings: [...GIT, ...DATA],
      options: [
        { flags: '--pull-request', help: 'push it as a branch of its own, to be reviewed' },
        { flags: '--dry-run', help: 'say what would be taken back, and push nothing' },
      ],
      examples: ['slipway revert 9f1c2ab', 'slipway revert shop/web --pull-request', 'slipway revert shop --dry-run'],
    },
  ),
  row(
    'restart',
    '<stack/service>',
    'replace the replicas of a service one after the other',
    () => import('./commands/command.js'),
    {
      options: [REASON],
      examples: ['slipway restart shop/web --reason "stuck connections"'],
    },
  ),
  row(
    'suspend',
    '[stack[/service]]',
    'change nothing there until it is resumed',
    () => import('./commands/command.js'),
    {
      options: [REASON],
      examples: ['slipway suspend', 'slipway suspend shop --reason "sale day"'],
    },
  ),
  row('resume', '[stack[/service]]', 'end a suspension', () => import('./commands/command.js'), {
    examples: ['slipway resume', 'slipway resume shop'],
  }),
  row('drain', '<server>', 'move everything that can move off a server', () => import('./commands/command.js'), {
    examples: ['slipway drain lon-1'],
  }),
  row('undrain', '<server>', 'let a drained server take replicas again', () => import('./commands/command.js'), {
    examples: ['slipway undrain lon-1'],
  }),
  row(
    'sync',
    '',
    'look at Git and the servers now instead of at the next poll',
    () => import('./commands/command.js'),
    {
      examples: ['slipway sync'],
    },
  ),
  row(
    'server check',
    '[server...]',
    'try the way to each server: address, host key, login, engine; say its clock and disk',
    () => import('./commands/server-check.js'),
    {
      settings: [...GIT, ...DATA],
      options: [{ flags: '--folder <folder>', help: 'take the servers from slipway.yaml in this folder' }],
      examples: ['slipway server check --folder .', 'slipway server check lon-1 lon-2'],
    },
  ),
  row(
    'swarm',
    '',
    'make the servers one Swarm, or mend it, for networks with `driver: overlay`; shows what it would do, and does it with --yes',
    () => import('./commands/swarm.js'),
    {
      settings: [...GIT, ...DATA],
      options: [
        {
          flags: '--managers <count>',
          help: 'how many of them are managers at least; 3, or 1 of fewer than 3 servers',
        },
        {
          flags: '--address <server=ip>',
          help: 'where the others reach a server, if not as slipway.yaml says; once for each server',
          isRepeated: true,
        },
        { flags: '--folder <folder>', help: 'take the servers from slipway.yaml in this folder' },
        { flags: '--yes', help: 'do what was shown' },
      ],
      examples: [
        'slipway swarm',
        'slipway swarm --yes',
        'slipway swarm --address lon-1=10.1.0.11 --address lon-2=10.1.0.12 --yes',
      ],
    },
  ),
]
