/** Kinds that become ours with a layout, and that a user could define until then. */
import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import { type LayoutVersion, layoutText } from '../../store/layout.ts'
import type { Entry } from '../../store/store.ts'

const DEFINITIONS = 'obj/nsctl.dev/customresourcedefinitions/_/'

/**
 * A kind that a user has defined under such a name would be hidden by ours, with all of its objects.
 *
 * @param ours kinds of nsctl's own from `layout` on
 * @throws NsctlError Conflict for the first that is taken
 */
export function refuseTakenKinds(
  entries: readonly Entry[],
  ours: ReadonlySet<unknown>,
  layout: LayoutVersion,
): void {
  for (const { key, value } of entries) {
    const kind = key.startsWith(DEFINITIONS) ? kindOf(value) : undefined
    if (!ours.has(kind)) continue
    const name = key.slice(DEFINITIONS.length)
    throw new NsctlError(
      'Conflict',
      `the store has a kind ${kind} of its own (${name}), as nsctl has from layout ${layoutText(layout)} on`,
      {
        value: name,
        next: 'with the nsctl of before: define it under another name, bring its objects there, and delete this one; nothing was changed',
      },
    )
  }
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
