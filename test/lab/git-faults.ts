import type { ServerResponse } from 'node:http'

/** What the Git server does instead of its work. */
export type GitFault =
  | { readonly kind: 'down' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'unauthorized' }
  | { readonly kind: 'server-error' }
  | { readonly kind: 'html' }
  /** The pack ends in the middle: cleanly, or with a broken connection. */
  | { readonly kind: 'truncated-pack'; readonly end: 'clean' | 'broken' }
  /** The frames are right, the pack in them is noise. */
  | { readonly kind: 'garbage-pack' }
  | { readonly kind: 'slow-drip'; readonly bytesPerSecond: number }

export type CgiAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Answers that need no repository. Returns false when the request should be served. */
export function answerWithFault(fault: GitFault | undefined, response: ServerResponse): boolean {
  switch (fault?.kind) {
    case 'hang':
      return true
    case 'down':
      response.destroy()
      return true
    case 'unauthorized':
      response.writeHead(401, { 'www-authenticate': 'Basic realm="slipway-lab"' }).end('unauthorized\n')
      return true
    case 'server-error':
      response.writeHead(500, { 'content-type': 'text/plain' }).end('internal server error\n')
      return true
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>\n')
      return true
    case undefined:
    case 'truncated-pack':
    case 'garbage-pack':
    case 'slow-drip':
      return false
  }
}

/** Sends an answer, spoilt as the fault wants it. */
export function sendAnswer(fault: GitFault | undefined, answer: CgiAnswer, response: ServerResponse): void {
  const packStart = answer.body.indexOf('PACK')
  const hasPack = packStart >= 0 && (answer.headers['content-type'] ?? '').includes('upload-pack-result')
  response.writeHead(answer.status, answer.headers)
  if (fault?.kind === 'slow-drip') {
    drip(answer.body, fault.bytesPerSecond, response)
  } else if (fault?.kind === 'garbage-pack' && hasPack) {
    response.end(spoilPack(answer.body))
  } else if (fault?.kind === 'truncated-pack' && hasPack) {
    const half = answer.body.subarray(0, packStart + Math.max(12, Math.floor((answer.body.length - packStart) / 2)))
    if (fault.end === 'clean') response.end(half)
    else response.write(half, () => setTimeout(() => response.destroy(), 50))
  } else {
    response.end(answer.body)
  }
}

function drip(body: Buffer, bytesPerSecond: number, response: ServerResponse): void {
  const step = Math.max(1, Math.floor(bytesPerSecond / 20))
  let sent = 0
  const timer = setInterval(() => {
    response.write(body.subarray(sent, sent + step))
    sent += step
    if (sent < body.length) return
    clearInterval(timer)
    response.end()
  }, 50)
  response.on('close', () => clearInterval(timer))
}

/** Flips the pack's bytes after its header inside the side-band frames, leaving the frames' own lengths alone. */
function spoilPack(body: Buffer): Buffer {
  const spoilt = Buffer.from(body)
  let toKeep = 12
  for (let at = 0; at + 4 <= spoilt.length;) {
    const length = parseInt(spoilt.toString('latin1', at, at + 4), 16)
    if (Number.isNaN(length)) break
    const isPackData = length > 5 && spoilt[at + 4] === 1
    for (let i = at + 5; isPackData && i < at + length; i += 1) {
      if (toKeep > 0) toKeep -= 1
      else spoilt[i] = (spoilt[i] ?? 0) ^ 0x5a
    }
    at += Math.max(4, length)
  }
  return spoilt
}
