/** What changed after a revision, read off the shards' logs. */
import type { Feed, FeedPage } from '../feed.ts'
import type { Change } from '../store.ts'
import type { Blocker } from './blocker.ts'
import type { KvEntry } from './client.ts'
import { type Head, headsOf, revisionOf } from './heads.ts'
import type { FeedSizes, Layout } from './layout.ts'
import { type Changed, decodeLog } from './records.ts'

/** A page ends with the commit that reaches this. */
const PAGE_CHANGES = 500
/** Beyond this many commits behind, listing again is cheaper. */
const MAX_BEHIND = 2_048
const LOG_PAGE = 32

/** One commit as a watch sees it. */
export interface Told extends Changed {
  readonly revision: number
}

export interface FeedReader {
  readonly layout: Layout
  readonly sizes: FeedSizes
  /** The revision at which the store was made: there is nothing before. */
  readonly first: number
  /** What is there now of some of Consul's keys. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, KvEntry>>
  /** All heads now, for certain. */
  heads(): Promise<readonly Head[]>
}

/** One watch of everything that `matches`. */
export class LogFeed implements Feed {
  readonly bell
  readonly #reader: FeedReader
  readonly #blocker: Blocker
  readonly #matches: (key: string) => boolean
  /** How far each shard was read. */
  #positions: number[] | undefined
  /** Commits that were read and not reported, in order. */
  #told: Told[] = []

  constructor(reader: FeedReader, blocker: Blocker, matches: (key: string) => boolean) {
    this.#reader = reader
    this.#blocker = blocker
    this.#matches = matches
    this.bell = blocker.bell
  }

  async read(cursor: number): Promise<FeedPage> {
    if (this.#told.length === 0) {
      const behind = this.#positions === undefined ? await this.#begin(cursor) : await this.#advance()
      if (behind) return this.#startOver()
    }
    return reportPage(this.#reader, this.#told, cursor, this.#matches)
  }

  /** Finds the commits after `cursor`. True where they are not all known any more. */
  async #begin(cursor: number): Promise<boolean> {
    const heads = await this.#reader.heads()
    if (cursor > revisionOf(heads)) return true
    const from = Math.max(cursor, this.#reader.first)
    const told: Told[] = []
    for (const head of heads) {
      if (head.revision <= from) continue
      const found = await this.#backTo(head, from)
      if (found === undefined) return true
      told.push(...found)
      if (told.length > MAX_BEHIND) return true
    }
    this.#positions = heads.map(({ n }) => n)
    this.#told = told.sort((a, b) => a.revision - b.revision)
    return false
  }

  /** The shard's commits after the revision `from`, read backwards from its head. Undefined where some are gone. */
  async #backTo(head: Head, from: number): Promise<readonly Told[] | undefined> {
    const told: Told[] = []
    const oldest = Math.max(0, head.n - this.#reader.sizes.slots)
    for (let end = head.n; end > oldest; end -= LOG_PAGE) {
      const page = await this.#log(head.shard, Math.max(oldest, end - LOG_PAGE), end)
      for (const commit of page.reverse()) {
        if (commit === undefined) return undefined
        if (commit.revision <= from) return told
        told.push(commit)
      }
      if (told.length > MAX_BEHIND) return undefined
    }
    return oldest === 0 ? told : undefined
  }

  /** The commits since the last time, all shards as of one moment. */
  async #advance(): Promise<boolean> {
    const entries = this.#blocker.latest()
    if (entries === undefined) return false
    const { layout, sizes } = this.#reader
    let heads = headsOf(entries, layout, sizes.shards)
    const positions = this.#positions!
    if (heads.some(({ shard, n }) => n < positions[shard]!)) {
      // a server that is behind, or a history that was restored
      heads = await this.#reader.heads()
      if (heads.some(({ shard, n }) => n < positions[shard]!)) return true
    }
    const told: Told[] = []
    for (const { shard, n } of heads) {
      const from = positions[shard]!
      if (n - from > Math.min(sizes.slots, MAX_BEHIND)) return true
      for (const commit of await this.#log(shard, from, n)) {
        if (commit === undefined) return true
        told.push(commit)
      }
    }
    this.#positions = heads.map(({ n }) => n)
    this.#told = told.sort((a, b) => a.revision - b.revision)
    return false
  }

  /** The shard's commits from the one after `from` to the `to`th; undefined for each that is gone. */
  async #log(shard: number, from: number, to: number): Promise<(Told | undefined)[]> {
    const { layout, sizes, read } = this.#reader
    const wanted = Array.from({ length: to - from }, (_, i) => from + 1 + i)
    const keyOf = (n: number) => layout.log(shard, n % sizes.slots)
    const found = await read([...new Set(wanted.map(keyOf))])
    return wanted.map((n) => {
      const entry = found.get(keyOf(n))
      const record = entry && decodeLog(entry.value)
      if (entry === undefined || record?.n !== n) return undefined
      return { revision: entry.index, put: record.put, delete: record.delete }
    })
  }

  async #startOver(): Promise<FeedPage> {
    const heads = await this.#reader.heads()
    const revision = revisionOf(heads)
    this.#positions = heads.map(({ n }) => n)
    this.#told = []
    return { batch: { kind: 'relist', revision }, cursor: revision, more: false }
  }
}

/**
 * Takes whole commits off `told` until the page is full, and reports what is now of their keys. A key that has changed
 * again since comes again with a later commit.
 */
export async function reportPage(
  reader: FeedReader,
  told: Told[],
  cursor: number,
  matches: (key: string) => boolean,
): Promise<FeedPage> {
  /** The last that happened to each key within the page. */
  const last = new Map<string, { readonly kind: 'put' | 'delete'; readonly revision: number }>()
  let reached = cursor
  let count = 0
  for (const { revision, put, delete: deleted } of told) {
    if (last.size >= PAGE_CHANGES) break
    for (const key of put) if (matches(key)) last.set(key, { kind: 'put', revision })
    for (const key of deleted) if (matches(key)) last.set(key, { kind: 'delete', revision })
    reached = revision
    count++
  }
  const changes = await valuesOf(reader, last)
  told.splice(0, count)
  const more = told.length > 0
  if (changes.length === 0) return { cursor: reached, more }
  return { batch: { kind: 'changes', changes, revision: reached }, cursor: reached, more }
}

async function valuesOf(
  { layout, read }: FeedReader,
  last: ReadonlyMap<string, { readonly kind: 'put' | 'delete'; readonly revision: number }>,
): Promise<readonly Change[]> {
  const put = [...last].filter(([, { kind }]) => kind === 'put').map(([key]) => layout.dataKey(key))
  const found = await read(put)
  const changes: Change[] = []
  for (const [key, { kind, revision }] of last) {
    if (kind === 'delete') changes.push({ kind, key, revision })
    else {
      const entry = found.get(layout.dataKey(key))
      if (entry?.index === revision) changes.push({ kind, key, value: entry.value, revision })
    }
  }
  return changes.sort((a, b) => a.revision - b.revision)
}
