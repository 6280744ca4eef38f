/** Columns of equal width; the last one is wrapped under itself when the line would be longer than `width`. */
export function formatRows(rows: readonly (readonly string[])[], width: number, indent = ''): readonly string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, i) => Math.max(0, ...rows.map((row) => visible(row[i] ?? ''))))
  return rows.flatMap((row) => {
    const head = row.slice(0, -1).map((cell, i) => pad(cell, widths[i] ?? 0))
    const start = `${indent}${head.map((cell) => `${cell}  `).join('')}`
    return hang(start, row.at(-1) ?? '', width)
  })
}

/** The text after `start`, wrapped at spaces, following lines indented to where it began. */
export function hang(start: string, text: string, width: number): readonly string[] {
  const room = Math.max(24, width - visible(start))
  const blank = ' '.repeat(visible(start))
  return wrap(text, room).map((line, i) => `${i === 0 ? start : blank}${line}`.trimEnd())
}

function wrap(text: string, room: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && visible(line) + 1 + visible(word) > room) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}

/** Length as it is seen: colour codes take no room. */
function visible(text: string): number {
  return [...text.replace(/\x1b\[[0-9;]*m/g, '')].length
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - visible(text)))
}
