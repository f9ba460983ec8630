/** How much of what a store holds. Pure. */
import type { KindRegistry } from '../resources/kinds.ts'
import type { Entry } from '../store/store.ts'
import { readContents } from './check/contents.ts'
import { parseKey } from './parse-key.ts'

/** Keys that begin alike. */
export interface KeyGroup {
  /** The first step of the keys: `obj/`; `other` for what is none of nsctl's. */
  readonly prefix: string
  readonly keys: number
  /** Of keys and values, as UTF-8. */
  readonly bytes: number
}

export interface StoreSummary {
  readonly keys: number
  readonly bytes: number
  readonly groups: readonly KeyGroup[]
  /** Objects of each kind that has any, in order of kind. */
  readonly kinds: readonly { readonly kind: string; readonly objects: number }[]
  readonly events: number
  readonly auditRecords: number
  /** When the oldest audit record was made, as an ISO time; undefined where there is none. */
  readonly oldestAudit: string | undefined
}

/** @param kinds our own kinds */
export function summarizeStore(entries: readonly Entry[], kinds: KindRegistry): StoreSummary {
  const groups = new Map<string, { keys: number; bytes: number }>()
  let bytes = 0
  let auditRecords = 0
  let oldestAudit: string | undefined
  for (const { key, value } of entries) {
    const known = parseKey(key)
    const size = Buffer.byteLength(key) + Buffer.byteLength(value)
    const prefix = known === undefined ? 'other' : `${key.slice(0, key.indexOf('/'))}/`
    const group = groups.get(prefix) ?? { keys: 0, bytes: 0 }
    groups.set(prefix, { keys: group.keys + 1, bytes: group.bytes + size })
    bytes += size
    if (known?.holds !== 'audit') continue
    auditRecords++
    if (oldestAudit === undefined || known.at < oldestAudit) oldestAudit = known.at
  }
  const objects = countKinds(entries, kinds)
  return {
    keys: entries.length,
    bytes,
    groups: [...groups].map(([prefix, group]) => ({ prefix, ...group })),
    kinds: objects,
    events: objects.find(({ kind }) => kind === 'Event')?.objects ?? 0,
    auditRecords,
    oldestAudit,
  }
}

function countKinds(entries: readonly Entry[], kinds: KindRegistry): StoreSummary['kinds'] {
  const counts = new Map<string, number>()
  for (const { object } of readContents(entries, kinds).objects)
    counts.set(object.kind, (counts.get(object.kind) ?? 0) + 1)
  return [...counts].map(([kind, objects]) => ({ kind, objects })).sort((a, b) => (a.kind < b.kind ? -1 : 1))
}
