/** What of a node is registered, as far as is known, and one change at a time for each entry. */
import type { Catalog, RegisteredEntry } from './catalog.ts'
import type { CatalogAction } from './catalog-plan.ts'

const AT_A_TIME = 8

export class Registrations {
  readonly #catalog: Catalog
  /** Ids; undefined before the first look. */
  #known: Set<string> | undefined
  /** The last change of each entry that is under way. */
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(catalog: Catalog) {
    this.#catalog = catalog
  }

  /** Asks the catalog. */
  async look(signal: AbortSignal): Promise<readonly RegisteredEntry[]> {
    const registered = await this.#catalog.list(signal)
    this.#known = new Set(registered.map(({ id }) => id))
    return registered
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

  deregister(id: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn(id, async () => {
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
      this.#known?.add(entry.id)
    })
  }

  /** What were registered while its end is under way would stay. */
  async #inTurn(id: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work)
    const over = turn.catch(() => {})
    this.#turns.set(id, over)
    try {
      await turn
    } finally {
      if (this.#turns.get(id) === over) this.#turns.delete(id)
    }
  }
}

function idOf(action: CatalogAction): string {
  return action.kind === 'register' ? action.entry.id : action.id
}
