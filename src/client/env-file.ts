/** Files of variables as kubectl reads them: `NAME=value` per line, nothing quoted, nothing expanded. */
import { NsctlError } from '../core/errors.ts'
import { isValueKey } from '../resources/value-key.ts'

export interface EnvFileLine {
  /** Counted from 1. */
  readonly line: number
  readonly name: string
  readonly value: Uint8Array
}

const NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/
const NEWLINE = 0x0a
const RETURN = 0x0d

/**
 * What `bytes` sets, in order. Empty lines and those that begin with # say nothing; a value is everything behind the first `=`, blanks
 * and quotes included; a line without one takes the variable of that name from `env`, or is empty where there is none.
 *
 * @param source for messages, which never repeat a line: it may be a part of a value
 * @throws NsctlError Invalid for text that is not UTF-8 and for a name that no variable can have
 */
export function parseEnvFile(
  bytes: Uint8Array,
  source: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly EnvFileLine[] {
  const found: EnvFileLine[] = []
  for (const [index, raw] of linesOf(bytes).entries()) {
    const line = index + 1
    const text = decoded(raw, source, line).trimStart()
    if (text === '' || text.startsWith('#')) continue
    const cut = text.indexOf('=')
    const name = cut < 0 ? text : text.slice(0, cut)
    if (!NAME.test(name) || !isValueKey(name))
      throw new NsctlError('Invalid', `${source}:${line}: begins with no name of a variable`, {
        next: 'each line is NAME=value; a value of several lines needs --from-file',
      })
    found.push({ line, name, value: Buffer.from(cut < 0 ? (env[name] ?? '') : text.slice(cut + 1)) })
  }
  return found
}

/** Without the characters that end them; the last one counts only where it is not empty. */
function linesOf(bytes: Uint8Array): readonly Uint8Array[] {
  const lines: Uint8Array[] = []
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf(NEWLINE, start)
    const end = found < 0 ? bytes.length : found
    lines.push(bytes.subarray(start, end > start && bytes[end - 1] === RETURN ? end - 1 : end))
    start = end + 1
  }
  return lines
}

function decoded(bytes: Uint8Array, source: string, line: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new NsctlError('Invalid', `${source}:${line}: is not UTF-8`, {
      next: 'binary values are read with --from-file',
    })
  }
}
