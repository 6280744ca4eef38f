import type { FleetStatus } from '../controller/index.js'
import type { Ledger } from './ledger.js'
import type { Outbox } from './outbox.js'
import type { Forge } from './ports.js'
import { rolloutNews } from './rollout-news.js'

export interface Reporter {
  /** Called whenever the status may have changed; by level, so calling too often tells nothing twice. */
  look(status: FleetStatus): void
}

/** Tells the forge how each rollout of the followed ref goes. */
export function rolloutReporter(forge: Forge, outbox: Outbox, ledger: Ledger): Reporter {
  return {
    look(status) {
      const news = rolloutNews(status)
      if (news === null) return
      const ended = ledger.get(`ended ${news.sha}`)
      // What ended stays so: a replica that is healed later is no rollout of the commit.
      if (news.state === 'pending' && ended !== undefined) return
      outbox.put({
        key: `status ${news.sha}`,
        content: `${news.state} ${news.description}`,
        async send(signal) {
          const sent = await forge.setStatus(news, signal)
          if (sent.ok && news.state !== 'pending') ledger.set(`ended ${news.sha}`, news.state)
          return sent
        },
      })
    },
  }
}
