/**
 * Commits: what is asked for in the same turn, or while a commit is on its way, goes in one KV transaction as far as it
 * fits and nothing of it depends on the rest. One transaction of Consul's is on its way at a time; when Consul refuses it,
 * it names whose operations stood in the way, and only those are looked at again.
 */
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import type { Ids } from '../../core/ids.ts'
import type { Recall } from '../recall.ts'
import type { CommitResult, Transaction } from '../store.ts'
import type { KvClient, KvEntry, KvOperation } from './client.ts'
import { isTransient } from './errors.ts'
import { type Head, headsOf, revisionOf } from './heads.ts'
import type { FeedSizes, Layout } from './layout.ts'
import { type Planned, planTransaction, planUnread, type Writing } from './plan.ts'
import { type Retrying, readSnapshot, retry } from './reading.ts'
import { encodeLog } from './records.ts'
import { changesByNode, ScopeCache } from './scopes.ts'
import { base64, type Sent, sendCommit } from './sending.ts'
import { MAX_BODY_BYTES, MAX_WRITE_OPERATIONS, operationBytes, type Size } from './sizes.ts'
import { type Call, nextBatch, type Work } from './work.ts'

export interface CommitterOptions {
  readonly client: KvClient
  readonly layout: Layout
  readonly sizes: FeedSizes
  readonly recall: Recall
  readonly ids: Ids
  readonly clock: Clock
  readonly giveUpMs: number
  /** Writes in this node's own log, where the token may write in no shard's. */
  readonly node?: string
  /** Picks a shard, 0 to below `count`. */
  readonly pick: (count: number) => number
}

export class Committer {
  readonly #options: CommitterOptions
  #waiting: Work[] = []
  #running: Promise<void> | undefined
  /** Of the log that we write to, as we know it. */
  #head: Head | undefined
  readonly #scopes: ScopeCache
  /** How many of the first go one by one, since together they failed. */
  #alone = 0

  constructor(options: CommitterOptions) {
    this.#options = options
    const { client, layout } = options
    this.#scopes = new ScopeCache(layout, (keys) =>
      retry(this.#retrying(), () => readSnapshot(client, { keys })),
    )
  }

  /** @param sizes of each */
  add(transactions: readonly Transaction[], sizes: readonly Size[]): Promise<readonly CommitResult[]> {
    if (transactions.length === 0) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      const call: Call = { results: [], open: transactions.length, failed: false, resolve, reject }
      const sinceMs = this.#options.clock.monotonic()
      for (const [place, transaction] of transactions.entries())
        this.#waiting.push({
          transaction,
          size: sizes[place]!,
          call,
          place,
          sinceMs,
          doubtful: false,
        })
      this.#running ??= this.#run()
    })
  }

  /** What is told of a node has moved on. */
  heardScope(entry: KvEntry): void {
    this.#scopes.heard(entry)
  }

  /** Resolves when all that was added is done. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    do {
      // those who ask in this turn, and those whom the last commit woke, are in the next
      await new Promise((resolve) => setImmediate(resolve))
      const batch = nextBatch(this.#waiting, this.#alone > 0 ? 1 : undefined)
      if (this.#alone > 0) this.#alone--
      // what follows is made ready while Consul works
      setImmediate(() => this.#prepare(batch))
      try {
        await this.#commit(batch)
      } catch (error) {
        this.#fail(batch, error)
      }
      this.#waiting = this.#waiting.filter(
        ({ call, place }) => !call.failed && call.results[place] === undefined,
      )
    } while (this.#waiting.length > 0)
    this.#running = undefined
  }

  /** What comes after `batch`. */
  #prepare(batch: readonly Work[]): void {
    for (const work of nextBatch(this.#waiting.slice(batch.length))) work.unread = this.#unread(work)
  }

  /** Holds whatever happens meanwhile: Consul checks all of it. */
  #unread(work: Work): Writing | undefined {
    const { recall, layout } = this.#options
    return work.unread ?? planUnread(work.transaction, (key) => recall.get(key), layout)
  }

  async #commit(batch: readonly Work[]): Promise<void> {
    const plans = await this.#plan(batch)
    const writing = batch.filter((work) => plans.get(work)?.kind === 'write')
    if (writing.length === 0) return
    const packed = writing.map((work) => plans.get(work) as Writing)
    const head = this.#head ?? (await this.#chooseHead())
    this.#head = head
    const sent = await this.#send(packed, head)
    if (sent.kind === 'committed') {
      this.#head = { ...head, n: head.n + 1, revision: sent.revision }
      for (const work of writing) this.#settle(work, { kind: 'committed', revision: sent.revision })
      for (const [i, { transaction }] of writing.entries())
        this.#remember(transaction, packed[i]!, sent.revision)
    } else if (sent.kind === 'lost') this.#head = undefined
    else this.#learn(sent, writing, packed)
  }

  /** What each comes to; conflicts and what changes nothing are settled here. */
  async #plan(batch: readonly Work[]): Promise<ReadonlyMap<Work, Planned>> {
    const { layout, sizes } = this.#options
    const plans = new Map<Work, Planned>()
    for (const work of batch) {
      const plan = work.doubtful ? undefined : this.#unread(work)
      if (plan !== undefined) plans.set(work, plan)
    }
    const reading = batch.filter((work) => !plans.has(work))
    if (reading.length === 0) return plans
    const keys = new Set(
      reading.flatMap(({ transaction }) => transaction.map(({ key }) => layout.dataKey(key))),
    )
    const found = await this.#read([...keys])
    const heads = headsOf(found.values(), layout, sizes)
    for (const work of reading) {
      const states = new Map(
        work.transaction.map(({ key }) => {
          const entry = found.get(layout.dataKey(key))
          return [key, entry && { value: entry.value, revision: entry.index }]
        }),
      )
      const plan = planTransaction(work.transaction, states, layout)
      plans.set(work, plan)
      if (plan.kind === 'conflict') this.#settle(work, plan)
      if (plan.kind === 'unchanged') this.#settle(work, { kind: 'committed', revision: revisionOf(heads) })
    }
    return plans
  }

  async #send(packed: readonly Writing[], head: Head): Promise<Sent> {
    const { ids, client, clock, giveUpMs } = this.#options
    const n = head.n + 1
    const id = ids.suffix(12)
    const operations: KvOperation[] = packed.flatMap((plan) => plan.operations)
    const changed = packed.map((plan) => plan.changed)
    const put = changed.flatMap((one) => one.put)
    const deleted = changed.flatMap((one) => one.delete)
    const log = head.log.entry(n)
    const feed: readonly KvOperation[] = [
      { Verb: 'set', Key: log, Value: base64(encodeLog({ n, id, put, delete: deleted })) },
      { Verb: 'cas', Key: head.log.head, Value: base64(String(n)), Index: head.revision },
    ]
    const used = [...operations, ...feed].reduce((sum, one) => sum + operationBytes(one), 0)
    const room = { operations: MAX_WRITE_OPERATIONS - operations.length, bytes: MAX_BODY_BYTES - used, id }
    const scopes = await this.#scopes.operations(changesByNode(changed), room)
    operations.push(...scopes, ...feed)
    const marks = { head: head.log.head, log, before: head, id }
    const sent = await sendCommit(client, operations, { ...marks, clock, giveUpMs })
    if (sent.kind === 'committed') this.#scopes.written(scopes, sent.revision)
    else {
      const before = operations.length - scopes.length - feed.length
      const refused = sent.kind === 'refused' ? sent.operations.map((at) => scopes[at - before]) : []
      this.#scopes.refused(refused.filter((one) => one !== undefined))
    }
    return sent
  }

  /** Consul refused it: whose operations, and whether the head was among them. */
  #learn(
    sent: Extract<Sent, { kind: 'refused' }>,
    writing: readonly Work[],
    packed: readonly Writing[],
  ): void {
    const refused = new Set(sent.operations)
    let at = 0
    for (const [i, { operations }] of packed.entries()) {
      for (const _ of operations) if (refused.delete(at++)) writing[i]!.doubtful = true
    }
    for (const work of writing) if (work.doubtful) this.#giveUpLate(work)
    // another process writes to our shard, or we know it wrongly
    if (refused.has(sent.count - 1)) this.#head = undefined
  }

  /** Each time others were faster, or Consul refuses it for a reason that we do not know. */
  #giveUpLate({ call, sinceMs, transaction }: Work): void {
    const { clock, giveUpMs, layout } = this.#options
    if (call.failed || clock.monotonic() - sinceMs <= giveUpMs) return
    call.failed = true
    const [first] = transaction
    call.reject(
      new NsctlError(
        'Unreachable',
        `Consul refused a change of ${first && layout.dataKey(first.key)} again and again`,
        {
          value: first?.key,
          next: 'try again when fewer write to it',
        },
      ),
    )
  }

  #settle({ call, place }: Work, result: CommitResult): void {
    if (call.results[place] !== undefined) return
    call.results[place] = result
    if (--call.open === 0 && !call.failed) call.resolve(call.results)
  }

  /** What was not written, since it was there already, has an older revision. */
  #remember(transaction: Transaction, { changed }: Writing, revision: number): void {
    const { recall } = this.#options
    const put = new Set(changed.put)
    for (const operation of transaction) {
      if (operation.kind === 'delete') recall.delete(operation.key, revision)
      else if (operation.kind === 'put' && put.has(operation.key))
        recall.set(operation.key, operation.value, revision, operation.expect === 0)
    }
  }

  #fail(batch: readonly Work[], error: unknown): void {
    // together they cannot be; perhaps one of them alone
    if (!isTransient(error) && batch.length > 1) {
      this.#alone = batch.length
      return
    }
    // nobody's turn comes while the store is away
    const failing = isTransient(error) ? this.#waiting : batch
    for (const { call } of failing) {
      if (call.failed) continue
      call.failed = true
      call.reject(error)
    }
  }

  async #chooseHead(): Promise<Head> {
    const { layout, sizes, pick, node } = this.#options
    const heads = headsOf((await this.#read([])).values(), layout, sizes)
    if (node === undefined) return heads[pick(sizes.shards)]!
    const own = heads.find(({ log }) => log.node === node)
    // the first commit makes it, and one that says nothing is made anew
    return { log: layout.nodeLog(node), n: Math.max(0, own?.n ?? 0), revision: own?.revision ?? 0 }
  }

  /** Keys and all heads, as one snapshot. */
  #read(keys: readonly string[]): Promise<ReadonlyMap<string, KvEntry>> {
    const { client, layout } = this.#options
    return retry(this.#retrying(), () => readSnapshot(client, { keys, trees: [layout.heads] }))
  }

  #retrying(): Retrying {
    const { clock, giveUpMs } = this.#options
    return { clock, giveUpMs, signal: new AbortController().signal }
  }
}
