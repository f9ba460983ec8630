/** Faults of a text as one error: each with file, line, column and the lines around it. */
import { NsctlError } from '../../core/errors.ts'
import { locateRange } from './excerpt.ts'
import type { DocumentFault } from './fault.ts'

/** Beyond that many faults of one text the rest is only counted. */
const MAX_FAULTS = 20

/** Invalid. `source` is how the text is named: `shop/web.yaml`. */
export function faultsError(faults: readonly DocumentFault[], text: string, source: string): NsctlError {
  const texts = faults.slice(0, MAX_FAULTS).map((fault) => faultText(fault, text, source))
  const rest = faults.length - texts.length
  const issues = rest > 0 ? [...texts, `and ${rest} more faults in ${source}`] : texts
  const [headline = source] = texts[0]!.split('\n')
  const message = faults.length === 1 ? headline : `${faults.length} faults in ${source}`
  return new NsctlError('Invalid', message, { issues, value: source })
}

function faultText(fault: DocumentFault, text: string, source: string): string {
  if (text === '') return `${source}: ${fault.message}${fault.hint ? `; ${fault.hint}` : ''}`
  const { line, column, excerpt } = locateRange(text, fault)
  return `${source}:${line}:${column}: ${fault.message}\n${excerpt}${fault.hint ? ` ${fault.hint}` : ''}`
}
