/** What to do to a catalog so that it holds what it should. Pure. */
import { deepEqual } from '../core/json.ts'
import { type CatalogEntry, checksText, type RegisteredEntry } from './catalog.ts'

export type CatalogAction =
  | { readonly kind: 'deregister'; readonly id: string }
  | { readonly kind: 'register'; readonly entry: CatalogEntry }
  /** It is there as it should be, and has to hear that it lives. */
  | { readonly kind: 'renew'; readonly id: string }

/** Ends what should not be told any more before all else. What is there as it should be is left alone. */
export function planCatalog(
  wanted: readonly CatalogEntry[],
  registered: readonly RegisteredEntry[],
): readonly CatalogAction[] {
  const known = new Map(registered.map((one) => [one.id, one]))
  const ids = new Set(wanted.map(({ id }) => id))
  const ended = registered.filter(({ id }) => !ids.has(id))
  const there = new Set(wanted.filter((entry) => isAsWanted(entry, known.get(entry.id))))
  const renewed = [...there].filter((entry) => entry.checks.some(({ kind }) => kind === 'ttl'))
  return [
    ...ended.map(({ id }) => ({ kind: 'deregister' as const, id })),
    ...wanted.filter((entry) => !there.has(entry)).map((entry) => ({ kind: 'register' as const, entry })),
    ...renewed.map(({ id }) => ({ kind: 'renew' as const, id })),
  ]
}

function isAsWanted(wanted: CatalogEntry, known: RegisteredEntry | undefined): boolean {
  if (known === undefined) return false
  const { failing: _, ...facts } = known
  return deepEqual(facts, { ...wanted, checks: checksText(wanted.checks) })
}
