/** What an import is to write, decided on values alone, and the note that stands in a store that is half filled. */
import { NsctlError } from '../core/errors.ts'
import { isObject } from '../core/json.ts'
import { formatCount } from '../core/words.ts'
import { IMPORT_KEY, type Snapshot } from './snapshot.ts'
import type { Entry, StoreReader } from './store.ts'

/** What the note in a half-filled store says. */
export interface UnfinishedImport {
  /** A file or the URL of a store. */
  readonly from: string
  /** When it began, as an ISO time. */
  readonly since: string
  /** A file with what the store held before, where it was not empty. */
  readonly backup?: string
}

/** How a store comes to hold a snapshot: all of `remove` goes, then `add` is put, oldest first. */
export interface ImportPlan {
  readonly remove: readonly Entry[]
  readonly add: readonly Entry[]
  /** How much of the snapshot is there already, because an import of it was cut off or was done before. */
  readonly already: number
}

/** The note of an import that was cut off or is under way; undefined where there is none. */
export async function readUnfinishedImport(store: StoreReader): Promise<UnfinishedImport | undefined> {
  const entry = await store.get(IMPORT_KEY)
  return entry && parseNote(entry.value)
}

/** A note that says nothing is a note still. */
export function parseNote(text: string): UnfinishedImport {
  const unknown = { from: 'an unknown source', since: 'an unknown time' }
  try {
    const note: unknown = JSON.parse(text)
    if (!isObject(note) || typeof note.from !== 'string' || typeof note.since !== 'string') return unknown
    const { from, since, backup } = note
    return { from, since, ...(typeof backup === 'string' ? { backup } : {}) }
  } catch {
    return unknown
  }
}

/** Throws Conflict where the store holds only half of what it is meant to: acting on that would end what runs. */
export async function refuseUnfinishedImport(store: StoreReader & { readonly url: string }): Promise<void> {
  const note = await readUnfinishedImport(store)
  if (note === undefined) return
  throw new NsctlError('Conflict', `the store ${store.url} is half filled: ${describeUnfinished(note)}`, {
    value: note.from,
    next: nextAfterCutOff(note),
  })
}

/** `the import of shop.export, begun at …, was cut off`. */
export function describeUnfinished({ from, since }: UnfinishedImport): string {
  return `the import of ${from}, begun at ${since}, was cut off`
}

/** What to do about it. */
export function nextAfterCutOff({ from, backup }: UnfinishedImport): string {
  const again = `import or migrate ${from} again, and it goes on where it was`
  return backup === undefined ? again : `${again}; what the store held before is in ${backup}`
}

/**
 * What is to be written. Pure.
 *
 * @param there what the store holds, without leases and the note
 * @param replace whether what is there may go
 * @throws NsctlError Conflict where something else is there and may not go
 */
export function planImport(
  snapshot: Snapshot,
  there: readonly Entry[],
  note: UnfinishedImport | undefined,
  replace: boolean,
): ImportPlan {
  const add = snapshot.entries.toSorted((a, b) => a.revision - b.revision)
  if (there.length === 0) return { remove: [], add, already: 0 }
  const values = new Map(snapshot.entries.map(({ key, value }) => [key, value]))
  const stranger = there.find(({ key, value }) => values.get(key) !== value)
  const isWhole = there.length === snapshot.entries.length
  if (stranger === undefined && (note !== undefined || isWhole)) {
    const present = new Set(there.map(({ key }) => key))
    return { remove: [], add: add.filter(({ key }) => !present.has(key)), already: present.size }
  }
  if (replace) return { remove: there, add, already: 0 }
  throw note === undefined ? notEmpty(there.length) : notTheSame(note, stranger?.key ?? '')
}

function notEmpty(count: number): NsctlError {
  return new NsctlError('Conflict', `the store is not empty: it holds ${formatCount(count, 'key')}`, {
    value: count,
    next: 'import into an empty store, or add --replace, which makes a backup and then removes all that is there; nothing was changed',
  })
}

function notTheSame(note: UnfinishedImport, key: string): NsctlError {
  return new NsctlError(
    'Conflict',
    `${describeUnfinished(note)}, and this is not what it began to write: ${key} is another`,
    {
      value: key,
      next: `${nextAfterCutOff(note)}; or add --replace, which makes a backup and then removes all that is there`,
    },
  )
}
