/** Taking an object out of the store with all that is kept beside it. */
import type { Operation } from '../store/store.ts'
import { releaseOperations } from './claims.ts'
import type { Stored } from './codec.ts'
import { type Context, commit } from './context.ts'
import {
  appliedKey,
  halvesOf,
  nodeSpecKey,
  objectKey,
  objectStatusKey,
  placementKey,
  revisionPrefix,
  type Target,
} from './keys.ts'

/** The node that an object of a `perNode` kind belongs to. */
export function nodeOf(object: Stored['object']): string {
  const node = object.spec?.node
  return typeof node === 'string' ? node : ''
}

/** Where metadata and spec of a stored object lie. */
export function specKeyOf(target: Target, stored: Pick<Stored, 'object'>): string {
  return target.kind.perNode ? nodeSpecKey(target, nodeOf(stored.object)) : objectKey(target)
}

/** What a removal's transaction holds beside revisions: object, manifest, audit record and what callers add. */
const BESIDE_REVISIONS = 8

/**
 * Deletes object, status, last applied manifest and revisions, unless the object changes before. Revisions that the
 * store's transactions have no room for are deleted at once, the oldest first: nobody needs them of what is going.
 */
export async function removalOperations(
  context: Context,
  target: Target,
  stored: Stored,
): Promise<readonly Operation[]> {
  const { store, fence } = context
  const released = await releaseOperations(context, target, stored)
  if (target.kind.perNode) {
    const { spec, status } = halvesOf(target, nodeOf(stored.object))
    const placement = placementKey(target)
    const placed = store.recall?.(placement)
    return [
      ...released,
      { kind: 'delete', key: spec, expect: stored.revision },
      // with what they are known to be they need not be read again
      { kind: 'delete', key: status, expect: stored.statusRevision },
      { kind: 'delete', key: placement, ...(placed && { expect: placed.revision }) },
    ]
  }
  let revisions = target.kind.revisioned ? await store.listKeys(revisionPrefix(target)) : []
  const room =
    (store.maxOperations ?? Number.POSITIVE_INFINITY) - fence.length - released.length - BESIDE_REVISIONS
  while (revisions.length > room) {
    const page = revisions.slice(0, Math.min(room, revisions.length - room))
    await commit(context, [page.map((key): Operation => ({ kind: 'delete', key }))])
    revisions = revisions.slice(page.length)
  }
  return [
    { kind: 'delete', key: objectKey(target), expect: stored.revision },
    { kind: 'delete', key: appliedKey(target) },
    ...(target.kind.statusApart ? [{ kind: 'delete', key: objectStatusKey(target) } as const] : []),
    ...released,
    ...revisions.map((key): Operation => ({ kind: 'delete', key })),
  ]
}
