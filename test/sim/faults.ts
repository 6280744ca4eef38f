import {
  broken,
  cut,
  disliked,
  emptied,
  engineRestarts,
  everythingOut,
  foreignName,
  gitSays,
  hunger,
  journalDamaged,
  journalLost,
  journalRestored,
  lookAlike,
  losing,
  misdirected,
  onBox,
  onEngine,
  onLink,
  refusing,
  reinstalled,
  rewritten,
  rivalComes,
  squeezed,
  staleMirror,
  workload,
} from './fault-kit.js'
import type { Injection } from './fault-kit.js'
import type { FaultId } from './fault-table.js'
import { interrupted, moody, papersLost, papersTorn } from './paper-faults.js'

const PEOPLE: Injection = onBox('F36', (_world, engine, box, random) => {
  const how = random.pick(['stop', 'remove', 'rename', 'pause', 'restart'])
  if (how === 'stop') engine.kill(box.id, 'by-hand')
  if (how === 'remove') engine.erase(box.id)
  if (how === 'rename') engine.rename(box.id, `mine-${box.id}`)
  if (how === 'pause') engine.pause(box.id)
  if (how === 'restart') void engine.stop('person', box.id, 10_000).then(() => engine.start('person', box.id))
})

const YAML_BOMBS: readonly string[] = [
  'services: [',
  'services:\n  web: { image: a:1, image: b:2 }\n',
  'services:\n  web:\n    image: web:1\n    nonsense: true\n',
  '\u0000\u0000',
  'a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\nservices: { web: { image: c } }\n',
  'services:\n  web: { image: web:1, depends_on: [web] }\n',
]

/** By fault, in the order of the numbers. */
export const INJECTIONS: Readonly<Record<FaultId, readonly Injection[]>> = {
  F01: [cut('F01', 'SERVER_UNREACHABLE')],
  F02: [losing('F02', { notSent: 0.4 })],
  F03: [losing('F03', { request: 0.4 })],
  F04: [losing('F04', { reply: 0.4 }), losing('F04', { reply: 0.9 })],
  F05: [losing('F05', { garbled: 0.5, reply: 0.2 })],
  F06: [
    onLink('F06', (link) => {
      link.cut = { kind: 'silent' }
    }),
  ],
  F07: [
    onLink('F07', (link) => {
      link.latencyMs = [500, 6_000]
    }),
  ],
  F08: [
    onLink('F08', (link) => {
      link.latencyMs = [4_000, 40_000]
    }),
  ],
  F09: [cut('F09', 'HOST_KEY_MISMATCH')],
  F10: [cut('F10', 'SERVER_AUTH')],
  F11: [losing('F11', { notSent: 0.8 })],
  F12: [
    onLink('F12', (link) => {
      link.losesExec = true
    }),
  ],
  F13: [misdirected],
  F14: [engineRestarts],
  F15: [foreignName],
  F16: [losing('F16', { reply: 0.5, request: 0.2 })],
  F17: [
    (world) => {
      world.registry.isDown = true
      world.felt('F17')
      return () => {
        world.registry.isDown = false
      }
    },
    workload('F17', ['absent']),
  ],
  F18: [workload('F18', ['slow', 'stuck'])],
  F19: [
    (world) => {
      world.registry.isLimiting = true
      world.felt('F19')
      return () => {
        world.registry.isLimiting = false
      }
    },
  ],
  F20: [
    (world, random) => {
      const images = [...new Set(world.boxes().flatMap((box) => (box.spec === null ? [] : [box.spec.image])))].sort()
      if (images.length === 0) return null
      world.registry.move(random.pick(images))
      world.felt('F20')
      return null
    },
  ],
  F21: [
    onEngine(
      'F21',
      (engine) => {
        engine.isDiskFull = true
      },
      (engine) => {
        engine.isDiskFull = false
      },
    ),
  ],
  F22: [
    onEngine(
      'F22',
      (engine) => {
        engine.isBroken = true
      },
      (engine) => {
        engine.isBroken = false
      },
    ),
  ],
  F23: [losing('F23', { garbled: 0.6 })],
  F24: [
    cut('F24', 'ENGINE_TOO_OLD'),
    onEngine(
      'F24',
      (engine) => {
        engine.version = '28.5'
      },
      () => undefined,
    ),
  ],
  F25: [onBox('F25', (_world, engine, box) => void engine.remove('person', box.id))],
  F26: [workload('F26', ['stubborn'])],
  F27: [
    onEngine(
      'F27',
      (engine) => {
        engine.hasZombies = true
      },
      (engine) => {
        engine.hasZombies = false
      },
    ),
  ],
  F28: [
    onEngine(
      'F28',
      (engine) => {
        for (const port of [8_000, 8_001, 8_002, 8_003]) engine.takenPorts.add(port)
      },
      (engine) => engine.takenPorts.clear(),
    ),
  ],
  F29: [
    onEngine(
      'F29',
      (engine) => engine.networks.clear(),
      () => undefined,
    ),
  ],
  F30: [
    onBox('F30', (_world, engine, box) => engine.kill(box.id, 'crash')),
    onBox('F30', (_world, engine, box) => engine.kill(box.id, 'oom')),
    workload('F30', ['oom', 'clean']),
  ],
  F31: [workload('F31', ['crash', 'crash2'])],
  F32: [workload('F32', ['never'])],
  F33: [workload('F33', ['flap', 'sway'])],
  F34: [workload('F34', ['late', 'brief'])],
  F35: [workload('F35', ['hang'])],
  F36: [PEOPLE],
  F37: [lookAlike],
  F38: [rivalComes],
  F39: [reinstalled],
  F40: [gitSays('F40', ['GIT_UNREACHABLE', 'GIT_AUTH', 'GIT_NOT_FOUND', 'GIT_TIMEOUT'])],
  F41: [
    (world) => {
      world.git.isTorn = true
      world.felt('F41')
      world.commit({ ...world.draft, broken: {} }, 'arrives in part')
      return () => world.git.heal()
    },
  ],
  F42: [gitSays('F42', ['GIT_CORRUPT'])],
  F43: [gitSays('F43', ['GIT_CORRUPT', 'GIT_EMPTY'])],
  F44: [
    rewritten,
    (world) => {
      const before = world.draft
      world.commit(emptied(before), 'empty everything')
      world.draft = before
      world.felt('F44')
      return null
    },
  ],
  F45: [staleMirror],
  F46: [broken('F46', [`services: { web: { image: web:1, labels: { long: '${'x'.repeat(1_100_000)}' } } }\n`])],
  F47: [broken('F47', YAML_BOMBS)],
  F48: [
    broken('F48', ['<symlink>', '<submodule>', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n']),
  ],
  F49: [
    (world) => {
      world.felt('F49')
      world.kill()
      world.boot()
      return null
    },
    (world) => {
      world.felt('F49')
      world.kill()
      return () => world.boot()
    },
  ],
  F50: [
    (world) => {
      world.felt('F50')
      world.stopSoon()
      return () => world.boot()
    },
  ],
  F51: [
    (world, random) => {
      const hourMs = 3_600_000
      const jumps = [hourMs, -hourMs, 365 * 24 * hourMs, -365 * 24 * hourMs, 2_000, -2_000]
      world.wallOffsetMs += random.pick(jumps)
      world.felt('F51')
      world.kill()
      world.boot()
      return null
    },
  ],
  F52: [
    (world, random) => {
      world.main.process?.pause(random.between(1, 600) * 1_000)
      world.felt('F52')
      world.harm.shake()
      return null
    },
  ],
  F53: [refusing('database is locked'), refusing('disk is full'), journalLost, journalRestored, journalDamaged],
  F55: [everythingOut],
  F56: [
    (world) => {
      world.main.process?.pause(30_000)
      world.felt('F56')
      world.harm.shake()
      return null
    },
  ],
  F57: [
    (world) => {
      for (let times = 0; times < 3; times += 1) {
        world.felt('F57')
        world.kill()
        world.boot()
      }
      return null
    },
  ],
  F59: [hunger('hungry', '64M'), hunger('hungry', '96M'), hunger('glutton', null), squeezed],
  F60: [moody],
  F61: [papersLost, papersTorn],
  F62: [interrupted],
  F63: [disliked],
}
