/**
 * What becomes of a lease's record, read off that one key: who stands by for the lease of the control plane is to be woken by its
 * renewals, and not by all that is written meanwhile.
 */
import type { Feed, FeedPage } from '../feed.ts'
import type { Blocker } from './blocker.ts'
import type { FeedReader } from './feed.ts'
import { revisionOf } from './heads.ts'

export interface RecordFeedOptions {
  readonly reader: Pick<FeedReader, 'heads'>
  /** Of the key's value. */
  readonly blocker: Blocker
  /** The store's. */
  readonly key: string
}

/** One watch of one key. That it has gone is told by starting over: Consul does not say when that was. */
export class RecordFeed implements Feed {
  readonly bell
  readonly #options: RecordFeedOptions
  #begun = false
  /** Of what was told or known last; 0 where it was not there, undefined where that is not known yet. */
  #revision: number | undefined

  constructor(options: RecordFeedOptions) {
    this.#options = options
    this.bell = options.blocker.bell
  }

  async read(cursor: number): Promise<FeedPage> {
    const { reader, blocker, key } = this.#options
    if (!this.#begun && cursor > revisionOf(await reader.heads())) return this.#startOver(undefined)
    this.#begun = true
    const entries = blocker.latest()
    if (entries === undefined) return { cursor, more: false }
    const [entry] = entries
    // gone, or of a history that was restored
    if (entry === undefined || entry.index < (this.#revision ?? 0))
      return this.#revision === 0 ? { cursor, more: false } : this.#startOver(entry?.index ?? 0)
    const revision = entry.index
    this.#revision = revision
    if (revision <= cursor) return { cursor, more: false }
    const batch = {
      kind: 'changes',
      changes: [{ kind: 'put', key, value: entry.value, revision }],
      revision,
    } as const
    return { batch, cursor: revision, more: false }
  }

  /** @param known the key's revision, 0 where it is not there */
  async #startOver(known: number | undefined): Promise<FeedPage> {
    const revision = revisionOf(await this.#options.reader.heads())
    this.#begun = true
    this.#revision = known
    return { batch: { kind: 'relist', revision }, cursor: revision, more: false }
  }
}
