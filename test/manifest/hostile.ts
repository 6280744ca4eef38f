/** Files that are made to break whoever reads them, by what they are. Each is not YAML that can be trusted, or too large. */
export const HOSTILE: readonly (readonly [title: string, content: string | Uint8Array])[] = [
  ['100,000 brackets', nest('[', ']', 100_000)],
  ['2,000 brackets, which abort the library', nest('[', '', 2_000)],
  ['100,000 braces', nest('{a: ', '}', 100_000)],
  ['50,000 dashes', `services:\n${'- '.repeat(50_000)}`],
  [
    'a billion laughs',
    `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefghi'
      .split('')
      .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join(', ')}]`)
      .join('\n')}\n`,
  ],
  ['a chain of aliases', chain(5_000)],
  ['a long chain of aliases', chain(20_000)],
  ['a chain of aliases that costs as much as it may', chain(8_000)],
  [
    'a merge bomb',
    `a: &a { ${Array.from({ length: 2_000 }, (_, at) => `k${at}: v`).join(', ')} }\nb: { <<: [${Array(2_000).fill('*a').join(', ')}] }\n`,
  ],
  ['40,000 keys', Array.from({ length: 40_000 }, (_, at) => `k${at}: v`).join('\n')],
  ['24,000 services of text', `services:\n${Array.from({ length: 24_000 }, (_, at) => `  s${at}: text`).join('\n')}`],
  ['40,000 aliases', `a: &a x\nb: [${'*a,'.repeat(40_000)}]`],
  ['24,000 empty mappings', `a: [${'{},'.repeat(24_000)}]`],
  ['16,000 mappings of one', `a: [${'{a: b},'.repeat(16_000)}]`],
  ['90,000 quoted words', `a: [${"'',".repeat(90_000)}]`],
  ['100,000 empty values', `a: [${',?'.repeat(100_000)}]`],
  ['an alias to itself', 'services: &a [*a]\n'],
  ['10 MiB of nothing', '#'.repeat(10 * 1024 * 1024)],
  ['2 MiB', '#'.repeat(2 * 1024 * 1024)],
  ['UTF-16', Buffer.from('services: {}', 'utf16le')],
  ['Latin-1', Uint8Array.from([0x61, 0x3a, 0x20, 0xe9])],
  ['100,000 keys of the same name', 'a: 1\n'.repeat(100_000)],
]

function nest(open: string, close: string, depth: number): string {
  return `services: ${open.repeat(depth)}${close.repeat(depth)}`
}

function chain(length: number): string {
  return `a0: &a0 [x]\n${Array.from({ length }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}]`).join('\n')}\n`
}
