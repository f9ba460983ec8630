/** Taints as `nsctl taint` takes them: `key=value:Effect`, `key:Effect`, and with a - behind it to remove. Pure. */
import { NsctlError } from '../core/errors.ts'
import type { NodeTaint } from '../resources/generated/types.ts'
import { taintText } from '../resources/node.ts'

export interface TaintEdits {
  readonly set: readonly NodeTaint[]
  /** Without an effect: whatever its effect. */
  readonly remove: readonly Pick<NodeTaint, 'key'>[] & readonly Partial<NodeTaint>[]
}

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const

/** Whether a word is an edit, and not the name of a node. */
export function isTaintEdit(word: string): boolean {
  return /[=:]/.test(word) || word.endsWith('-')
}

/** @throws NsctlError Usage where a word is no edit, or sets and removes the same */
export function parseTaints(words: readonly string[]): TaintEdits {
  const set: NodeTaint[] = []
  const remove: { key: string; effect?: NodeTaint['effect'] }[] = []
  for (const word of words) {
    const removes = word.endsWith('-')
    const [, key = '', value, effect] =
      /^([^=:]+)(?:=([^:]*))?(?::(\w+))?$/.exec(removes ? word.slice(0, -1) : word) ?? []
    const known = EFFECTS.find((one) => one === effect)
    if (key === '' || (effect !== undefined && known === undefined)) throw noEdit(word)
    if (removes) remove.push(known === undefined ? { key } : { key, effect: known })
    else if (known === undefined) throw noEdit(word)
    else set.push({ key, ...(value ? { value } : {}), effect: known })
  }
  const both = set.find((taint) => remove.some((one) => matches(one, taint)))
  if (both !== undefined)
    throw new NsctlError('Usage', `the taint ${taintText(both)} is set and removed at once`, {
      value: taintText(both),
    })
  return { set, remove }
}

/**
 * `present` with the edits made. @throws NsctlError AlreadyExists where a value would change that is there and `overwrite` was not given,
 * NotFound where there is nothing to remove
 */
export function editTaints(
  present: readonly NodeTaint[],
  { set, remove }: TaintEdits,
  { overwrite, node }: { readonly overwrite: boolean; readonly node: string },
): readonly NodeTaint[] {
  for (const one of remove)
    if (!present.some((taint) => matches(one, taint)))
      throw new NsctlError(
        'NotFound',
        `node/${node} has no taint ${one.key}${one.effect ? `:${one.effect}` : ''}`,
        {
          value: one.key,
          next: `see: nsctl describe node ${node}`,
        },
      )
  const kept = present.filter((taint) => !remove.some((one) => matches(one, taint)))
  const taken = set.find((one) =>
    kept.some((taint) => isSame(one, taint) && (one.value ?? '') !== (taint.value ?? '')),
  )
  if (taken !== undefined && !overwrite)
    throw new NsctlError('AlreadyExists', `node/${node} already has a taint ${taken.key}:${taken.effect}`, {
      value: taintText(taken),
      next: 'add --overwrite to replace it',
    })
  return [...kept.filter((taint) => !set.some((one) => isSame(one, taint))), ...set]
}

function isSame(a: NodeTaint, b: NodeTaint): boolean {
  return a.key === b.key && a.effect === b.effect
}

function matches(one: Partial<NodeTaint>, taint: NodeTaint): boolean {
  return one.key === taint.key && (one.effect === undefined || one.effect === taint.effect)
}

function noEdit(word: string): NsctlError {
  return new NsctlError('Usage', `not a taint: ${JSON.stringify(word)}`, {
    value: word,
    next: `write key=value:EFFECT to set one, key:EFFECT- or key- to remove it; effects are ${EFFECTS.join(', ')}`,
  })
}
