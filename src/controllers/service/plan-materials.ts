/**
 * Which running instances are moved on to other versions of what they take as files, so that they all have the newest. Pure. One
 * after the other: a file that its program cannot read takes one instance away, not all of them.
 */

/** What the plan needs to know of one instance of the wanted template that is not ending. */
export interface MaterialView {
  readonly name: string
  readonly ordinal: number
  /** It was told of the wanted versions. */
  readonly told: boolean
  /** It runs with what it was told of, and is available. */
  readonly settled: boolean
}

/** The names of those to be told now; the highest ordinal first. Those that serve nobody need not wait for each other. */
export function planMaterials(instances: readonly MaterialView[]): readonly string[] {
  const behind = instances.filter((one) => !one.told)
  if (instances.some((one) => !one.settled))
    return behind.filter((one) => !one.settled).map(({ name }) => name)
  const [next] = behind.toSorted((a, b) => b.ordinal - a.ordinal || (a.name < b.name ? -1 : 1))
  return next === undefined ? [] : [next.name]
}
