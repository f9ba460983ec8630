/** Objects of the cache by what they name, so that nobody has to look through all of them. */
import type { AnyResource, Resource } from '../resources/object.ts'

/** Objects of one kind by what they name. */
export interface ObjectIndex {
  /** In no particular order. */
  get<T extends Resource = AnyResource>(key: string): readonly T[]
}

/** The index with its writing side, for the cache. */
export class WritableIndex implements ObjectIndex {
  readonly #keysOf: (object: AnyResource) => readonly string[]
  readonly #objects = new Map<string, Set<AnyResource>>()

  constructor(keysOf: (object: AnyResource) => readonly string[]) {
    this.#keysOf = keysOf
  }

  get<T extends Resource = AnyResource>(key: string): readonly T[] {
    return [...(this.#objects.get(key) ?? [])] as readonly Resource[] as readonly T[]
  }

  /** `object` stands now where `old` stood. */
  put(object: AnyResource | undefined, old: AnyResource | undefined): void {
    if (old !== undefined) this.#remove(old)
    if (object === undefined) return
    for (const key of this.#keysOf(object)) {
      const objects = this.#objects.get(key)
      if (objects === undefined) this.#objects.set(key, new Set([object]))
      else objects.add(object)
    }
  }

  #remove(old: AnyResource): void {
    for (const key of this.#keysOf(old)) {
      const objects = this.#objects.get(key)
      objects?.delete(old)
      if (objects?.size === 0) this.#objects.delete(key)
    }
  }
}
