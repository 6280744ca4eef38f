import type { LogEvent } from '../../controller/index.js'
import type { Colors } from '../io.js'
import { clean } from './words.js'

/** One line of JSON: time first, then the level, the fixed message and its fields. */
export function eventAsJson({ atMs, level, message, fields }: LogEvent): string {
  return JSON.stringify({ time: new Date(atMs).toISOString(), level, message, ...fields })
}

/** One line for a person: local time, the message, fields as `name=value`. */
export function eventAsText({ atMs, level, message, fields }: LogEvent, colors: Colors): string {
  const time = new Date(atMs).toTimeString().slice(0, 8)
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `${colors.dim(`${name}=`)}${shown(value)}`)
  return [colors.dim(time), levelOf(level, colors), message, ...pairs].filter((part) => part !== '').join(' ')
}

function levelOf(level: LogEvent['level'], colors: Colors): string {
  switch (level) {
    case 'error':
      return colors.red('error')
    case 'warn':
      return colors.yellow('warning')
    case 'debug':
    case 'info':
      return ''
  }
}

function shown(value: LogEvent['fields'][string]): string {
  const text = clean(Array.isArray(value) ? value.join(',') : String(value))
  if (/^[0-9a-f]{40}$/.test(text)) return text.slice(0, 7)
  return /^[^\s"]+$/.test(text) ? text : JSON.stringify(text)
}
