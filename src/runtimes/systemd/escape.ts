/** Text in unit files. Pure. */
import { NsctlError } from '../../core/errors.ts'

/** One word of a command line or an assignment in a unit: quoted, C-escaped, without specifiers. */
export function quoteWord(text: string): string {
  return `"${escapeCharacters(text).replaceAll('%', '%%')}"`
}

/** A value that systemd takes as it stands to the end of the line (WorkingDirectory=). */
export function plainValue(text: string): string {
  return text.replaceAll('%', '%%')
}

/** One side of a BindPaths= pair: quoted, where a backslash stands for what follows it and nothing else is escaped. @throws Invalid */
export function quoteBindPath(path: string): string {
  if (hasControlCharacters(path) || NONCHARACTER.test(path)) throw cannotCarry('path', path)
  return `"${path.replace(/[\\":]/g, '\\$&').replaceAll('%', '%%')}"`
}

/** `NAME="value"` for an EnvironmentFile=: no specifiers there, and only these four are escaped. */
export function environmentFileLine(name: string, value: string): string {
  return `${name}="${value.toWellFormed().replace(/["\\`$]/g, '\\$&')}"\n`
}

/**
 * True where systemd passes the value on: it drops, with a warning only, an assignment with control characters other than tab and
 * line feed, or with code points that Unicode keeps from being characters.
 */
export function isPlainEnvironmentValue(value: string): boolean {
  return !hasControlCharacters(value.replaceAll(/[\t\n]/g, '')) && !NONCHARACTER.test(value)
}

export function hasControlCharacters(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}

/** Code points that systemd does not take for UTF-8: a whole line with one of them is ignored. */
const NONCHARACTER = /\p{Noncharacter_Code_Point}/u

function escapeBytes(char: string): string {
  return [...Buffer.from(char)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
}

function escapeCharacters(text: string): string {
  let escaped = ''
  for (const char of text.toWellFormed()) {
    const code = char.charCodeAt(0)
    if (char === '"' || char === '\\') escaped += `\\${char}`
    else if (char === '\n') escaped += '\\n'
    else if (code < 0x20 || code === 0x7f || NONCHARACTER.test(char)) escaped += escapeBytes(char)
    else escaped += char
  }
  return escaped
}

export function cannotCarry(what: string, value: string): NsctlError {
  return new NsctlError('Invalid', `a systemd unit cannot carry this ${what}: ${JSON.stringify(value)}`, {
    value,
  })
}
