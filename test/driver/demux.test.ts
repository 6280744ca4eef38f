import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newDemuxer } from '../../src/driver/demux.js'

function frame(kind: number, text: string): Buffer {
  const body = Buffer.from(text)
  const header = Buffer.alloc(8)
  header.writeUInt8(kind)
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}

function collect(chunks: readonly Buffer[]): { stdout: string; stderr: string; isSound: boolean } {
  const texts = { stdout: '', stderr: '' }
  const demux = newDemuxer((stream, text) => (texts[stream] += text))
  const isSound = chunks.every((chunk) => demux(chunk))
  return { ...texts, isSound }
}

describe('the engine stream', () => {
  it('comes apart the same wherever it is cut', () => {
    const whole = Buffer.concat([frame(1, 'größe\n'), frame(2, 'err'), frame(1, ''), frame(1, '\u{1F6A2}\n')])
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: whole.length })), (cuts) => {
        const points = [0, ...cuts.sort((a, b) => a - b), whole.length]
        const chunks = points.slice(1).map((end, i) => whole.subarray(points[i], end))
        expect(collect(chunks)).toEqual({ stdout: 'größe\n\u{1F6A2}\n', stderr: 'err', isSound: true })
      }),
    )
  })

  it('hands on the text of a frame that claims four gigabytes as it comes', () => {
    const header = Buffer.from([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])
    expect(collect([header, Buffer.from('some')])).toMatchObject({ stdout: 'some', isSound: true })
  })

  it('ends where it makes no sense', () => {
    expect(collect([Buffer.from('plain text, no frames')])).toMatchObject({ stdout: '', isSound: false })
  })
})
