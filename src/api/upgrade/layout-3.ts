/**
 * 2.0 → 3.0. Services name Configs and Secrets, and their Instances those that they run with (`spec.materials`): who knows only 2.0 would
 * start such an Instance without them. What 2.0 has written says the same in 3.0, and nothing of it is rewritten.
 */
import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type { Entry } from '../../store/store.ts'
import type { LayoutStep } from './step.ts'

/** What are kinds of ours from 3.0 on. Until then a user could define one of that name. */
const OURS_NOW: ReadonlySet<unknown> = new Set(['Config', 'Secret', 'Recipient', 'Delivery'])

const DEFINITIONS = 'obj/nsctl.dev/customresourcedefinitions/_/'

export const toLayout3: LayoutStep = {
  from: { major: 2, minor: 0 },
  to: { major: 3, minor: 0 },
  summary: 'Services and Instances may name Configs and Secrets',
  plan(entries) {
    for (const entry of entries) if (entry.key.startsWith(DEFINITIONS)) refuseTaken(entry)
    return []
  },
}

/** A kind that a user has defined under such a name would be hidden by ours, with all of its objects. */
function refuseTaken({ key, value }: Entry): void {
  const kind = kindOf(value)
  if (!OURS_NOW.has(kind)) return
  const name = key.slice(DEFINITIONS.length)
  throw new NsctlError(
    'Conflict',
    `the store has a kind ${kind} of its own (${name}), as nsctl has from layout 3.0 on`,
    {
      value: name,
      next: 'with the nsctl of before: define it under another name, bring its objects there, and delete this one; nothing was changed',
    },
  )
}

/** What a definition calls its kind; undefined for what no nsctl has written. */
function kindOf(text: string): string | undefined {
  try {
    const { spec } = JSON.parse(text)
    return isObject(spec) && isObject(spec.names) ? String(spec.names.kind) : undefined
  } catch {
    return undefined
  }
}
