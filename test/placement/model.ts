/** The hard rules once more, said as plainly as can be over lists of what is there: what the planner is held to. */
import type { Batch, Occupant, PlacementNode } from '../../src/placement/placement.ts'
import type {
  NodeTaint,
  ServiceNodeRequirement,
  ServiceToleration,
} from '../../src/resources/generated/types.ts'

type Wanted = Omit<Batch, 'seats'>

/** Whether one more of `wanted` may be put on `node`. */
export function mayTake(
  node: PlacementNode,
  wanted: Wanted,
  nodes: readonly PlacementNode[],
  there: readonly Occupant[],
): boolean {
  return isOpen(node, wanted) && hasRoom(node, wanted, there) && isInGoodCompany(node, wanted, nodes, there)
}

function isOpen(node: PlacementNode, { rule }: Wanted): boolean {
  if (!node.ready || node.unschedulable) return false
  const hard = node.taints.filter(({ effect }) => effect !== 'PreferNoSchedule')
  if (!hard.every((taint) => (rule?.tolerations ?? []).some((one) => bears(one, taint)))) return false
  const selector = Object.entries(rule?.nodeSelector ?? {})
  if (!selector.every(([key, value]) => node.labels[key] === value)) return false
  const required = rule?.affinity?.node?.required
  return (
    required === undefined || required.some((term) => term.matchExpressions.every((one) => holds(node, one)))
  )
}

function bears({ key, operator, value = '', effect }: ServiceToleration, taint: NodeTaint): boolean {
  const isKey = key === undefined ? operator === 'Exists' : key === taint.key
  return (
    isKey &&
    (effect ?? taint.effect) === taint.effect &&
    (operator === 'Exists' || value === (taint.value ?? ''))
  )
}

function holds({ labels }: PlacementNode, { key, operator, values = [] }: ServiceNodeRequirement): boolean {
  const label = labels[key]
  if (operator === 'Exists') return label !== undefined
  if (operator === 'DoesNotExist') return label === undefined
  if (operator === 'In') return label !== undefined && values.includes(label)
  if (operator === 'NotIn') return label === undefined || !values.includes(label)
  const [a, b] = [Number(label), Number(values[0])]
  return operator === 'Gt' ? a > b : a < b
}

function hasRoom(node: PlacementNode, { needs }: Wanted, there: readonly Occupant[]): boolean {
  const here = there.filter((one) => one.node === node.name)
  const sum = (of: 'cpuMillis' | 'memoryBytes') =>
    here.reduce((total, one) => total + one.needs[of], needs[of])
  if (needs.cpuMillis > 0 && sum('cpuMillis') > node.cpuMillis) return false
  if (needs.memoryBytes > 0 && sum('memoryBytes') > node.memoryBytes) return false
  return !here.some((one) => one.needs.ports.some((port) => needs.ports.includes(port)))
}

function isInGoodCompany(
  node: PlacementNode,
  wanted: Wanted,
  nodes: readonly PlacementNode[],
  there: readonly Occupant[],
): boolean {
  const { rule, service, namespace, hash } = wanted
  const placeOf = (name: string, key: string) =>
    key === 'kubernetes.io/hostname' ? name : nodes.find((one) => one.name === name)?.labels[key]
  const isBeside = (name: string, key: string) => {
    const place = placeOf(name, key)
    return place !== undefined && place === placeOf(node.name, key)
  }
  for (const term of rule?.affinity?.service?.required ?? []) {
    const others = there.filter((one) => one.service === `${namespace}/${term.service}`)
    const placed = others.filter((one) => placeOf(one.node, term.topologyKey) !== undefined)
    const isFirst = `${namespace}/${term.service}` === service && placed.length === 0
    if (placeOf(node.name, term.topologyKey) === undefined) return false
    if (!isFirst && !placed.some((one) => isBeside(one.node, term.topologyKey))) return false
  }
  for (const term of rule?.antiAffinity?.service?.required ?? [])
    if (
      there.some(
        (one) => one.service === `${namespace}/${term.service}` && isBeside(one.node, term.topologyKey),
      )
    )
      return false
  for (const one of there)
    if (one.avoids.some((away) => away.service === service && isBeside(one.node, away.topologyKey)))
      return false
  for (const { topologyKey, maxSkew, whenUnsatisfiable } of rule?.topologySpreadConstraints ?? []) {
    if (whenUnsatisfiable !== 'DoNotSchedule') continue
    const place = placeOf(node.name, topologyKey)
    if (place === undefined) return false
    const places = nodes.filter((one) => isOpen(one, wanted)).map((one) => placeOf(one.name, topologyKey))
    const counts = [...new Set(places)]
      .filter((one) => one !== undefined)
      .map(
        (one) =>
          there.filter(
            (each) =>
              each.service === service &&
              each.hash === hash &&
              isUp(each.node) &&
              placeOf(each.node, topologyKey) === one,
          ).length,
      )
    const own = there.filter(
      (each) =>
        each.service === service &&
        each.hash === hash &&
        isUp(each.node) &&
        placeOf(each.node, topologyKey) === place,
    ).length
    if (own + 1 - Math.min(...counts) > maxSkew) return false
  }
  return true

  function isUp(name: string): boolean {
    return nodes.find((one) => one.name === name)?.ready === true
  }
}
