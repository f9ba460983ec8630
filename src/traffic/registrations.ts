/** What of a node is registered, as far as is known, and one change at a time for each entry. */
import type { Clock } from '../core/clock.ts'
import { type Catalog, type CatalogEntry, checksText, type RegisteredEntry } from './catalog.ts'
import type { CatalogAction } from './catalog-plan.ts'

const AT_A_TIME = 8
/** What the catalog forgets, what its checks say, and what others change there nobody tells: for so long it is not asked again. */
export const LOOK_AGAIN_MS = 5_000

export class Registrations {
  readonly #catalog: Catalog
  readonly #clock: Pick<Clock, 'monotonic'>
  /** By id: as it was listed, and what was done since. Undefined before the first look. */
  #known: Map<string, RegisteredEntry> | undefined
  /** When it is to be looked at again. Monotonic. */
  #lookMs = 0
  /** The last change of each entry that is under way. */
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(catalog: Catalog, clock: Pick<Clock, 'monotonic'>) {
    this.#catalog = catalog
    this.#clock = clock
  }

  /** What is registered. Asks the catalog, unless it was asked lately and has done all since that it was told to. */
  async look(signal: AbortSignal): Promise<readonly RegisteredEntry[]> {
    const nowMs = this.#clock.monotonic()
    if (this.#known === undefined || nowMs >= this.#lookMs) {
      const registered = await this.#catalog.list(signal)
      this.#known = new Map(registered.map((one) => [one.id, one]))
      this.#lookMs = nowMs + LOOK_AGAIN_MS
    }
    return [...this.#known.values()]
  }

  /** In how many milliseconds `look` asks again; at least 1. */
  get lookInMs(): number {
    return Math.max(1, this.#lookMs - this.#clock.monotonic())
  }

  /** It is there. */
  has(id: string): boolean {
    return this.#known?.has(id) === true
  }

  /** It may be there, or be on its way. */
  mayHave(id: string): boolean {
    return this.#known === undefined || this.#known.has(id) || this.#turns.has(id)
  }

  /**
   * Carries out what it can. Returns what failed, by the entry's id.
   *
   * @param isStillWanted asked right before an entry is registered: its end may have been asked for since the plan was made
   */
  async carryOut(
    actions: readonly CatalogAction[],
    isStillWanted: (id: string) => boolean,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, unknown>> {
    const failures = new Map<string, unknown>()
    for (let at = 0; at < actions.length; at += AT_A_TIME) {
      const some = actions.slice(at, at + AT_A_TIME)
      const results = await Promise.allSettled(some.map((action) => this.#do(action, isStillWanted, signal)))
      signal.throwIfAborted()
      for (const [index, result] of results.entries()) {
        const action = some[index]
        if (result.status === 'rejected' && action !== undefined) failures.set(idOf(action), result.reason)
      }
    }
    return failures
  }

  /** Not where what was under way has left nothing of it. */
  deregister(id: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn(id, async () => {
      if (this.#known?.has(id) === false) return
      await this.#catalog.deregister(id, signal)
      this.#known?.delete(id)
    })
  }

  async #do(
    action: CatalogAction,
    isStillWanted: (id: string) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    if (action.kind === 'deregister') return await this.deregister(action.id, signal)
    if (action.kind === 'renew')
      return await this.#inTurn(action.id, () => this.#catalog.renew(action.id, signal))
    const { entry } = action
    await this.#inTurn(entry.id, async () => {
      if (!isStillWanted(entry.id)) return
      await this.#catalog.register(entry, signal)
      this.#known?.set(entry.id, asRegistered(entry))
    })
  }

  /** What were registered while its end is under way would stay. */
  async #inTurn(id: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work)
    const over = turn.catch(() => {})
    this.#turns.set(id, over)
    try {
      await turn
    } catch (error) {
      this.#lookMs = 0
      throw error
    } finally {
      if (this.#turns.get(id) === over) this.#turns.delete(id)
    }
  }
}

function asRegistered(entry: CatalogEntry): RegisteredEntry {
  return { ...entry, checks: checksText(entry.checks) }
}

function idOf(action: CatalogAction): string {
  return action.kind === 'register' ? action.entry.id : action.id
}
