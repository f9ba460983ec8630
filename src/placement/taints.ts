/** Taints and tolerations, as Kubernetes defines them. Pure. */
import type { NodeTaint, ServiceToleration } from '../resources/generated/types.ts'

/** Whether one of `tolerations` puts up with `taint`. */
export function isTolerated(
  taint: NodeTaint,
  tolerations: readonly ServiceToleration[] | undefined,
): boolean {
  return tolerations?.some((one) => tolerates(one, taint)) ?? false
}

function tolerates({ key, operator, value, effect }: ServiceToleration, taint: NodeTaint): boolean {
  if (effect !== undefined && effect !== taint.effect) return false
  if (key !== undefined && key !== '' && key !== taint.key) return false
  if (operator === 'Exists') return true
  return key !== undefined && (value ?? '') === (taint.value ?? '')
}

/** `spot`, `pool=batch`: the effect says nothing more to who was refused. */
export function untoleratedText({ key, value }: NodeTaint): string {
  return value === undefined || value === '' ? key : `${key}=${value}`
}
