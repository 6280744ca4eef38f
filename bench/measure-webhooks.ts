import { sampleOf } from './figures.js'
import type { Figure, Unit } from './figures.js'
import type { Flood, FloodOrder, Flooded } from './hook-sender.js'
import { Helper, cpuMs, residentMb } from './processes.js'

const SECRET = 'a secret of some length'
const REPOSITORY = 'https://git.example.com/acme/fleet.git'
const THOUSANDS = 20
const REQUESTS = THOUSANDS * 1_000
const LOOK_PAUSE_MS = 5_000
/** 5,000 requests a second on one core: a thousand of them in this time. */
const TARGET_MS = 200

interface Received {
  readonly url: string
  readonly looks: number
}

const FLOODS: readonly (readonly [Flood, string, string])[] = [
  ['taken', '202', 'signed and new'],
  ['forged', '401', 'with a wrong signature'],
  ['repeated', '409', 'repeated'],
]

interface Ends {
  readonly receiver: Helper
  readonly sender: Helper
  readonly url: string
}

/** How fast floods of webhooks are answered, how much memory they leave behind and how many looks they lead to. */
export async function measureWebhooks(runs: number, say: (line: string) => void): Promise<readonly Figure[]> {
  const receiver = new Helper('hook-receiver.ts', [SECRET, REPOSITORY])
  const sender = new Helper('hook-sender.ts')
  try {
    const count = (): Promise<Received> => receiver.ask<Received>('count')
    const ends: Ends = { receiver, sender, url: (await count()).url }
    say('floods of webhooks')
    // Until it runs compiled and its heap is as large as it gets.
    for (const [kind, status] of [...FLOODS, ...FLOODS]) await flood(ends, kind, status)
    const before = { ...(await count()), atMs: performance.now(), mb: residentMb(receiver.pid) }
    const figures: Figure[] = []
    for (const [kind, status, what] of FLOODS) figures.push(...(await timesOf(ends, kind, status, what, runs)))
    const [after, pauses] = [await count(), Math.ceil((performance.now() - before.atMs) / LOOK_PAUSE_MS)]
    return [
      ...figures,
      figure(
        'MB',
        'memory that floods of webhooks leave behind',
        [Math.max(0, residentMb(receiver.pid) - before.mb)],
        16,
      ),
      figure('calls', 'looks at Git in 5 s of webhooks', [(after.looks - before.looks) / pauses], 1),
    ]
  } finally {
    await sender.end()
    await receiver.end()
  }
}

async function timesOf(
  ends: Ends,
  kind: Flood,
  status: string,
  what: string,
  runs: number,
): Promise<readonly Figure[]> {
  const [wall, cpu]: [number[], number[]] = [[], []]
  for (let run = 1; run <= runs; run += 1) {
    const cpuBefore = cpuMs(ends.receiver.pid)
    wall.push((await flood(ends, kind, status)) / THOUSANDS)
    cpu.push((cpuMs(ends.receiver.pid) - cpuBefore) / THOUSANDS)
  }
  const title = `1,000 webhooks, ${what}`
  return [figure('ms', title, wall, TARGET_MS), figure('ms', `${title}: CPU`, cpu, TARGET_MS)]
}

/** Returns how long it took, in ms. */
async function flood({ sender, url }: Ends, kind: Flood, status: string): Promise<number> {
  const order: FloodOrder = { url, secret: SECRET, flood: kind, requests: REQUESTS }
  const { ms, statuses } = await sender.ask<Flooded>(order)
  // The first of those that are repeated is new.
  if ((statuses[status] ?? 0) < REQUESTS - 1)
    throw new Error(`not all are answered ${status}: ${JSON.stringify(statuses)}`)
  return ms
}

function figure(unit: Unit, what: string, values: readonly number[], target: number): Figure {
  return { group: 'webhooks', what, unit, slipway: sampleOf(values), floor: null, floorIs: '', target }
}
