/** What changed after a revision under one node, read off the node's scope: changes elsewhere wake nobody here. */
import type { Feed, FeedPage } from '../feed.ts'
import type { Blocker } from './blocker.ts'
import type { KvEntry } from './client.ts'
import { type FeedReader, reportPage, type Told } from './feed.ts'
import { revisionOf } from './heads.ts'
import { decodeScope } from './records.ts'

export interface ScopeFeedOptions {
  readonly reader: FeedReader
  readonly blocker: Blocker
  readonly matches: (key: string) => boolean
  /** Makes the node's scope where it has none: a key that is not there cannot be waited for. */
  readonly make: () => Promise<void>
  /** Told of the scope as it is by now. */
  readonly onScope: (entry: KvEntry) => void
}

/** One watch of what lies under one node. */
export class ScopeFeed implements Feed {
  readonly bell
  readonly #options: ScopeFeedOptions
  #begun = false
  #told: Told[] = []

  constructor(options: ScopeFeedOptions) {
    this.#options = options
    this.bell = options.blocker.bell
  }

  async read(cursor: number): Promise<FeedPage> {
    const { reader, matches } = this.#options
    if (!this.#begun) {
      if (cursor > revisionOf(await reader.heads())) return this.#startOver()
      this.#begun = true
    }
    const from = Math.max(cursor, reader.first)
    if (this.#told.length === 0 && !(await this.#advance(from))) return this.#startOver()
    return reportPage(reader, this.#told, cursor, matches)
  }

  /** False where what was told after `from` is gone. */
  async #advance(from: number): Promise<boolean> {
    const entries = this.#options.blocker.latest()
    if (entries === undefined) return true
    const [entry] = entries
    const scope = entry && decodeScope(entry.value, entry.index)
    if (entry !== undefined) this.#options.onScope(entry)
    if (scope === undefined) {
      // it rings once the scope is there
      await this.#options.make()
      return true
    }
    if (scope.since > from) return false
    this.#told = scope.items
      .filter(({ at }) => at > from)
      .map(({ at, ...changed }) => ({ ...changed, revision: at }))
    return true
  }

  async #startOver(): Promise<FeedPage> {
    const revision = revisionOf(await this.#options.reader.heads())
    this.#begun = true
    return { batch: { kind: 'relist', revision }, cursor: revision, more: false }
  }
}
