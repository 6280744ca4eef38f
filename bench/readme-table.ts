const BEGIN = '<!-- bench -->'
const END = '<!-- /bench -->'

/** The text with `content` between the markers; where there are none, at its end under a heading of its own. */
export function putBetweenMarkers(text: string, content: string): string {
  const block = `${BEGIN}\n\n${content}\n\n${END}`
  const begin = text.indexOf(BEGIN)
  if (begin < 0) return `${text.trimEnd()}\n\n## Speed and cost\n\n${block}\n`
  const end = text.indexOf(END, begin)
  if (end >= 0) return `${text.slice(0, begin)}${block}${text.slice(end + END.length)}`
  // Only the first marker is there: what follows is somebody else's.
  return `${text.slice(0, begin)}${block}${text.slice(begin + BEGIN.length)}`
}
