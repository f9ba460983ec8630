/**
 * The port to a catalog as the control plane uses it: for nodes that cannot write it, since what a node may register there it could register
 * for any other as well.
 *
 * Contract: `of` gives a node's part as a Catalog, with the contract of catalogs, but for their checks: nothing looks by itself whether an entry
 * lives, so entries have none, and whoever registered one has to take it out. Entries stay where the control plane goes away.
 */
import type { Catalog } from './catalog.ts'

export interface Directory {
  /** What it is called for people: `Consul at 127.0.0.1:8500`. */
  readonly name: string
  /** Nodes of this store that have a part, also those that are no more. */
  nodes(signal: AbortSignal): Promise<readonly string[]>
  /** Connects to nothing. */
  of(node: string): Catalog
  /** Takes out all that the node has, at once. */
  remove(node: string, signal: AbortSignal): Promise<void>
  close(): void
}
