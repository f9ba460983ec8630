/** The words for faults: what was expected, what is there, and how to write it. */
import type { Path } from '../../core/json.ts'
import { CPU_PATTERN, DURATION_PATTERN, MEMORY_PATTERN } from '../../core/quantity.ts'
import type { FieldIssue } from '../kinds.ts'
import { FORMAT_PATTERNS } from './json-schema.ts'

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a string',
  integer: 'an integer',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
}

/** What is asked for where a pattern is known by its meaning. */
const PATTERN_WORDS: Readonly<Record<string, string>> = {
  [CPU_PATTERN]: 'a CPU quantity such as 500m or 0.5',
  [MEMORY_PATTERN]: 'a memory quantity such as 128Mi or 1G',
  [DURATION_PATTERN]: 'a duration such as 500ms, 30s or 1m30s',
  '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$':
    'a DNS label (lower-case letters, digits and -, starting and ending with a letter or digit)',
  '^[A-Za-z_][A-Za-z0-9_]*$': 'a variable name (letters, digits and _, not starting with a digit)',
  '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$':
    'a name (lower-case letters, digits, - and ., starting and ending with a letter or digit)',
  '^[-._a-zA-Z0-9]+$': 'a key (letters, digits, -, _ and .)',
  '^age1[a-z0-9]+$': 'an age recipient such as age1… (age-keygen -y prints the one of an identity)',
  '^/.+': 'an absolute path below /',
  '^/': 'a path that starts with /',
  [FORMAT_PATTERNS['date-time']!]: 'a date and time such as 2026-01-31T12:00:00Z',
  [FORMAT_PATTERNS.date!]: 'a date such as 2026-01-31',
  [FORMAT_PATTERNS.uuid!]: 'a UUID',
}

/** `must be a string, not a number (quote it: "8080")`; where a pattern is known by its meaning, that, if quotes do not do. */
export function typeIssue(
  path: Path,
  types: readonly string[],
  value: unknown,
  pattern?: string,
): FieldIssue {
  // quotes alone would make it a string, but not one that is accepted
  const meaning = pattern === undefined ? undefined : PATTERN_WORDS[pattern]
  if (meaning !== undefined && typeof value === 'number' && !new RegExp(pattern!).test(String(value)))
    return { path, message: `must be ${meaning}, not ${describe(value)}`, value }
  const wanted = types.map((type) => TYPE_WORDS[type] ?? type).join(' or ')
  return { path, message: `must be ${wanted}, not ${describe(value)}${hint(types, value)}`, value }
}

/** `must be a memory quantity such as 128Mi or 1G, not "12Mb"`. */
export function patternMessage(pattern: string, value: unknown): string {
  const meaning = PATTERN_WORDS[pattern]
  return meaning === undefined
    ? `must match ${pattern}, which ${quote(value)} does not`
    : `must be ${meaning}, not ${quote(value)}`
}

function describe(value: unknown): string {
  if (value === null) return 'null (empty)'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'boolean') return `the boolean ${value}`
  if (typeof value === 'number') return `the number ${value}`
  return `the string ${quote(value)}`
}

function hint(types: readonly string[], value: unknown): string {
  if (types.includes('string') && (typeof value === 'number' || typeof value === 'boolean'))
    return typeof value === 'boolean' || Number.isSafeInteger(value)
      ? ` (quote it: "${value}")`
      : ' (put it in quotes)'
  if (typeof value !== 'string') return ''
  const numeric = types.includes('integer') || types.includes('number')
  if (numeric && value.trim() !== '' && Number.isFinite(Number(value))) return ' (without quotes)'
  if (types.includes('boolean') && /^(yes|on|no|off|true|false)$/i.test(value))
    return ` (write ${/^(yes|on|true)$/i.test(value)}, without quotes)`
  return ''
}

/** A value as JSON, cut where it is long. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
