/** Rules of placement: what is well formed and can never match, and what cannot act beside something else. */
import type { Path } from '../../core/json.ts'
import type { ServiceNodeRequirement } from '../generated/types.ts'
import { labelKeyFault } from '../validation/metadata.ts'
import { quote } from '../validation/words.ts'
import type { Issues } from './field-rules.ts'
import type { ManifestPlacement, ManifestSpec } from './manifest-types.ts'

const PLACEMENT: Path = ['spec', 'placement']
const WHOLE_NUMBER = /^-?\d{1,15}$/

export function checkPlacement(issues: Issues, { placement, update, unique }: ManifestSpec): void {
  if (placement === undefined) return
  for (const [key, value] of Object.entries(placement.nodeSelector ?? {}))
    checkKey(issues, [...PLACEMENT, 'nodeSelector', key], key, value)
  checkTolerations(issues, placement)
  checkAffinity(issues, placement)
  checkSpread(issues, placement)
  if (placement.strategy === 'perNode') checkPerNode(issues, placement, update)
  if (placement.strategy === 'perNode' && unique === true)
    issues.push({
      path: ['spec', 'unique'],
      message:
        'cannot act with placement strategy perNode: each node has one that belongs to it and is never replaced elsewhere. Leave one of the two out',
      value: true,
    })
}

function checkKey(issues: Issues, path: Path, key: string, value: unknown = key): void {
  const message = labelKeyFault(key)
  if (message !== undefined) issues.push({ path, message, value })
}

/** Kubernetes' own rules: without a key only Exists says which taints are meant. */
function checkTolerations(issues: Issues, { tolerations = [] }: ManifestPlacement): void {
  for (const [index, { key, operator = 'Equal', value }] of tolerations.entries()) {
    const path = [...PLACEMENT, 'tolerations', index]
    if ((key === undefined || key === '') && operator === 'Equal')
      issues.push({
        path: [...path, 'operator'],
        message: 'must be Exists where there is no key',
        value: operator,
      })
    if (operator === 'Exists' && value !== undefined && value !== '')
      issues.push({
        path: [...path, 'value'],
        message: 'cannot stand beside operator Exists, which takes any',
        value,
      })
  }
}

function checkAffinity(issues: Issues, { affinity, antiAffinity }: ManifestPlacement): void {
  const node: Path = [...PLACEMENT, 'affinity', 'node']
  for (const [index, { matchExpressions }] of (affinity?.node?.required ?? []).entries())
    checkExpressions(issues, [...node, 'required', index], matchExpressions)
  for (const [index, { preference }] of (affinity?.node?.preferred ?? []).entries())
    checkExpressions(issues, [...node, 'preferred', index, 'preference'], preference.matchExpressions)
  for (const [name, services] of [
    ['affinity', affinity?.service],
    ['antiAffinity', antiAffinity?.service],
  ] as const) {
    const path: Path = [...PLACEMENT, name, 'service']
    for (const [index, { topologyKey }] of (services?.required ?? []).entries())
      checkTopologyKey(issues, [...path, 'required', index], topologyKey)
    for (const [index, { preference }] of (services?.preferred ?? []).entries())
      checkTopologyKey(issues, [...path, 'preferred', index, 'preference'], preference.topologyKey)
  }
}

function checkTopologyKey(issues: Issues, path: Path, topologyKey: string | undefined): void {
  if (topologyKey !== undefined) checkKey(issues, [...path, 'topologyKey'], topologyKey)
}

function checkExpressions(issues: Issues, at: Path, expressions: readonly ServiceNodeRequirement[]): void {
  for (const [index, { key, operator, values = [] }] of expressions.entries()) {
    const path = [...at, 'matchExpressions', index]
    checkKey(issues, [...path, 'key'], key)
    const message = valuesFault(operator, values)
    if (message !== undefined) issues.push({ path: [...path, 'values'], message, value: values })
  }
}

function valuesFault(
  operator: ServiceNodeRequirement['operator'],
  values: readonly string[],
): string | undefined {
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length === 0 ? `must have at least one for operator ${operator}` : undefined
    case 'Exists':
    case 'DoesNotExist':
      return values.length > 0 ? `cannot stand beside operator ${operator}` : undefined
    case 'Gt':
    case 'Lt':
      return values.length === 1 && WHOLE_NUMBER.test(values[0]!)
        ? undefined
        : `must be one whole number for operator ${operator}, not ${quote(values.join(', '))}`
  }
}

function checkSpread(
  issues: Issues,
  { topologySpreadConstraints: constraints = [] }: ManifestPlacement,
): void {
  const first = new Map<string, number>()
  for (const [index, one] of constraints.entries()) {
    const path = [...PLACEMENT, 'topologySpreadConstraints', index, 'topologyKey']
    const topologyKey = one.topologyKey ?? 'topology.kubernetes.io/zone'
    checkKey(issues, path, topologyKey)
    const key = `${topologyKey} ${one.whenUnsatisfiable ?? 'DoNotSchedule'}`
    const earlier = first.get(key)
    if (earlier === undefined) first.set(key, index)
    else
      issues.push({
        path,
        message: `must be unique with its whenUnsatisfiable: topologySpreadConstraints[${earlier}] says the same`,
        value: topologyKey,
      })
  }
}

/** There is nothing to choose where each node has one. */
function checkPerNode(issues: Issues, placement: ManifestPlacement, update: ManifestSpec['update']): void {
  const idle: readonly (readonly [Path, unknown])[] = [
    [['affinity', 'node', 'preferred'], placement.affinity?.node?.preferred],
    [['affinity', 'service', 'preferred'], placement.affinity?.service?.preferred],
    [['antiAffinity', 'service', 'preferred'], placement.antiAffinity?.service?.preferred],
    [['topologySpreadConstraints'], placement.topologySpreadConstraints],
  ]
  for (const [path, value] of idle)
    if (Array.isArray(value) && value.length > 0)
      issues.push({
        path: [...PLACEMENT, ...path],
        message: 'cannot act with strategy perNode: each node that matches has one',
      })
  const { strategy = 'Rolling' } = update ?? {}
  if (strategy !== 'Rolling' && strategy !== 'Recreate')
    issues.push({
      path: ['spec', 'update', 'strategy'],
      message: `cannot be ${strategy} with placement strategy perNode: use Rolling or Recreate`,
      value: strategy,
    })
}
