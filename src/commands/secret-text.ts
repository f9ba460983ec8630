/** The values of a Secret as text for an editor, and back. Messages repeat none of them. */
import { NsctlError } from '../core/errors.ts'
import { isValueKey, VALUE_KEY_RULE } from '../resources/value-key.ts'
import { textOf } from './secret-reveal.ts'

/** `!!binary`, for bytes that are no text: YAML 1.2's own schema has it not. */
const BINARY = 'binary'

export interface EditedValues {
  readonly values: ReadonlyMap<string, Uint8Array>
  /** Keys that were there and are not any more. */
  readonly gone: readonly string[]
}

/** YAML: a key a line, blocks for several lines, `!!binary` for what is no text. */
export async function valuesText(values: ReadonlyMap<string, Uint8Array>): Promise<string> {
  if (values.size === 0) return ''
  const { stringify } = await import('yaml')
  const shown = Object.fromEntries(
    [...values].map(([key, value]) => [key, textOf(value) ?? Buffer.from(value)]),
  )
  return stringify(shown, { customTags: [BINARY], lineWidth: 0, aliasDuplicateObjects: false })
}

/** Undefined where nothing is left but comments. Invalid, with line and column and without what stands there. */
export async function readValues(
  text: string,
  before: ReadonlyMap<string, Uint8Array>,
): Promise<EditedValues | undefined> {
  const { LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, {
    customTags: [BINARY],
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
  })
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0])
    throw new NsctlError('Invalid', `line ${line}, column ${col}: this is no YAML`, {
      next: 'quote values that have other characters than letters and digits',
    })
  }
  if (document.contents === null) return undefined
  const values = new Map<string, Uint8Array>()
  const read: unknown = document.toJS({ maxAliasCount: 0 })
  if (typeof read !== 'object' || read === null || Array.isArray(read))
    throw new NsctlError('Invalid', 'this is no map of keys and values', {
      next: 'write a line KEY: VALUE for each',
    })
  for (const [key, value] of Object.entries(read)) {
    if (!isValueKey(key)) throw new NsctlError('Invalid', `not every key is one: ${VALUE_KEY_RULE}`)
    if (typeof value !== 'string' && !(value instanceof Uint8Array))
      throw new NsctlError('Invalid', `${key}: must be text: put it into quotes`, { value: key })
    values.set(key, typeof value === 'string' ? Buffer.from(value, 'utf8') : value)
  }
  return { values, gone: [...before.keys()].filter((key) => !values.has(key)) }
}
