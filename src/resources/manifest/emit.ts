/**
 * YAML of plain data, written straight: ten times faster than a library that must be able to write anything, and without
 * loading it. What needs more than plain and double-quoted scalars in printable ASCII is left to the library.
 */

/** Words that readers of YAML 1.1 or 1.2 take for something else than text; some take e5 for a number. */
const RESERVED = /^-?(?:true|false|yes|no|on|off|y|n|null|nan|inf|e[-+]?[0-9]+)$/i
/**
 * Begins like no number, date or indicator (`-x`, `--name`, `./run`, `3/3` and `3 of 3` are text), holds no `: ` and no ` #`,
 * and ends in no colon or space.
 */
const PLAIN =
  /^(?:--?[A-Za-z]|[A-Za-z_/]|\.{1,2}\/|[0-9]+(?:\/| [A-Za-z]))(?:[A-Za-z0-9_./\-,()=+@%~;$^*&!?<>[\]{}'"]|:(?=[^\s])| (?=[^\s#]))*$/
/** Quantities, durations and percentages: 500m, 128Mi, 1m30s, 25%. */
const QUANTITY = /^(?:[0-9]+(?:\.[0-9]+)?(?:ms|[smhdkMGTP]|[KMGTP]i|%))+$/
const PRINTABLE = /^[\x20-\x7e]*$/

/** Thrown inside to leave the fast way; never seen outside. */
const BEYOND = Symbol('beyond')

/**
 * Block-style YAML of JSON data, ended; members that are undefined are left out. Undefined where the library is needed: a
 * text with line breaks or beyond ASCII.
 */
export function emitYaml(value: object): string | undefined {
  try {
    return isEmpty(value) ? `${flow(value)}\n` : blockOf(value, '').slice(1)
  } catch (thrown) {
    if (thrown === BEYOND) return undefined
    throw thrown
  }
}

/** The lines of a map or list that is not empty, each begun with a line break; the last is ended. */
function blockOf(value: object, indent: string): string {
  let text = ''
  if (Array.isArray(value)) for (const item of value) text += `\n${indent}-${itemOf(item, `${indent}  `)}`
  else
    for (const [key, member] of Object.entries(value))
      if (member !== undefined) text += `\n${indent}${scalar(key)}:${memberOf(member, indent)}`
  return indent === '' ? `${text}\n` : text
}

/** What follows `key:`. A list stands under its key without a step, as kubectl has it. */
function memberOf(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null) return ` ${scalar(value)}`
  if (isEmpty(value)) return ` ${flow(value)}`
  return trimmed(blockOf(value, Array.isArray(value) ? indent : `${indent}  `), indent)
}

/** What follows `-`: a map or a list begins in the same line. */
function itemOf(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null) return ` ${scalar(value)}`
  if (isEmpty(value)) return ` ${flow(value)}`
  return ` ${blockOf(value, indent).slice(1 + indent.length)}`
}

/** Only the outermost block ends its last line. */
function trimmed(block: string, indent: string): string {
  return indent === '' && block.endsWith('\n') ? block.slice(0, -1) : block
}

function isEmpty(value: object): boolean {
  return Array.isArray(value)
    ? value.length === 0
    : Object.values(value).every((member) => member === undefined)
}

function flow(value: object): string {
  return Array.isArray(value) ? '[]' : '{}'
}

function scalar(value: unknown): string {
  if (typeof value !== 'string')
    return typeof value === 'number' && !Number.isFinite(value) ? beyond() : String(value)
  if (QUANTITY.test(value) || (PLAIN.test(value) && !RESERVED.test(value))) return value
  return PRINTABLE.test(value) ? JSON.stringify(value) : beyond()
}

function beyond(): never {
  throw BEYOND
}
