/**
 * What changed after a revision, read off the logs: those of the shards, and those of nodes whose agents write in no shard's. A node's log is
 * written by whoever has that node's credential: it is believed of that node's own keys alone, and where it makes no sense what lies
 * under those is read instead.
 */
import type { Feed, FeedPage } from '../feed.ts'
import { nodeReach, spans } from '../node-reach.ts'
import type { Recall, Recalled } from '../recall.ts'
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
  /** Told of what is reported; what it has of a revision that is to be reported, our own commits for one, is not read. */
  readonly recall: Recall
  /** What is there now of some of Consul's keys. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, KvEntry>>
  /** All that is there beneath some of Consul's keys, as one snapshot. */
  readTrees(trees: readonly string[]): Promise<readonly KvEntry[]>
  /** Whether a log is ours to read: an agent's credential reaches that of its node alone. */
  follows(head: Head): boolean
  /** All heads now, for certain. */
  heads(): Promise<readonly Head[]>
}

/** One watch of everything that `matches`. */
export class LogFeed implements Feed {
  readonly bell
  readonly #reader: FeedReader
  readonly #blocker: Blocker
  readonly #matches: (key: string) => boolean
  /** How far each log was read, by the key of its head. A head that has gone keeps its place. */
  readonly #positions = new Map<string, Head>()
  #begun = false
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
      const behind = this.#begun ? await this.#advance() : await this.#begin(cursor)
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
      if (head.revision <= from || !this.#reader.follows(head)) continue
      const found = (await this.#backTo(head, from)) ?? (await this.#anew(head, from))
      if (found === undefined) return true
      told.push(...found)
      if (told.length > MAX_BEHIND) return true
    }
    this.#settleAt(heads)
    this.#told = told.sort((a, b) => a.revision - b.revision)
    return false
  }

  /** The log's commits after the revision `from`, read backwards from its head. Undefined where some are gone. */
  async #backTo(head: Head, from: number): Promise<readonly Told[] | undefined> {
    const told: Told[] = []
    if (head.n < 0) return undefined
    const oldest = Math.max(0, head.n - head.log.slots)
    for (let end = head.n; end > oldest; end -= LOG_PAGE) {
      const page = await this.#log(head, Math.max(oldest, end - LOG_PAGE), end)
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
    let heads = headsOf(entries, layout, sizes)
    if (this.#areBehind(heads)) {
      // a server that is behind, or a history that was restored
      heads = await this.#reader.heads()
      if (this.#areBehind(heads)) return true
    }
    const moved = heads.filter((one) => this.#reader.follows(one) && one.revision > this.#fromOf(one))
    const found = await this.#reader.read(moved.flatMap((head) => this.#unread(head)))
    const told: Told[] = []
    for (const head of moved) {
      const commits = await this.#since(head, found)
      if (commits === undefined) return true
      told.push(...commits)
    }
    this.#settleAt(heads)
    this.#told = told.sort((a, b) => a.revision - b.revision)
    return false
  }

  #areBehind(heads: readonly Head[]): boolean {
    return heads.some(({ log, n, revision }) => {
      const before = this.#positions.get(log.head)
      if (before === undefined) return false
      return revision < before.revision || (log.node === undefined && n < before.n)
    })
  }

  /** What is known of this log ends there. */
  #fromOf({ log }: Head): number {
    return this.#positions.get(log.head)?.revision ?? this.#reader.first
  }

  /** How many commits the log has had since; undefined where it does not hold them all. */
  #countSince({ log, n }: Head): number | undefined {
    const count = n - Math.max(0, this.#positions.get(log.head)?.n ?? 0)
    return count <= 0 || count > Math.min(log.slots, MAX_BEHIND) ? undefined : count
  }

  /** The keys of the log's commits since the last time. */
  #unread(head: Head): readonly string[] {
    return slotsOf(head, head.n - (this.#countSince(head) ?? 0), head.n)
  }

  /** The log's commits since the last time, of what was `found`; undefined where some are gone, and nothing else tells. */
  async #since(head: Head, found: ReadonlyMap<string, KvEntry>): Promise<readonly Told[] | undefined> {
    const from = this.#fromOf(head)
    const count = this.#countSince(head)
    if (count === undefined) return this.#anew(head, from)
    const commits = commitsIn(found, head, head.n - count, head.n)
    const known = commits.filter((commit): commit is Told => commit !== undefined && commit.revision > from)
    return known.length === count ? known : this.#anew(head, from)
  }

  /** The log's commits from the one after `from` to the `to`th; undefined for each that is gone or is none. */
  async #log(head: Head, from: number, to: number): Promise<(Told | undefined)[]> {
    return commitsIn(await this.#reader.read(slotsOf(head, from, to)), head, from, to)
  }

  /** What lies under a node was last written when: in place of a log that does not tell. Shards have nothing in place of theirs. */
  async #anew({ log, revision }: Head, from: number): Promise<readonly Told[] | undefined> {
    if (log.node === undefined) return undefined
    const { layout, readTrees } = this.#reader
    const reach = nodeReach(log.node).write
    const entries = await readTrees(reach.map(({ key }) => layout.dataKey(key)))
    return entries
      .map(({ key, index }) => ({ revision: index, put: [layout.keyOf(key)], delete: [] }))
      .filter((one) => one.revision > from && one.revision <= revision && spans(reach, one.put[0] ?? ''))
  }

  #settleAt(heads: readonly Head[]): void {
    for (const head of heads) this.#positions.set(head.log.head, head)
    this.#begun = true
  }

  async #startOver(): Promise<FeedPage> {
    const heads = await this.#reader.heads()
    const revision = revisionOf(heads)
    this.#positions.clear()
    this.#settleAt(heads)
    this.#told = []
    return { batch: { kind: 'relist', revision }, cursor: revision, more: false }
  }
}

/** Where the log's commits from the one after `from` to the `to`th lie. */
function slotsOf({ log }: Head, from: number, to: number): readonly string[] {
  return [...new Set(Array.from({ length: to - from }, (_, i) => log.entry(from + 1 + i)))]
}

/** Those commits, of what was found; undefined for each that is gone or is none. */
function commitsIn(
  found: ReadonlyMap<string, KvEntry>,
  { log, revision }: Head,
  from: number,
  to: number,
): (Told | undefined)[] {
  return Array.from({ length: to - from }, (_, i) => {
    const n = from + 1 + i
    const entry = found.get(log.entry(n))
    const record = entry && decodeLog(entry.value)
    if (entry === undefined || record?.n !== n) return undefined
    const told = { revision: entry.index, put: record.put, delete: record.delete }
    if (log.node === undefined) return told
    // what came after its head would be told before what others did meanwhile
    return entry.index > revision ? undefined : ownOf(log.node, told)
  })
}

/** Of what a node's log says, what that node may say. */
function ownOf(node: string, told: Told): Told {
  const { write } = nodeReach(node)
  const own = (key: string) => spans(write, key)
  return { revision: told.revision, put: told.put.filter(own), delete: told.delete.filter(own) }
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
  { layout, read, recall }: FeedReader,
  last: ReadonlyMap<string, { readonly kind: 'put' | 'delete'; readonly revision: number }>,
): Promise<readonly Change[]> {
  const put = [...last].filter(([, { kind }]) => kind === 'put')
  const values = new Map<string, Recalled>()
  for (const [key, { revision }] of put) {
    const known = recall.get(key)
    if (known?.revision === revision) values.set(key, known)
  }
  const unknown = put.filter(([key]) => !values.has(key))
  const found = await read(unknown.map(([key]) => layout.dataKey(key)))
  for (const [key, { revision }] of unknown) {
    const entry = found.get(layout.dataKey(key))
    if (entry?.index !== revision) continue
    const { value, isNew } = entry
    values.set(key, { value, revision, ...(isNew && { isNew }) })
  }
  const changes: Change[] = []
  for (const [key, { kind, revision }] of last) {
    const put = values.get(key)
    if (kind === 'delete') {
      recall.delete(key, revision)
      changes.push({ kind, key, revision })
    } else if (put !== undefined) {
      recall.set(key, put.value, revision, put.isNew)
      changes.push({ kind, key, ...put })
    }
  }
  return changes.sort((a, b) => a.revision - b.revision)
}
