/** Taking an object out of the store with all that is kept beside it. */
import type { Operation } from '../store/store.ts'
import type { Stored } from './codec.ts'
import type { Context } from './context.ts'
import {
  appliedKey,
  nodeSpecKey,
  nodeStatusKey,
  objectKey,
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

/** Deletes object, status, last applied manifest and revisions, unless the object changes before. */
export async function removalOperations(
  { store }: Context,
  target: Target,
  stored: Stored,
): Promise<readonly Operation[]> {
  if (target.kind.perNode) {
    const node = nodeOf(stored.object)
    return [
      { kind: 'delete', key: nodeSpecKey(target, node), expect: stored.revision },
      { kind: 'delete', key: nodeStatusKey(target, node) },
      { kind: 'delete', key: placementKey(target) },
    ]
  }
  const revisions = target.kind.revisioned ? await store.listKeys(revisionPrefix(target)) : []
  return [
    { kind: 'delete', key: objectKey(target), expect: stored.revision },
    { kind: 'delete', key: appliedKey(target) },
    ...revisions.map((key): Operation => ({ kind: 'delete', key })),
  ]
}
