/**
 * Events: equal ones are counted in one object, bursts are held back in memory for a moment, and one object has only so many.
 * They are news, not state: what cannot be written is kept for the next time, and dropped when that becomes too much.
 */
import { messageOf } from '../core/errors.ts'
import { digest } from '../core/ids.ts'
import { type AnyResource, API_VERSION, DEFAULT_NAMESPACE, refText } from '../resources/object.ts'
import type { Operation, Transaction } from '../store/store.ts'
import type { EventInput } from './api.ts'
import { decodeObject, encodeObject } from './codec.ts'
import { type Context, timestamp } from './context.ts'
import { nodeEventKey, objectKey, type Target } from './keys.ts'

const FLUSH_AFTER_MS = 200
const RETRY_AFTER_MS = 5000
const MAX_PENDING = 1000
/** Different events that one object keeps; the oldest go first. */
export const MAX_EVENTS_PER_OBJECT = 50
/** So many new ones of an object are recorded before it is counted how many it has: most never have more. Others record some of it, too. */
const UNCOUNTED = 20
/** Of so many objects is known how many they have. */
const MAX_COUNTS = 2_000
const MAX_ATTEMPTS = 3
const DIGEST_LENGTH = 10
/** With the digest and a dot this stays below the 253 characters of a name. */
const MAX_OBJECT_NAME = 240

interface Pending {
  readonly input: EventInput
  readonly target: Target
  readonly count: number
  readonly firstAt: string
  readonly lastAt: string
}

/** Shared by all views of one api, fenced or not: what happened is told also by a leader that is none any more. */
export class EventRecorder {
  readonly #context: Omit<Context, 'fence'>
  #pending = new Map<string, Pending>()
  #cancelFlush: (() => void) | undefined
  #flushing: Promise<void> = Promise.resolve()
  /** How many new events may be recorded of each object before they are counted, by where its events lie. The oldest go first. */
  readonly #room = new Map<string, number>()

  constructor(context: Omit<Context, 'fence'>) {
    this.#context = context
  }

  record(input: EventInput): void {
    const target = this.#targetOf(input)
    const key = this.#keyOf(target)
    const at = timestamp(this.#context.clock)
    const before = this.#pending.get(key)
    this.#pending.set(key, {
      input,
      target,
      count: (before?.count ?? 0) + 1,
      firstAt: before?.firstAt ?? at,
      lastAt: at,
    })
    this.#dropSurplus()
    this.#flushIn(FLUSH_AFTER_MS)
  }

  /** Resolves when everything that was recorded before is written, or was found not to be writable for now. */
  flush(): Promise<void> {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    this.#flushing = this.#flushing.then(() => this.#write())
    return this.#flushing
  }

  #flushIn(delayMs: number): void {
    this.#cancelFlush ??= this.#context.clock.schedule(delayMs, () => void this.flush())
  }

  async #write(): Promise<void> {
    let batch = this.#pending
    this.#pending = new Map()
    try {
      // the one before the first goes by what is known
      const from = this.#context.store.recall === undefined ? 1 : 0
      for (let attempt = from; batch.size > 0 && attempt <= MAX_ATTEMPTS; attempt++)
        batch = await this.#commit(batch, attempt === 0)
      if (batch.size > 0)
        this.#context.logger.log('debug', 'events were dropped: others were faster', { count: batch.size })
    } catch (error) {
      this.#context.logger.log('warn', 'events could not be written', {
        error: messageOf(error),
        count: batch.size,
      })
      this.#restore(batch)
      this.#flushIn(RETRY_AFTER_MS)
    }
  }

  /** Returns those that lost to another writer. @param unread most are new: what is not known to be there is not looked for */
  async #commit(batch: ReadonlyMap<string, Pending>, unread: boolean): Promise<Map<string, Pending>> {
    const { store } = this.#context
    const keys = [...batch.keys()]
    const found = unread ? keys.flatMap((key) => store.recall?.(key) ?? []) : await store.getMany(keys)
    const live = new Map(found.map((entry) => [entry.key, entry]))
    const pendings = [...batch]
    const transactions: Transaction[] = []
    for (const [key, pending] of pendings) {
      const entry = live.get(key)
      const object = entry === undefined ? this.#newEvent(pending) : counted(decodeObject(entry), pending)
      const put: Operation = {
        kind: 'put',
        key,
        value: encodeObject(object, undefined),
        expect: entry?.revision ?? 0,
      }
      transactions.push(entry === undefined ? [put, ...(await this.#oldest(pending, batch))] : [put])
    }
    const outcomes = await store.commit(transactions)
    return new Map(pendings.filter((_, index) => outcomes[index]?.kind === 'conflict'))
  }

  /** What must go for one more event of the same object. */
  async #oldest(
    { input, target }: Pending,
    batch: ReadonlyMap<string, Pending>,
  ): Promise<readonly Operation[]> {
    const { store } = this.#context
    const prefix = this.#keyOf(target).slice(0, -DIGEST_LENGTH)
    const room = this.#room.get(prefix) ?? UNCOUNTED
    if (room > 0) {
      this.#noteRoom(prefix, room - 1)
      return []
    }
    const keys = (await store.listKeys(prefix)).filter((key) => !batch.has(key))
    if (keys.length < MAX_EVENTS_PER_OBJECT) {
      this.#noteRoom(prefix, Math.min(UNCOUNTED, MAX_EVENTS_PER_OBJECT - keys.length - 1))
      return []
    }
    const entries = (await store.getMany(keys)).map((entry) => ({ entry, event: decodeObject(entry) }))
    const same = entries.filter(({ event }) => involves(event, input.about.kind))
    return same
      .sort((a, b) => (String(a.event.lastTimestamp) < String(b.event.lastTimestamp) ? -1 : 1))
      .slice(0, Math.max(0, same.length + 1 - MAX_EVENTS_PER_OBJECT))
      .map(({ entry }) => ({ kind: 'delete', key: entry.key }))
  }

  #noteRoom(prefix: string, room: number): void {
    this.#room.delete(prefix)
    this.#room.set(prefix, room)
    const [oldest] = this.#room.keys()
    if (oldest !== undefined && this.#room.size > MAX_COUNTS) this.#room.delete(oldest)
  }

  #keyOf(target: Target): string {
    const { node } = this.#context
    return node === undefined ? objectKey(target) : nodeEventKey(target, node)
  }

  #newEvent({ input, target, count, firstAt, lastAt }: Pending): AnyResource {
    const { about, type, reason, message, source } = input
    const { kind, namespace, name, uid } = about
    return {
      apiVersion: API_VERSION,
      kind: 'Event',
      metadata: {
        name: target.name,
        ...(target.namespace === undefined ? {} : { namespace: target.namespace }),
        uid: this.#context.ids.uid(),
        creationTimestamp: firstAt,
      },
      involvedObject: {
        kind,
        ...(namespace === undefined ? {} : { namespace }),
        name,
        ...(uid === undefined ? {} : { uid }),
      },
      objectText: refText(about),
      type,
      reason,
      message,
      source,
      count,
      firstTimestamp: firstAt,
      lastTimestamp: lastAt,
    }
  }

  #targetOf({ about, reason, message, type }: EventInput): Target {
    const { node } = this.#context
    const identity = [about.kind, about.namespace ?? '', about.name, about.uid ?? '', reason, message, type]
    // of two agents that say the same each has its own
    if (node !== undefined) identity.push(node)
    const name = `${about.name.slice(0, MAX_OBJECT_NAME)}.${digest(JSON.stringify(identity), DIGEST_LENGTH)}`
    return {
      kind: this.#context.kinds.byKind('Event'),
      namespace: about.namespace ?? DEFAULT_NAMESPACE,
      name,
    }
  }

  #restore(batch: ReadonlyMap<string, Pending>): void {
    for (const [key, pending] of batch) {
      const newer = this.#pending.get(key)
      this.#pending.set(
        key,
        newer === undefined
          ? pending
          : { ...newer, count: newer.count + pending.count, firstAt: pending.firstAt },
      )
    }
    this.#dropSurplus()
  }

  #dropSurplus(): void {
    for (const key of this.#pending.keys()) {
      if (this.#pending.size <= MAX_PENDING) return
      this.#pending.delete(key)
    }
  }
}

function counted(event: AnyResource, { count, lastAt }: Pending): AnyResource {
  const before = typeof event.count === 'number' ? event.count : 0
  return { ...event, count: before + count, lastTimestamp: lastAt }
}

function involves(event: AnyResource, kind: string): boolean {
  const involved = event.involvedObject as { readonly kind?: unknown } | undefined
  return involved?.kind === kind
}
