/** Numbers and spans as decisions speak of them. Written by hand: Intl's costs more than a whole decision. */
import { formatAge, formatBytes, formatCpu } from '../../core/quantity.ts'

/** Beyond it, digits are no longer exact. */
const LONGEST = 1e15

/** `1,310`, `61.5`, `0.0042`, `-7`. */
export function formatNumber(value: number): string {
  const size = Math.abs(value)
  if (size >= LONGEST) return value.toExponential(2)
  if (Number.isInteger(value)) return size < 1000 ? `${value}` : group(`${value}`)
  if (size < 1) return `${Number(value.toPrecision(3))}`
  const [whole = '', rest = ''] = `${Math.round(value * 100) / 100}`.split('.')
  return rest === '' ? group(whole) : `${group(whole)}.${rest}`
}

function group(digits: string): string {
  const first = digits.startsWith('-') ? 1 : 0
  let text = ''
  let end = digits.length
  for (; end - first > 3; end -= 3) text = `,${digits.slice(end - 3, end)}${text}`
  return digits.slice(0, end) + text
}

/** A trigger's number in its unit: `61 %`, `210m`, `96Mi`, `0.25 s`, `1,310`. */
export function formatMeasure(value: number, unit: string): string {
  if (unit === '') return formatNumber(value)
  if (unit === 'm') return formatCpu(value)
  if (unit === 'B' && value >= 0) return formatBytes(value)
  return `${formatNumber(value)} ${unit}`
}

/** `5m`, `15s`, `1h30m`. */
export function formatSpan(spanMs: number): string {
  return spanMs > 0 && spanMs < 1000 ? `${spanMs}ms` : formatAge(spanMs)
}
