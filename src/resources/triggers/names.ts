/** How triggers are called in formulas, rules and messages. Pure. */

/** What stands in a list of triggers, as far as names go. */
export interface NamedTrigger {
  readonly type: string
  readonly name?: string
}

/** What else formulas and rules may name: the number now, how many of it are ready, and its bounds. */
const COUNTS: readonly string[] = ['replicas', 'ready', 'min', 'max']

/** Of each trigger its name, or its type and index where it has none: `redis-0`. */
export function triggerKeys(triggers: readonly NamedTrigger[]): readonly string[] {
  return triggers.map(({ name, type }, index) => (name ? name : `${type}-${index}`))
}

/** Which of `triggers` each name is: its key, and its type where no other has that. */
export function triggersByName(triggers: readonly NamedTrigger[]): ReadonlyMap<string, number> {
  const keys = triggerKeys(triggers)
  const names = new Map<string, number>()
  for (const [index, key] of keys.entries()) if (!names.has(key)) names.set(key, index)
  for (const [index, { type }] of triggers.entries()) {
    const isOnly = triggers.filter((other) => other.type === type).length === 1
    if (isOnly && !names.has(type)) names.set(type, index)
  }
  return names
}

/** All that an expression over `triggers` may name, members included (`queue.*`). */
export function expressionNames(triggers: readonly NamedTrigger[]): readonly string[] {
  const names = [...triggersByName(triggers).keys()]
  return [...names, ...names.map((name) => `${name}.*`), ...COUNTS]
}
