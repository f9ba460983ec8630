/** Readings made of what servers say. */
import { NsctlError } from '../core/errors.ts'
import type { ValueReading } from './source.ts'

/** One number without a name: what most sources come to. Throws Invalid for what is not finite. */
export function oneNumber(
  value: number,
  {
    activation,
    target,
  }: { readonly activation?: number | undefined; readonly target?: number | undefined } = {},
): ValueReading {
  if (!Number.isFinite(value))
    throw new NsctlError('Invalid', `the answer is ${value}, which is no number to scale by`, {
      value: String(value),
    })
  const metric = { name: '', value, ...(target === undefined ? {} : { target }) }
  return { kind: 'values', metrics: [metric], active: value > (activation ?? 0) }
}
