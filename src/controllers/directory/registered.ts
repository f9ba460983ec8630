/** What of nodes and instances is in a directory. Pure. */
import { deepEqual } from '../../core/json.ts'
import type { Instance, Node } from '../../resources/generated/types.ts'
import { isLost } from '../../resources/node.ts'
import type { AnyResource } from '../../resources/object.ts'
import type { CatalogEntry } from '../../traffic/catalog.ts'
import { factsOf, isAnnounced } from '../../traffic/entries.ts'

/** A machine that joined or has no agent, and was not lost: nobody there registers anything. */
export function isRegistered(node: Node): boolean {
  const isOurs = (node.spec?.joining ?? node.spec?.ssh) !== undefined
  return isOurs && node.metadata.deletionTimestamp === undefined && !isLost(node)
}

/** Nothing looks by itself whether they live. */
export function entriesOf(instance: Instance, address: string): readonly CatalogEntry[] {
  return factsOf(instance, address).map((facts) => ({ ...facts, checks: [] }))
}

/** Whether all that decides what is registered is the same. */
export function isSame(
  now: AnyResource,
  old: AnyResource | undefined,
  gist: (one: AnyResource) => unknown,
): boolean {
  return old !== undefined && old !== now && deepEqual(gist(now), gist(old))
}

export function instanceGist(object: AnyResource): unknown {
  const instance = object as unknown as Instance
  return isAnnounced(instance) ? factsOf(instance, '') : undefined
}

export function nodeGist(object: AnyResource): unknown {
  const node = object as unknown as Node
  return isRegistered(node) ? [node.status?.addresses?.[0]] : undefined
}
