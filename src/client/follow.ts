/** Following objects as they change: what every wait and every live view stands on. */
import type { ReadScope, ResourceChange, ResourceReader } from '../api/api.ts'
import type { Clock } from '../core/clock.ts'
import { UNKNOWN_PHASE } from '../resources/heard.ts'
import type { Kind } from '../resources/kinds.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../resources/object.ts'

/** Kinds as they are now. */
export interface Followed {
  /** Every object, by `followKey`. The same map each time, kept up to date. */
  readonly objects: ReadonlyMap<string, AnyResource>
  /** What has changed since the last time, in order. */
  readonly changes: readonly ResourceChange[]
  /** All was listed anew: the first time, and after the store had forgotten what changed in between. */
  readonly isListed: boolean
}

/** `Service shop/web` */
export function followKey(ref: ObjectRef): string {
  return `${ref.kind} ${ref.namespace ?? ''}/${ref.name}`
}

/**
 * The objects of `kinds`, now and after every change, until `signal` aborts. After a relist the differences are reported as
 * changes, deletions included. Throws what the store throws when it cannot be reached.
 */
export async function* follow(
  reader: ResourceReader,
  kinds: readonly Kind[],
  signal: AbortSignal,
  scope: ReadScope = {},
): AsyncGenerator<Followed> {
  const objects = new Map<string, AnyResource>()
  while (!signal.aborted) {
    const listing = await reader.listAll(kinds, scope)
    const items = listing.lists.flat()
    yield { objects, changes: replaceAll(objects, items, listing.revision), isListed: true }
    for await (const batch of reader.watch(kinds, listing.revision, signal, scope)) {
      if (batch.kind === 'relist') break
      for (const change of batch.changes) applyChange(objects, change)
      yield { objects, changes: batch.changes, isListed: false }
    }
  }
}

function applyChange(objects: Map<string, AnyResource>, change: ResourceChange): void {
  if (change.kind === 'put') objects.set(followKey(change.ref), change.object)
  else objects.delete(followKey(change.ref))
}

/** Makes the map hold `items` and nothing else; tells what that changed. */
function replaceAll(
  objects: Map<string, AnyResource>,
  items: readonly AnyResource[],
  revision: number,
): readonly ResourceChange[] {
  const changes: ResourceChange[] = []
  const present = new Set<string>()
  for (const object of items) {
    const ref = refOfObject(object)
    const key = followKey(ref)
    present.add(key)
    if (isSame(objects.get(key), object)) continue
    changes.push({ kind: 'put', object, ref, revision })
  }
  for (const [key, object] of objects)
    if (!present.has(key)) changes.push({ kind: 'delete', ref: refOfObject(object), revision })
  for (const change of changes) applyChange(objects, change)
  return changes
}

/** An instance reads differently once its node is not heard of, though nobody wrote it. */
function isSame(before: AnyResource | undefined, now: AnyResource): boolean {
  if (before === undefined || before.metadata.resourceVersion !== now.metadata.resourceVersion) return false
  return (before.status?.phase === UNKNOWN_PHASE) === (now.status?.phase === UNKNOWN_PHASE)
}

export interface WaitOptions {
  readonly reader: ResourceReader
  readonly kinds: readonly Kind[]
  readonly scope?: ReadScope
  readonly clock: Clock
  /** Ends the wait from outside: then it throws the signal's reason. */
  readonly signal: AbortSignal
  readonly timeoutMs: number
  /** Judge again after so long without a change, for what depends on time. */
  readonly tickMs?: number
}

/**
 * Waits until `judge` finds an answer, asked at once, after every change and with every tick. Undefined where the time is over
 * first; a time-out of 0 asks once.
 */
export async function waitUntil<T>(
  options: WaitOptions,
  judge: (objects: ReadonlyMap<string, AnyResource>) => T | undefined,
): Promise<T | undefined> {
  const { clock } = options
  const ended = new AbortController()
  let objects: ReadonlyMap<string, AnyResource> | undefined
  let answer: { readonly value: T } | undefined
  let failure: { readonly error: unknown } | undefined
  const ask = () => {
    if (objects === undefined || answer !== undefined || failure !== undefined) return
    try {
      const value = judge(objects)
      if (value !== undefined) answer = { value }
    } catch (error) {
      failure = { error }
    }
    if (answer !== undefined || failure !== undefined) ended.abort()
  }
  let cancelTick = () => {}
  const tick = () => {
    ask()
    if (options.tickMs !== undefined) cancelTick = clock.schedule(options.tickMs, tick)
  }
  if (options.tickMs !== undefined) cancelTick = clock.schedule(options.tickMs, tick)
  const cancelTimeout =
    options.timeoutMs > 0 ? clock.schedule(options.timeoutMs, () => ended.abort()) : () => {}
  try {
    const signal = AbortSignal.any([options.signal, ended.signal])
    for await (const state of follow(options.reader, options.kinds, signal, options.scope)) {
      objects = state.objects
      ask()
      if (options.timeoutMs <= 0 || ended.signal.aborted) break
    }
  } finally {
    cancelTick()
    cancelTimeout()
  }
  if (failure !== undefined) throw failure.error
  if (answer === undefined) options.signal.throwIfAborted()
  return answer?.value
}
