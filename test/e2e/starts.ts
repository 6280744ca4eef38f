import { LABELS } from '../../src/model/index.js'
import { dockerOn } from '../lab/index.js'
import type { TestFleet } from './harness.js'

/** What the engines tell of starts, while it is followed. */
export interface Starts {
  /** Of containers that ran, in order. A start that an engine gave up because its caller was killed is none. */
  ids(): readonly string[]
  close(): void
}

export async function followStarts(fleet: TestFleet): Promise<Starts> {
  const filters = JSON.stringify({ type: ['container'], event: ['start'], label: [LABELS.fleet] })
  const ids: string[] = []
  const streams = await Promise.all(fleet.lab.servers.map((server) => dockerOn(server).getEvents({ filters })))
  for (const stream of streams) {
    let text = ''
    stream.on('data', (chunk: Buffer) => {
      const lines = (text + chunk.toString('utf8')).split('\n')
      text = lines.pop() ?? ''
      ids.push(...lines.map((line) => (JSON.parse(line) as { readonly id: string }).id))
    })
  }
  return {
    ids: () => ids,
    close: () => streams.forEach((stream) => (stream as NodeJS.ReadableStream & { destroy(): void }).destroy()),
  }
}
