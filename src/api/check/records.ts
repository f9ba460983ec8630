/** What is kept beside objects: revisions and the manifests that were applied last. Pure. */
import { revisionOfKey } from '../keys.ts'
import type { Contents, Item } from './contents.ts'
import type { Finding } from './finding.ts'

export function checkRecords(contents: Contents): readonly Finding[] {
  const there = new Set([...contents.items.keys(), ...contents.unreadable.map(({ entry }) => entry.key)])
  return [
    ...[...contents.items.values()].flatMap((item) => [...orphan(item, there), ...specless(item, contents)]),
    ...missingRecords(contents, there),
  ]
}

/** A record of nothing. */
function orphan({ entry, known }: Item, there: ReadonlySet<string>): readonly Finding[] {
  const [problem, needed] = neededBy(known)
  if (problem === undefined || needed === undefined || there.has(needed)) return []
  return [
    {
      key: entry.key,
      problem,
      remedy: 'nsctl store check --repair removes it',
      repair: [
        { kind: 'check', key: needed, expect: 0 },
        { kind: 'delete', key: entry.key, expect: entry.revision },
      ],
    },
  ]
}

function neededBy(known: Item['known']): readonly [problem?: string, key?: string] {
  switch (known.holds) {
    case 'applied':
      return ['it is the last manifest of an object that is not there', known.objectKey]
    case 'revision':
      return ['it is a revision of an object that is not there', known.objectKey]
    case 'revision spec':
      return ['it is the spec of a revision that is not there', known.recordKey]
  }
  return []
}

/** A revision whose spec is neither in its record nor beside it must be the one that the object still holds. */
function specless({ entry, known, value }: Item, { items, unreadable }: Contents): readonly Finding[] {
  if (known.holds !== 'revision') return []
  const { spec, object: whole, generation } = value as Readonly<Record<string, unknown>>
  if (spec !== undefined || whole !== undefined || items.has(`${entry.key}/spec`)) return []
  const owner = items.get(known.objectKey)
  // an object or a spec that cannot be read is a finding of its own
  if (owner === undefined || unreadable.some((other) => other.entry.key === `${entry.key}/spec`)) return []
  const object = owner.value as { readonly metadata?: { readonly generation?: unknown } }
  if (object.metadata?.generation === generation) return []
  return [
    {
      key: entry.key,
      problem: 'the spec of this revision is nowhere, so that the history of its object cannot be shown',
      remedy:
        'restore the store from a backup (nsctl store import --replace); nsctl writes nothing like that',
    },
  ]
}

/** Old revisions are removed, the present one never is. */
function missingRecords({ items, objects }: Contents, there: ReadonlySet<string>): readonly Finding[] {
  const newest = new Map<string, number>()
  for (const { entry, known } of items.values())
    if (known.holds === 'revision')
      newest.set(known.objectKey, Math.max(newest.get(known.objectKey) ?? 0, revisionOfKey(entry.key)))
  return objects.flatMap(({ entry, object }) => {
    const last = newest.get(entry.key)
    const { revision } = object.metadata
    if (last === undefined || revision === undefined || last === revision || !there.has(entry.key)) return []
    return [
      {
        key: entry.key,
        problem: `it is at revision r${revision}, and the newest that is recorded is r${last}`,
        remedy:
          'restore the store from a backup (nsctl store import --replace); nsctl writes nothing like that',
      },
    ]
  })
}
