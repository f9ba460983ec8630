/** Whether a node's labels match, as Kubernetes' node selector terms do. Pure. */
import type { ServiceNodeRequirement, ServiceNodeTerm } from '../resources/generated/types.ts'

type Labels = Readonly<Record<string, string>>

/** Whether the node has all of these labels. */
export function hasLabels(labels: Labels, wanted: Labels | undefined): boolean {
  for (const key in wanted) if (labelOf(labels, key) !== wanted[key]) return false
  return true
}

/** Whether all expressions of the term hold. */
export function matchesTerm(labels: Labels, { matchExpressions }: ServiceNodeTerm): boolean {
  return matchExpressions.every((one) => holds(one, labelOf(labels, one.key)))
}

/** Undefined where the node has no such label; labels may be named like what every object has. */
export function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined
}

function holds({ operator, values = [] }: ServiceNodeRequirement, label: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return label !== undefined && values.includes(label)
    case 'NotIn':
      return label === undefined || !values.includes(label)
    case 'Exists':
      return label !== undefined
    case 'DoesNotExist':
      return label === undefined
    case 'Gt':
      return compares(label, values[0], (a, b) => a > b)
    case 'Lt':
      return compares(label, values[0], (a, b) => a < b)
  }
}

/** Whole numbers only; anything else compares with nothing. */
export const WHOLE_NUMBER = /^-?\d{1,15}$/

function compares(
  label: string | undefined,
  value: string | undefined,
  compare: (a: number, b: number) => boolean,
): boolean {
  if (label === undefined || value === undefined) return false
  return WHOLE_NUMBER.test(label) && WHOLE_NUMBER.test(value) && compare(Number(label), Number(value))
}
