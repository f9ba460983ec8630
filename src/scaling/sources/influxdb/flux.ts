/** Reads the CSV that Flux answers with: https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/ */
import { NsctlError } from '../../../core/errors.ts'

/** `_value` of the first record, as KEDA takes it; undefined where there is none. Throws Invalid for the error that an answer may hold. */
export function firstFluxValue(text: string): number | undefined {
  let at: number | undefined
  let errorAt = -1
  for (const line of text.split(/\r?\n/)) {
    // an empty line ends a table, and another header follows
    if (line === '') {
      at = undefined
      errorAt = -1
    }
    if (line === '' || line.startsWith('#')) continue
    const fields = fieldsOf(line)
    if (errorAt !== -1) throw new NsctlError('Invalid', `the query is refused: ${fields[errorAt] ?? ''}`)
    if (at === undefined) {
      errorAt = fields.indexOf('error')
      if (errorAt !== -1) continue
      at = fields.indexOf('_value')
      if (at === -1)
        throw new NsctlError('Invalid', 'the answer has no column _value', {
          next: 'check serverURL, and that the query yields one number',
        })
      continue
    }
    const value = fields[at] ?? ''
    if (value === '') return undefined
    const number = Number(value.replace(/^([+-]?)Inf$/, '$1Infinity'))
    if (!Number.isNaN(number) || value === 'NaN') return number
    throw new NsctlError('Invalid', 'the query finds what is no number', { next: 'make one number of it' })
  }
  return undefined
}

/** Of one line: quoted fields may have commas, and quotes twice. Fields over several lines are not numbers. */
function fieldsOf(line: string): readonly string[] {
  const fields: string[] = []
  const field = /(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/y
  while (field.lastIndex <= line.length) {
    const found = field.exec(line)
    if (found === null) break
    fields.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '')
    if (found[3] === '') break
  }
  return fields
}
