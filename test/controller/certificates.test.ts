import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Certificates } from '../../src/controller/index.js'
import { renewAtMs } from '../../src/controller/certificate-plan.js'
import type { Fact } from '../../src/controller/index.js'
import { ACME_DEFAULTS } from '../../src/model/index.js'
import type { AcmeSettings } from '../../src/model/index.js'
import { FakeAuthority, FakeStore, MOODS } from './authority.js'
import type { Mood } from './authority.js'
import { VirtualClock } from './world.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const SETTINGS: AcmeSettings = { ...ACME_DEFAULTS, email: null, termsAgreed: true, bindingKid: null }
const WWW = 'www.example.com'

/** A keeper between an authority, a data directory and proxies, all in memory. */
class Bench {
  readonly clock = new VirtualClock()
  readonly authority = new FakeAuthority(this.clock)
  readonly store = new FakeStore()
  readonly facts: Fact[] = []
  isHeld = false
  isEverywhere = true
  /** How long proxies take to answer; null: they never do. */
  proxiesMs: number | null = 50
  private answered: readonly string[] = []
  keeper = this.start()

  start(): Certificates {
    const keeper = new Certificates({ authority: this.authority, store: this.store, clock: this.clock })
    keeper.attach({
      isHeld: () => this.isHeld,
      isEverywhere: () => this.isEverywhere,
      record: (fact) => void this.facts.push(fact),
    })
    this.authority.answers = (token) => this.answered.includes(token)
    keeper.onChange(() => {
      const tokens = keeper.challenges().map(({ token }) => token)
      if (this.proxiesMs === null) return
      this.clock.after(this.proxiesMs, () => {
        this.answered = tokens
        keeper.answering(tokens)
      })
    })
    return keeper
  }

  /** The process ends as it does when it is killed, and another one begins. */
  kill(hosts: readonly string[] = [WWW]): void {
    this.keeper.close()
    this.keeper = this.start()
    this.use(hosts)
  }

  use(hosts: readonly string[] = [WWW], settings: AcmeSettings = SETTINGS): void {
    this.keeper.use(settings)
    this.keeper.want(hosts)
  }

  problems(): readonly string[] {
    return this.keeper.problems().map(({ code, severity }) => `${severity ?? 'error'} ${code}`)
  }

  hosts(): readonly string[] {
    return this.authority.orders.map(({ host }) => host)
  }
}

describe('a host that wants a certificate', () => {
  it('gets one, once all proxies answer for it', async () => {
    const bench = new Bench()
    bench.use()
    expect(bench.keeper.pem(WWW)).toBeNull()
    await bench.clock.run(1_000)
    expect(bench.keeper.pem(WWW)).toMatch(/^www\.example\.com /)
    expect(bench.keeper.challenges()).toEqual([])
    expect(bench.authority.wrong).toEqual([])
    expect(bench.facts.map(({ kind }) => kind)).toEqual(['certificate-issued'])
  })

  it('is not ordered for twice, nor after a start anew', async () => {
    const bench = new Bench()
    bench.use()
    await bench.clock.run(DAY_MS)
    bench.kill()
    await bench.clock.run(DAY_MS)
    expect(bench.hosts()).toEqual([WWW])
    expect(bench.keeper.pem(WWW)).not.toBeNull()
  })

  it('gets its next one at two thirds of its life, a little sooner than others', async () => {
    const bench = new Bench()
    bench.use()
    await bench.clock.run(56 * DAY_MS)
    expect(bench.hosts()).toHaveLength(1)
    await bench.clock.run(5 * DAY_MS)
    expect(bench.hosts()).toHaveLength(2)
  })

  it('keeps the one that ends later, where those that come live shorter now, until a new one would outlast it', async () => {
    const bench = new Bench()
    bench.proxiesMs = 0
    bench.use()
    await bench.clock.run(HOUR_MS)
    const [first] = bench.store.kept.certificates
    bench.authority.lifeMs = 6 * DAY_MS
    await bench.clock.run(70 * DAY_MS)
    expect(bench.hosts()).toHaveLength(2)
    expect(bench.store.kept.certificates).toEqual([first])
    await bench.clock.run(17 * DAY_MS)
    expect(bench.hosts()).toHaveLength(3)
    expect(bench.store.kept.certificates[0]?.untilMs).toBeGreaterThan(first?.untilMs ?? Infinity)
    expect(bench.authority.wrong).toEqual([])
  })

  it.each([30_000, HOUR_MS, 6 * DAY_MS])('is never without one, if they live for %d ms', async (lifeMs) => {
    const bench = new Bench()
    bench.authority.lifeMs = lifeMs
    bench.use()
    await bench.clock.run(1_000)
    for (let look = 0; look < 100; look += 1) {
      await bench.clock.run(lifeMs / 10)
      expect(bench.store.kept.certificates[0]?.untilMs).toBeGreaterThan(bench.clock.nowMs())
    }
    expect(bench.hosts().length).toBeLessThan(20)
  })

  it('waits its turn: one order at a time, those with the least time left first', async () => {
    const bench = new Bench()
    const hosts = Array.from({ length: 20 }, (_, at) => `h${at}.example.com`)
    bench.use(hosts)
    await bench.clock.run(60_000)
    expect(new Set(bench.hosts())).toEqual(new Set(hosts))
    expect(bench.authority.wrong).toEqual([])
  })

  it('that no route has any more is not renewed, and is there again when one comes back', async () => {
    const bench = new Bench()
    bench.use()
    await bench.clock.run(DAY_MS)
    const pem = bench.keeper.pem(WWW)
    bench.use([])
    await bench.clock.run(80 * DAY_MS)
    expect(bench.hosts()).toHaveLength(1)
    bench.use()
    expect(bench.keeper.pem(WWW)).toBe(pem)
  })

  it('comes first if it has none, then if its own ends first', async () => {
    const bench = new Bench()
    bench.authority.lifeMs = 60 * DAY_MS
    bench.use(['c.example.com'])
    await bench.clock.run(1_000)
    bench.authority.lifeMs = 30 * DAY_MS
    bench.use(['b.example.com'])
    await bench.clock.run(1_000)
    bench.use([])
    await bench.clock.run(50 * DAY_MS)
    bench.use(['a.example.com', 'b.example.com', 'c.example.com'])
    await bench.clock.run(1_000)
    expect(bench.hosts().slice(2)).toEqual(['a.example.com', 'b.example.com', 'c.example.com'])
  })

  it('keeps the one that it has rather than one that ends sooner', async () => {
    const bench = new Bench()
    bench.use()
    await bench.clock.run(50 * DAY_MS)
    const before = bench.keeper.pem(WWW)
    bench.authority.lifeMs = DAY_MS
    await bench.clock.run(20 * DAY_MS)
    expect(bench.hosts().length).toBeGreaterThan(1)
    expect(bench.keeper.pem(WWW)).toBe(before)
    expect(bench.authority.wrong).toEqual([])
  })

  it('passes no limit when its authority changes to and fro', async () => {
    const bench = new Bench()
    for (let round = 0; round < 40; round += 1) {
      bench.use([WWW], { ...SETTINGS, directory: `https://ca-${round % 2}.example.com/dir` })
      await bench.clock.run(HOUR_MS)
    }
    expect(bench.hosts().length).toBeLessThanOrEqual(8)
  })

  it('gets one of another authority at once, and keeps the old one until then', async () => {
    const bench = new Bench()
    bench.use([WWW], { ...SETTINGS, directory: 'https://staging.example.com/dir' })
    await bench.clock.run(DAY_MS)
    const before = bench.keeper.pem(WWW)
    bench.authority.mood = () => 'cannot be reached'
    bench.use()
    await bench.clock.run(HOUR_MS)
    expect(bench.keeper.pem(WWW)).toBe(before)
    bench.authority.mood = () => 'gives'
    await bench.clock.run(2 * HOUR_MS)
    expect(bench.keeper.pem(WWW)).not.toBe(before)
  })
})

describe('the authority', () => {
  it('is told nothing while proxies do not answer', async () => {
    const bench = new Bench()
    bench.proxiesMs = null
    bench.use()
    await bench.clock.run(3 * 60_000)
    expect(bench.problems()).toEqual(['error ACME_CHALLENGE'])
    expect(bench.authority.wrong).toEqual([])
    bench.proxiesMs = 50
    await bench.clock.run(HOUR_MS)
    expect(bench.keeper.pem(WWW)).not.toBeNull()
    expect(bench.problems()).toEqual([])
  })

  it.each<[Mood, string, number]>([
    ['refuses', 'ACME_CHALLENGE', 4],
    ['goes away', 'ACME_UNREACHABLE', 4],
    ['cannot be reached', 'ACME_UNREACHABLE', 0],
    ['wants terms', 'ACME_TERMS', 0],
    ['wants peace', 'ACME_RATE_LIMITED', 0],
    ['loses it', 'ACME_UNREACHABLE', 4],
    ['gives wrong ones', 'ACME_CERTIFICATE', 4],
  ])('that %s is said to, and asked less and less', async (mood, code, mostAnHour) => {
    const bench = new Bench()
    bench.authority.mood = () => mood
    bench.use()
    await bench.clock.run(HOUR_MS)
    expect(bench.problems()[0]).toBe(`error ${code}`)
    expect(bench.hosts().length).toBeLessThanOrEqual(mostAnHour)
    bench.authority.mood = () => 'gives'
    await bench.clock.run(8 * DAY_MS)
    expect(bench.keeper.pem(WWW)).not.toBeNull()
    expect(bench.problems()).toEqual([])
    expect(bench.authority.wrong).toEqual([])
  })

  it('that wants peace is left in peace for as long as it said, also by a controller that starts anew', async () => {
    const bench = new Bench()
    let asked = 0
    bench.authority.mood = () => {
      asked += 1
      return 'wants peace'
    }
    bench.use()
    await bench.clock.run(HOUR_MS)
    bench.kill()
    await bench.clock.run(HOUR_MS - 1_000)
    expect(asked).toBe(1)
    await bench.clock.run(60_000)
    expect(asked).toBe(2)
  })

  it('is asked for a first certificate once each server has a proxy, but not kept waiting by one for ever', async () => {
    const bench = new Bench()
    bench.isEverywhere = false
    bench.use()
    await bench.clock.run(60_000)
    expect(bench.hosts()).toEqual([])
    bench.isEverywhere = true
    await bench.clock.run(5_000)
    expect(bench.hosts()).toEqual([WWW])
    bench.isEverywhere = false
    bench.use([WWW, 'other.example.com'])
    await bench.clock.run(10 * 60_000)
    expect(bench.hosts()).toEqual([WWW, 'other.example.com'])
    await bench.clock.run(60 * DAY_MS)
    expect(bench.hosts()).toHaveLength(4)
  })

  it('is asked for nothing while another controller is at it', async () => {
    const bench = new Bench()
    bench.isHeld = true
    bench.use()
    await bench.clock.run(DAY_MS)
    expect(bench.hosts()).toEqual([])
    bench.isHeld = false
    await bench.clock.run(2 * 60_000)
    expect(bench.hosts()).toEqual([WWW])
  })

  it('is asked for nothing as long as nobody can read what is there', async () => {
    const bench = new Bench()
    bench.store.readProblem = { code: 'STORE_FAILED', message: 'torn' }
    bench.use()
    await bench.clock.run(DAY_MS)
    expect(bench.hosts()).toEqual([])
    expect(bench.problems()).toEqual(['error STORE_FAILED'])
    bench.store.readProblem = null
    await bench.clock.run(2 * HOUR_MS)
    expect(bench.keeper.pem(WWW)).not.toBeNull()
    expect(bench.problems()).toEqual([])
  })

  it('is asked for nothing while no order can be written down', async () => {
    const bench = new Bench()
    bench.store.writeProblem = { code: 'STORE_FAILED', message: 'full' }
    bench.use()
    await bench.clock.run(DAY_MS)
    expect(bench.hosts()).toEqual([])
  })
})

describe('a renewal that fails', () => {
  async function renewedAt(): Promise<{ readonly bench: Bench; readonly dueMs: number; readonly untilMs: number }> {
    const bench = new Bench()
    bench.use()
    await bench.clock.run(1_000)
    bench.authority.mood = () => 'refuses'
    const [certificate] = bench.store.kept.certificates
    if (certificate === undefined) throw new Error('there is none')
    return { bench, dueMs: renewAtMs(certificate), untilMs: certificate.untilMs }
  }

  it('is a warning from the first time on, and an error long before the end', async () => {
    const { bench, dueMs, untilMs } = await renewedAt()
    await bench.clock.run(dueMs - bench.clock.nowMs() + 60_000)
    expect(bench.problems()).toEqual(['warning ACME_CHALLENGE'])
    await bench.clock.run(untilMs - (untilMs - dueMs) / 3 - bench.clock.nowMs() - DAY_MS)
    expect(bench.problems()).toEqual(['warning ACME_CHALLENGE'])
    await bench.clock.run(2 * DAY_MS)
    expect(bench.problems()).toEqual(['error ACME_CHALLENGE'])
    expect(untilMs - bench.clock.nowMs()).toBeGreaterThan(8 * DAY_MS)
    expect(bench.keeper.pem(WWW)).not.toBeNull()
    expect(bench.authority.wrong).toEqual([])
  })

  it('is in the journal, with when the one that is there ends', async () => {
    const { bench, dueMs, untilMs } = await renewedAt()
    await bench.clock.run(dueMs - bench.clock.nowMs() + 60_000)
    expect(bench.facts.at(-1)).toMatchObject({ kind: 'certificate-failed', host: WWW, untilMs })
  })

  it('is said again after a start anew, before anything is tried', async () => {
    const { bench, dueMs } = await renewedAt()
    await bench.clock.run(dueMs - bench.clock.nowMs() + 60_000)
    const tried = bench.hosts().length
    bench.kill()
    await bench.clock.run(1_000)
    expect(bench.problems()).toEqual(['warning ACME_CHALLENGE'])
    expect(bench.hosts()).toHaveLength(tried)
  })
})

describe('a controller that dies in the middle of an order', () => {
  it('begins anew within the limits', async () => {
    const bench = new Bench()
    bench.authority.mood = () => 'is slow'
    bench.use()
    await bench.clock.run(60_000)
    bench.kill()
    await bench.clock.run(30 * 60_000)
    expect(bench.hosts()).toHaveLength(2)
    expect(bench.keeper.pem(WWW)).not.toBeNull()
  })

  it.each(MOODS)('over and over passes no limit, if it %s', async (mood) => {
    const bench = new Bench()
    bench.authority.mood = () => mood
    bench.use()
    for (let round = 0; round < 400; round += 1) {
      await bench.clock.run(30_000)
      bench.kill()
    }
    expect(bench.authority.wrong).toEqual([])
  })
})

const step = fc.record({
  mood: fc.constantFrom(...MOODS),
  forMs: fc.oneof(fc.integer({ min: 1, max: HOUR_MS }), fc.integer({ min: HOUR_MS, max: 40 * DAY_MS })),
  kill: fc.boolean(),
  proxiesMs: fc.constantFrom(0, 50, 5_000, null),
  lifeMs: fc.constantFrom(6 * DAY_MS, 45 * DAY_MS, 90 * DAY_MS),
  hosts: fc.subarray(['a.example.com', 'b.example.com', '*.example.org']),
})

describe('whatever happens', () => {
  it('no limit is passed, and a good certificate never gives way to an older one or none', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const bench = new Bench()
        const best = new Map<string, number>()
        const look = (): void => {
          for (const { host, untilMs } of bench.store.kept.certificates) {
            expect(untilMs).toBeGreaterThanOrEqual(best.get(host) ?? 0)
            best.set(host, untilMs)
          }
          for (const [host, untilMs] of best)
            if (untilMs > bench.clock.nowMs())
              expect(bench.store.kept.certificates.map((one) => one.host)).toContain(host)
        }
        for (const { mood, forMs, kill, proxiesMs, lifeMs, hosts } of steps) {
          bench.authority.lifeMs = lifeMs
          bench.authority.mood = () => mood
          bench.proxiesMs = proxiesMs
          if (kill) bench.kill(hosts)
          else bench.use(hosts)
          await bench.clock.run(forMs)
          look()
        }
        expect(bench.authority.wrong).toEqual([])
        bench.keeper.close()
      }),
      { numRuns: 150 },
    )
  })
})
