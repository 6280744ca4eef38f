/** Longest value that is printed whole. */
const SHOWN_MAX = 80

const SECRET_NAME = /pass|pwd|secret|token|key|credential|auth|cookie|dsn|private|salt/i
/** `user:password@` in an address. */
const USER_INFO = /\/\/[^/\s:@]*:[^/\s@]*@/g
/** `--password=…`, `token: …` inside a longer text. */
const SECRET_ARGUMENT =
  /((?:pass(?:word|wd|phrase)?|pwd|secret|token|api_?key|credential)[\w-]*(?:\s*[=:]\s*|\s+))\S+/gi

/** Whether a variable or label of this name likely holds a secret. Errs on the side of hiding. */
export function looksSecret(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** A free text in one line, at most 80 characters, without what looks like a secret in it. */
export function showText(text: string): string {
  const masked = text.replace(USER_INFO, '//…@').replace(SECRET_ARGUMENT, '$1…')
  const line = JSON.stringify(masked).slice(1, -1).replaceAll('\\"', '"').replaceAll('\\\\', '\\')
  const characters = [...line]
  if (characters.length === 0) return '""'
  return characters.length <= SHOWN_MAX ? line : `${characters.slice(0, SHOWN_MAX - 1).join('')}…`
}

/** `sh -c "sleep 1"`: arguments as a person would type them. */
export function showArguments(args: readonly string[]): string {
  return args.length === 0
    ? '[]'
    : showText(args.map((arg) => (/^[\w./:=@%+,-]+$/.test(arg) ? arg : JSON.stringify(arg))).join(' '))
}

const UNITS = [
  { name: 'h', ms: 3_600_000 },
  { name: 'm', ms: 60_000 },
  { name: 's', ms: 1_000 },
  { name: 'ms', ms: 1 },
] as const

/** `1m30s`, as Compose writes durations. */
export function formatDuration(durationMs: number): string {
  let left = durationMs
  let text = ''
  for (const { name, ms } of UNITS) {
    const count = Math.floor(left / ms)
    left -= count * ms
    if (count > 0) text += `${count}${name}`
  }
  return text === '' ? '0s' : text
}

/** `256M`, as Compose writes sizes; whole units only, so that nothing is rounded. */
export function formatBytes(bytes: number): string {
  const units = ['G', 'M', 'K'] as const
  const index = [1024 ** 3, 1024 ** 2, 1024].findIndex((size) => bytes >= size && bytes % size === 0)
  return index === -1 ? `${bytes}B` : `${bytes / ([1024 ** 3, 1024 ** 2, 1024][index] ?? 1)}${units[index] ?? ''}`
}

export function formatMode(mode: number): string {
  return `0${mode.toString(8)}`
}

/** `1 server`, `2 servers`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}
