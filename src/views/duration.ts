/** Short spans with a decimal, where `core/quantity.ts` has ages for tables. */
import { formatAge } from '../core/quantity.ts'

/** `0.2 s`, `41 s`, then as an age. */
export function formatSpan(spanMs: number): string {
  const ms = Math.max(0, spanMs)
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : formatAge(ms)
}
