/** A binary heap of what falls due, that knows each item's place, so that an item can be moved up or taken out. */

export interface Delayed {
  /** When it falls due, by the monotonic clock; meaningless while it is not in the heap. */
  dueAtMs: number
  /** Its place in the heap, −1 while it is not there. Owned by the heap. */
  place: number
}

export class DelayHeap<T extends Delayed> {
  readonly #items: T[] = []

  get size(): number {
    return this.#items.length
  }

  /** What falls due first. */
  first(): T | undefined {
    return this.#items[0]
  }

  /** Puts `item` in, or moves it up where it is there with a later time. Keeps the earlier of the two times. */
  put(item: T, dueAtMs: number): void {
    if (item.place >= 0) {
      if (dueAtMs >= item.dueAtMs) return
      item.dueAtMs = dueAtMs
      this.#rise(item)
      return
    }
    item.dueAtMs = dueAtMs
    item.place = this.#items.push(item) - 1
    this.#rise(item)
  }

  /** Takes `item` out, if it is there. */
  remove(item: T): void {
    const place = item.place
    if (place < 0) return
    item.place = -1
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    this.#set(last, place)
    this.#rise(last)
    this.#sink(last)
  }

  clear(): void {
    for (const item of this.#items) item.place = -1
    this.#items.length = 0
  }

  #set(item: T, place: number): void {
    this.#items[place] = item
    item.place = place
  }

  #rise(item: T): void {
    while (item.place > 0) {
      const above = this.#items[(item.place - 1) >> 1]!
      if (above.dueAtMs <= item.dueAtMs) return
      this.#swap(above, item)
    }
  }

  #sink(item: T): void {
    for (;;) {
      const left = this.#items[item.place * 2 + 1]
      if (left === undefined) return
      const right = this.#items[item.place * 2 + 2]
      const below = right !== undefined && right.dueAtMs < left.dueAtMs ? right : left
      if (below.dueAtMs >= item.dueAtMs) return
      this.#swap(item, below)
    }
  }

  #swap(above: T, below: T): void {
    const place = above.place
    this.#set(above, below.place)
    this.#set(below, place)
  }
}
