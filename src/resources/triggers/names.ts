/** What triggers are called in formulas, in rules and in messages. */

export interface TriggerNames {
  /** Unique among the triggers: its name, or its type and index where it has none (`redis-0`). */
  readonly key: string
  /** Names of its number in formulas and rules: its own, and its type where no other trigger has that type or is called so. */
  readonly names: readonly string[]
  /** For people: `rabbitmq/orders`, `cpu`. */
  readonly label: string
}

/** What `queue` has besides its number: `queue.age` are the seconds since it was read, `queue.active` is true or false. */
export const TRIGGER_MEMBERS = ['value', 'lag', 'target', 'active', 'age'] as const

/** What rules can name besides triggers: instances wanted now, instances ready, and the bounds of the spec. */
export const RULE_NAMES = ['replicas', 'ready', 'min', 'max'] as const

/** Names of `triggers`, in their order. */
export function nameTriggers(
  triggers: readonly { readonly type: string; readonly name?: string | undefined }[],
): readonly TriggerNames[] {
  const own = new Set(triggers.map(({ name }) => name))
  return triggers.map(({ type, name }, index) => {
    const isAlone = triggers.filter((other) => other.type === type).length === 1
    const short = type.replaceAll('-', '_')
    const names = isAlone && !own.has(short) ? [short] : []
    if (name === undefined || name === '')
      return { key: `${type}-${index}`, names, label: isAlone ? type : `${type}-${index}` }
    return { key: name, names: [name, ...names], label: name === type ? type : `${type}/${name}` }
  })
}

/**
 * All that a formula or a rule over `triggers` may name, as `parseExpression` takes it. External scalers have metrics whose names nobody knows
 * before they are asked.
 */
export function expressionNames(
  triggers: readonly { readonly type: string; readonly name?: string | undefined }[],
): readonly string[] {
  const ofTriggers = nameTriggers(triggers).flatMap(({ names }, index) => {
    const members = triggers[index]!.type.startsWith('external') ? ['*'] : TRIGGER_MEMBERS
    return names.flatMap((name) => [name, ...members.map((member) => `${name}.${member}`)])
  })
  return [...ofTriggers, ...RULE_NAMES]
}
