/** Text in unit files. Pure. */

/** One word of a command line or an assignment in a unit: quoted, C-escaped, without specifiers. */
export function quoteWord(text: string): string {
  return `"${escapeCharacters(text).replaceAll('%', '%%')}"`
}

/** A value that systemd takes as it stands to the end of the line (WorkingDirectory=). */
export function plainValue(text: string): string {
  return text.replaceAll('%', '%%')
}

/** One side of a BindPaths= pair: quoted, and colons kept from being separators. */
export function quoteBindPath(path: string): string {
  return `"${escapeCharacters(path.replaceAll('\\', '\\\\').replaceAll(':', '\\:')).replaceAll('%', '%%')}"`
}

/** `NAME="value"` for an EnvironmentFile=: no specifiers there, and only these four are escaped. */
export function environmentFileLine(name: string, value: string): string {
  return `${name}="${value.toWellFormed().replace(/["\\`$]/g, '\\$&')}"\n`
}

/**
 * True where systemd passes the value on: it drops, with a warning only, an assignment with control characters other than tab and
 * line feed.
 */
export function isPlainEnvironmentValue(value: string): boolean {
  return !hasControlCharacters(value.replaceAll(/[\t\n]/g, ''))
}

export function hasControlCharacters(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}

function escapeCharacters(text: string): string {
  let escaped = ''
  for (const char of text.toWellFormed()) {
    const code = char.charCodeAt(0)
    if (char === '"' || char === '\\') escaped += `\\${char}`
    else if (char === '\n') escaped += '\\n'
    else if (code < 0x20 || code === 0x7f) escaped += `\\x${code.toString(16).padStart(2, '0')}`
    else escaped += char
  }
  return escaped
}
