/** One subscription to a source's events, for all that listen. */
import type { Reading, Source } from '../source.ts'
import type { Look } from './guarded.ts'

export class Listeners {
  readonly #source: Source
  readonly #take: (reading: Reading) => Look
  readonly #listeners = new Set<(look: Look) => void>()
  #running: { readonly ended: Promise<void>; readonly abort: AbortController } | undefined

  constructor(source: Source, take: (reading: Reading) => Look) {
    this.#source = source
    this.#take = take
  }

  /** Until `signal` aborts; rejects where the source says that it can never work. */
  async listen(listener: (look: Look) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    this.#listeners.add(listener)
    let leave = () => {}
    const left = new Promise<void>((resolve) => {
      leave = resolve
      signal.addEventListener('abort', leave, { once: true })
    })
    try {
      await Promise.race([this.#run().ended, left])
    } finally {
      signal.removeEventListener('abort', leave)
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) {
        this.#running?.abort.abort()
        this.#running = undefined
      }
    }
  }

  #run(): { readonly ended: Promise<void> } {
    if (this.#running !== undefined) return this.#running
    const abort = new AbortController()
    const tell = (reading: Reading) => {
      if (abort.signal.aborted) return
      const look = this.#take(reading)
      for (const listener of [...this.#listeners]) listener(look)
    }
    const ended = (this.#source.listen?.(tell, abort.signal) ?? Promise.resolve()).catch((error) => {
      // what a source throws because it was told to end is no failure
      if (!abort.signal.aborted) throw error
    })
    this.#running = { ended, abort }
    return this.#running
  }
}
