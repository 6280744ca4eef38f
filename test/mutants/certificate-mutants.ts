import type { Mutant } from './mutant.js'

const PLAN = 'src/controller/certificate-plan.ts'
const KEEPER = 'src/controller/certificates.ts'
const READ_BACK = 'src/controller/read-back.ts'
const FOUND = 'src/controller/found-certificates.ts'
const STATUS = 'src/controller/certificate-status.ts'

/** Certificates that come late, twice, or not at all. */
export const CERTIFICATE_MUTANTS: readonly Mutant[] = [
  {
    file: PLAN,
    find: 'failed: { count: 4,',
    put: 'failed: { count: 9,',
    breaks: 'a controller that dies again and again is shut out by its authority for an hour',
  },
  {
    file: PLAN,
    find: 'issued: { count: 4,',
    put: 'issued: { count: 9,',
    breaks: 'certificates are ordered until the authority gives none for a week',
  },
  {
    file: PLAN,
    find: 'attempts.filter(({ isFinal }) => isFinal),',
    put: "attempts.filter(({ outcome }) => outcome === 'issued'),",
    breaks: 'a certificate that was given and lost on the way does not count',
  },
  {
    file: PLAN,
    find: '...attempts.map(({ retryAtMs }) => retryAtMs),',
    put: '0,',
    breaks: 'an authority that wants to be left alone is asked again',
  },
  {
    file: PLAN,
    find: 'growingPauseMs(failures.length, BACKOFF_FIRST_MS[last.outcome], BACKOFF_MOST_MS)',
    put: 'growingPauseMs(-9 * failures.length, BACKOFF_FIRST_MS[last.outcome], BACKOFF_MOST_MS)',
    breaks: 'an order that failed is tried again at once',
  },
  {
    file: PLAN,
    find: '(2 / 3 - JITTER',
    put: '(1 - JITTER',
    breaks: 'a certificate is renewed when it is about to end',
  },
  {
    file: PLAN,
    find: 'certificate.directory !== facts.directory ? 0',
    put: 'certificate.untilMs === 0 ? 0',
    breaks: 'a certificate for trying stays in production',
  },
  {
    file: PLAN,
    find: '2 * lifeMs(certificate)',
    put: '400 * lifeMs(certificate)',
    breaks: 'certificates that live for a day run out in between',
  },
  {
    file: PLAN,
    find: 'a.leftMs - b.leftMs ||',
    put: 'b.leftMs - a.leftMs ||',
    breaks: 'a host without a certificate waits until all others have been renewed',
  },
  {
    file: PLAN,
    find: 'came.untilMs > before.untilMs',
    put: 'came.untilMs > 0',
    breaks: 'a certificate gives way to one that ends sooner',
  },
  {
    file: PLAN,
    find: '(untilMs > facts.nowMs || facts.wanted.includes(host))',
    put: '(facts.wanted.includes(host) && untilMs > 0)',
    breaks: 'a route that was away for an hour costs an order when it comes back',
  },
  {
    file: KEEPER,
    find: 'if (!this.keep(begun, null)) return\n',
    put: 'this.keep(begun, null)\n',
    breaks: 'orders that cannot be written down are made all the same',
  },
  {
    file: KEEPER,
    find: 'else if (this.surroundings.isHeld())',
    put: 'else if (this.closing.signal.aborted && this.surroundings.isHeld())',
    breaks: 'two controllers order the same certificates',
  },
  {
    file: KEEPER,
    find: 'if (!(await this.answers.areGiven(this.parts.clock, signal)))',
    put: 'if (answers.length > 1_000 && !(await this.answers.areGiven(this.parts.clock, signal)))',
    breaks: 'the authority looks before the proxies answer, and sees nothing',
  },
  {
    file: KEEPER,
    find: 'if (isCommon && attempt === null)',
    put: 'if (isCommon)',
    breaks: 'orders whose answers get lost do not count',
  },
  {
    file: KEEPER,
    find: 'const final: Attempt = { ...begun, isFinal: true }',
    put: 'const final: Attempt = { ...begun, isFinal: false }',
    breaks: 'a controller that dies before the certificate is there orders more of them than it may',
  },
  {
    file: STATUS,
    find: '(certificate.untilMs - renewAtMs(certificate)) / 3',
    put: '(certificate.untilMs - renewAtMs(certificate)) / 300',
    breaks: 'a renewal that fails is an error an hour before the outage',
  },
  {
    file: STATUS,
    find: 'if (certificate === undefined) return true',
    put: 'if (certificate === undefined) return false',
    breaks: 'a host that gets no certificate is a warning only',
  },
  {
    file: 'src/acme/check-certificate.ts',
    find: 'if (!own.checkPrivateKey(createPrivateKey(key)))',
    put: 'if (blocks.length === 0 && !own.checkPrivateKey(createPrivateKey(key)))',
    breaks: 'a certificate for another key is told to the proxies',
  },
  {
    file: 'src/acme/sealed-file.ts',
    find: "  return fail({ code: 'STORE_FAILED', message, next: { kind: 'stalled', remedy: `mend or remove ${path}` } })",
    put: "  return message === path ? fail({ code: 'STORE_FAILED', message }) : ok(null)",
    breaks: 'a torn file counts as no certificates, and all are ordered anew',
  },
  {
    file: 'src/acme/store-key.ts',
    find: 'if (existsSync(sealedPath))',
    put: 'if (existsSync(keyPath) && existsSync(sealedPath))',
    breaks: 'a lost key is replaced by one that opens nothing',
  },
  {
    file: 'src/acme/transport.ts',
    find: 'if (size > MOST_BYTES)',
    put: 'if (size > 1_000 * MOST_BYTES)',
    breaks: 'an authority can fill the memory of the controller',
  },
  {
    file: 'src/acme/problems.ts',
    find: "if (code === 'ACME_RATE_LIMITED') return { kind: 'retry', afterMs: retryAfterMs ?? 3_600_000 }",
    put: "if (code === 'ACME_RATE_LIMITED') return { kind: 'retry', afterMs: 3_600_000 }",
    breaks: 'Retry-After of an authority is passed over',
  },
  {
    file: READ_BACK,
    find: 'this.parts.certificates.missing().length > 0',
    put: 'this.parts.certificates.missing().length > 1_000',
    breaks: 'a lost data directory takes https away until new certificates come',
  },
  {
    file: READ_BACK,
    find: '(areTogether ? untold : unread)',
    put: '(areTogether ? unread : [])',
    breaks: 'a proxy that tells late what it holds has lost it by then',
  },
  {
    file: READ_BACK,
    find: 'if (isOver) asked.state',
    put: 'if (isOver && asked.failures > 1_000) asked.state',
    breaks: 'a proxy whose files cannot be read is never told anything again',
  },
  {
    file: FOUND,
    find: 'valid = all.filter(({ certificate }) => certificate.untilMs > nowMs)',
    put: 'valid = all.filter(({ certificate }) => certificate.untilMs > nowMs / 1_000)',
    breaks: 'a certificate that has run out meanwhile is given to all proxies',
  },
  {
    file: FOUND,
    find: 'Number(b.isTrusted) - Number(a.isTrusted) ||',
    put: '0 * (Number(b.isTrusted) - Number(a.isTrusted)) ||',
    breaks: 'a server can give all others a certificate that no client believes',
  },
  {
    file: FOUND,
    find: '(a.isTrusted ? 0 : onB.size - onA.size) ||',
    put: '(a.isTrusted ? 0 : (onB.size - onA.size) * 0) ||',
    breaks: 'one server among many says which private certificate all serve',
  },
  {
    file: FOUND,
    find: 'isTrusted ? facts.directory : UNKNOWN_DIRECTORY',
    put: "isTrusted || facts.directory !== '' ? facts.directory : UNKNOWN_DIRECTORY",
    breaks: 'a certificate that nobody vouches for stays for as long as it says',
  },
  {
    file: KEEPER,
    find: '!this.missing().includes(host) || this.surroundings',
    put: 'this.pem(host) !== null || this.surroundings',
    breaks: 'a certificate that the proxies hold is ordered for anew',
  },
  {
    file: 'src/acme/check-found.ts',
    find: "asymmetricKeyType === 'ec' &&",
    put: 'asymmetricKeyType !== undefined ||',
    breaks: 'a server can give all others a key that each handshake takes a second for',
  },
  {
    file: 'src/acme/vault.ts',
    find: "if (there.problem.next?.kind !== 'stalled') return there",
    put: '',
    breaks: 'certificates are put aside because the disk failed once',
  },
  {
    file: 'src/driver/held-certificates.ts',
    find: 'return null\n  }\n  return files',
    put: 'return files\n  }\n  return files',
    breaks: 'an archive that was cut counts as a proxy that holds nothing',
  },
]
