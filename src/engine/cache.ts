/** What the store holds, as last heard, in memory: O(1) by name and by owner. Filled by an informer, read by everybody else. */
import { NsctlError } from '../core/errors.ts'
import { deepEqual } from '../core/json.ts'
import type { AnyResource, ObjectRef, Resource } from '../resources/object.ts'
import { type ObjectIndex, WritableIndex } from './cache-index.ts'

export type { ObjectIndex }

/** One object changed. `old` is what the cache held before. */
export type CacheChange =
  | {
      readonly kind: 'put'
      readonly ref: ObjectRef
      readonly object: AnyResource
      readonly old: AnyResource | undefined
    }
  | {
      readonly kind: 'delete'
      readonly ref: ObjectRef
      readonly object?: undefined
      readonly old: AnyResource
    }

export type CacheHandler = (change: CacheChange) => void

/**
 * The reading side. Objects are shared by all readers and with the cache itself: copy before changing anything.
 * Asking for a kind that nobody watches is a bug and throws; a kind that is watched but not synced looks empty.
 */
export interface ObjectCache {
  get<T extends Resource = AnyResource>(ref: ObjectRef): T | undefined
  /** In no particular order. */
  list<T extends Resource = AnyResource>(kind: string, scope?: { readonly namespace?: string }): readonly T[]
  /** What names the object with this uid among its owners, of all kinds that are watched, in no particular order. */
  byOwner(uid: string): readonly AnyResource[]
  /**
   * Keeps the objects of `kind` by the texts that `keysOf` gives for each, from now on. Ask before the manager runs: it looks at every
   * object that comes and goes. The kind need not be watched yet.
   */
  index(kind: string, keysOf: (object: AnyResource) => readonly string[]): ObjectIndex
  /**
   * Tells `handler` of every change of `kind`, after the whole batch that it came in is in the cache; first of what is there
   * now. Not told: that an object was written and is the same as before. Returns the unsubscribe function.
   */
  onChange(kind: string, handler: CacheHandler): () => void
  /** Resolves with the first complete listing. */
  readonly synced: Promise<void>
  /** The store's revision that this shows; 0 before it is synced. */
  readonly revision: number
}

/** Objects of one kind: namespace → name → object. Both keys are the object's own strings. */
type KindObjects = Map<string, Map<string, AnyResource>>

/** A change as the watch reports it. */
export type Incoming =
  | { readonly kind: 'put'; readonly ref: ObjectRef; readonly object: AnyResource }
  | { readonly kind: 'delete'; readonly ref: ObjectRef }

/** The cache with its writing side, for informers. */
export class WritableCache implements ObjectCache {
  readonly #kinds = new Map<string, KindObjects>()
  readonly #owned = new Map<string, Set<AnyResource>>()
  readonly #indexes = new Map<string, WritableIndex[]>()
  readonly #handlers = new Map<string, Set<CacheHandler>>()
  readonly #synced = Promise.withResolvers<void>()
  readonly #onHandlerError: (error: unknown, change: CacheChange) => void
  #revision = 0

  /** @param onHandlerError told what a handler threw; the other handlers are called all the same */
  constructor(onHandlerError: (error: unknown, change: CacheChange) => void) {
    this.#onHandlerError = onHandlerError
  }

  get synced(): Promise<void> {
    return this.#synced.promise
  }

  get revision(): number {
    return this.#revision
  }

  /** Makes room for a kind. From now on it may be asked for. */
  addKind(kind: string): void {
    if (!this.#kinds.has(kind)) this.#kinds.set(kind, new Map())
  }

  /** The kinds that were added, in that order. */
  get kinds(): readonly string[] {
    return [...this.#kinds.keys()]
  }

  get<T extends Resource = AnyResource>(ref: ObjectRef): T | undefined {
    return this.#objects(ref.kind)
      .get(ref.namespace ?? '')
      ?.get(ref.name) as T | undefined
  }

  list<T extends Resource = AnyResource>(
    kind: string,
    scope: { readonly namespace?: string } = {},
  ): readonly T[] {
    const namespaces = this.#objects(kind)
    if (scope.namespace !== undefined) {
      const names = namespaces.get(scope.namespace)?.values() ?? []
      return [...names] as readonly Resource[] as readonly T[]
    }
    const all: AnyResource[] = []
    for (const names of namespaces.values()) for (const object of names.values()) all.push(object)
    return all as readonly Resource[] as readonly T[]
  }

  byOwner(uid: string): readonly AnyResource[] {
    return [...(this.#owned.get(uid) ?? [])]
  }

  index(kind: string, keysOf: (object: AnyResource) => readonly string[]): ObjectIndex {
    const index = new WritableIndex(keysOf)
    const indexes = this.#indexes.get(kind) ?? []
    this.#indexes.set(kind, [...indexes, index])
    for (const names of this.#kinds.get(kind)?.values() ?? [])
      for (const object of names.values()) index.put(object, undefined)
    return index
  }

  onChange(kind: string, handler: CacheHandler): () => void {
    const present = this.list(kind)
    const handlers = this.#handlers.get(kind) ?? new Set()
    this.#handlers.set(kind, handlers.add(handler))
    for (const object of present) {
      this.#tell(handler, { kind: 'put', ref: refOf(kind, object), object, old: undefined })
    }
    return () => handlers.delete(handler)
  }

  /** Takes in one batch of the watch. */
  apply(incoming: readonly Incoming[], revision: number): void {
    const changes: CacheChange[] = []
    for (const one of incoming) {
      const change = one.kind === 'put' ? this.#put(one.ref, one.object) : this.#delete(one.ref)
      if (change !== undefined) changes.push(change)
    }
    this.#revision = revision
    this.#notify(changes)
  }

  /** Takes in a complete listing: what is not in it is gone, what is the same as before is not told to anybody. */
  replace(lists: ReadonlyMap<string, readonly AnyResource[]>, revision: number): void {
    const changes: CacheChange[] = []
    for (const [kind, objects] of lists) {
      const gone = new Set(this.list(kind))
      for (const object of objects) {
        const ref = refOf(kind, object)
        const old = this.get(ref)
        if (old !== undefined) gone.delete(old)
        const change = this.#put(ref, object)
        if (change !== undefined) changes.push(change)
      }
      for (const object of gone) changes.push(this.#delete(refOf(kind, object)) as CacheChange)
    }
    this.#revision = revision
    this.#notify(changes)
    this.#synced.resolve()
  }

  #objects(kind: string): KindObjects {
    const objects = this.#kinds.get(kind)
    if (objects !== undefined) return objects
    throw new NsctlError('Bug', `nobody watches kind ${kind}, so the cache cannot know it`, {
      value: kind,
      next: `name ${kind} in the watches of a controller of this manager`,
    })
  }

  /** Undefined where nothing changed: the cache keeps the copy it has. */
  #put(ref: ObjectRef, object: AnyResource): CacheChange | undefined {
    const namespaces = this.#objects(ref.kind)
    const namespace = ref.namespace ?? ''
    let names = namespaces.get(namespace)
    if (names === undefined) {
      names = new Map()
      namespaces.set(namespace, names)
    }
    const old = names.get(ref.name)
    // resourceVersion is compared too: equal objects are the same write, so there is nothing that a handler could do anew
    if (old !== undefined && deepEqual(old, object)) return undefined
    names.set(ref.name, object)
    for (const index of this.#indexes.get(ref.kind) ?? []) index.put(object, old)
    if (old !== undefined) this.#disown(old)
    for (const owner of object.metadata.ownerReferences ?? []) {
      const owned = this.#owned.get(owner.uid)
      if (owned === undefined) this.#owned.set(owner.uid, new Set([object]))
      else owned.add(object)
    }
    return { kind: 'put', ref, object, old }
  }

  #delete(ref: ObjectRef): CacheChange | undefined {
    const namespaces = this.#objects(ref.kind)
    const names = namespaces.get(ref.namespace ?? '')
    const old = names?.get(ref.name)
    if (names === undefined || old === undefined) return undefined
    names.delete(ref.name)
    if (names.size === 0) namespaces.delete(ref.namespace ?? '')
    for (const index of this.#indexes.get(ref.kind) ?? []) index.put(undefined, old)
    this.#disown(old)
    return { kind: 'delete', ref, old }
  }

  #disown(object: AnyResource): void {
    for (const owner of object.metadata.ownerReferences ?? []) {
      const owned = this.#owned.get(owner.uid)
      owned?.delete(object)
      if (owned?.size === 0) this.#owned.delete(owner.uid)
    }
  }

  #notify(changes: readonly CacheChange[]): void {
    for (const change of changes) {
      for (const handler of this.#handlers.get(change.ref.kind) ?? []) this.#tell(handler, change)
    }
  }

  #tell(handler: CacheHandler, change: CacheChange): void {
    try {
      handler(change)
    } catch (error) {
      this.#onHandlerError(error, change)
    }
  }
}

function refOf(kind: string, object: AnyResource): ObjectRef {
  const { namespace, name } = object.metadata
  return namespace === undefined ? { kind, name } : { kind, namespace, name }
}
