/** oclif's parse errors in our words: what is wrong, the nearest flag, and where to read on. */
import { stripVTControlCharacters } from 'node:util'
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'

/** Turns what the parser threw into a Usage error. NsctlErrors of flags that parse themselves pass through. */
export function usageError(
  error: unknown,
  about: { readonly verb: string; readonly flags: readonly string[] },
): Error {
  if (isNsctlError(error)) return error
  if (!isParserError(error)) return error instanceof Error ? error : new Error(String(error))
  const help = `see: nsctl ${about.verb} --help`
  const unknown = unknownFlags(error)[0]
  if (unknown !== undefined) {
    const name = unknown.replace(/=.*$/s, '')
    const near = name.startsWith('--') ? nearest(name.slice(2), about.flags, 1)[0] : undefined
    return new NsctlError('Usage', `unknown flag: ${name}`, {
      // what stands behind = may be a secret
      value: name,
      next: near === undefined ? help : `did you mean --${near}? ${help}`,
    })
  }
  return new NsctlError('Usage', inOurWords(messageOf(error)), { next: help, cause: error })
}

/** oclif marks what it throws on purpose with `oclif`. */
function isParserError(error: unknown): boolean {
  return error instanceof Error && 'oclif' in error
}

function unknownFlags(error: unknown): readonly string[] {
  const flags = (error as { readonly flags?: unknown }).flags
  return Array.isArray(flags) ? flags.map(String) : []
}

/** One sentence without oclif's own pointers to help, its colours and its line breaks. */
function inOurWords(message: string): string {
  const text = stripVTControlCharacters(message)
    .replace(/\n?See more help with --help\s*$/, '')
    .replace(/\n\nNote: .*$/s, '')
    .replace(/^The following errors? occurred:\s*/, '')
    .replace(/^Missing required flag (\S+)/, '--$1 is missing')
    .replace(/^Missing \d+ required args?:/, 'missing:')
    .replace(/^Parsing (--\S+)\s+/, '$1: ')
    .replace(/\s*\n\s*/g, ' ')
    .trim()
  return text.slice(0, 1).toLowerCase() + text.slice(1)
}
