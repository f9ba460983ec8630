/**
 * 3.1 → 4.0. A Node's status lies under a key of its own, which is all of a Node that its agent's credential has to reach. Agents that joined
 * record Events under their node, where who knows only 3.1 would not look for them. There are Authorities and JoinTokens.
 */
import type { KindRegistry } from '../../resources/kinds.ts'
import type { Entry, Transaction } from '../../store/store.ts'
import { encodeObject, storedOf, withoutApart } from '../codec.ts'
import { listPrefixes, objectStatusKey } from '../keys.ts'
import type { LayoutStep } from './step.ts'
import { refuseTakenKinds } from './taken-kinds.ts'

const OURS_NOW: ReadonlySet<unknown> = new Set(['Authority', 'JoinToken'])
const TO = { major: 4, minor: 0 } as const

export const toLayout4: LayoutStep = {
  from: { major: 3, minor: 1 },
  to: TO,
  summary: 'the status of a Node lies apart from the rest of it',
  plan(entries, kinds) {
    refuseTakenKinds(entries, OURS_NOW, TO)
    const [prefix = ''] = listPrefixes(kinds.byKind('Node'), {})
    return entries.flatMap((entry) => {
      const transaction = entry.key.startsWith(prefix) ? apart(entry, kinds) : undefined
      return transaction === undefined ? [] : [transaction]
    })
  },
}

/** Undefined where it is apart already, and for what no nsctl has written. */
function apart(entry: Entry, kinds: KindRegistry): Transaction | undefined {
  const stored = readable(entry)
  const status = stored?.object.status
  if (stored === undefined || status === undefined) return undefined
  const { object, filled } = stored
  const target = { kind: kinds.byKind('Node'), namespace: undefined, name: object.metadata.name }
  const value = encodeObject(withoutApart(target, object), filled)
  return [
    { kind: 'put', key: entry.key, value, expect: entry.revision },
    { kind: 'put', key: objectStatusKey(target), value: JSON.stringify(status) },
  ]
}

function readable(entry: Entry): ReturnType<typeof storedOf> | undefined {
  try {
    const stored = storedOf(entry)
    return typeof stored.object.metadata.name === 'string' ? stored : undefined
  } catch {
    return undefined
  }
}
