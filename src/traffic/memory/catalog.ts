/** A catalog in memory, for tests: keeps the contract, and can be made to fail, to forget and to find entries failing. */
import {
  type Catalog,
  type CatalogEntry,
  type CatalogError,
  checksText,
  type RegisteredEntry,
} from '../catalog.ts'

/** One machine's catalog; `of` opens it for an owner. */
export class MemoryCatalog {
  /** All owners' entries, by id. */
  readonly entries = new Map<string, CatalogEntry & { readonly owner: string }>()
  /** What was asked, in order: `register ID`, `deregister ID`, `renew ID`, `list`. */
  readonly calls: string[] = []
  /** What the checks of entries say, by id. */
  readonly failing = new Map<string, string>()
  /** What every call rejects with while it gives an error. */
  fault: (call: string) => CatalogError | undefined = () => undefined
  /** Awaited before each call. */
  gate: (call: string) => Promise<void> = async () => {}

  of(owner: string): Catalog {
    const ask = async (call: string, signal: AbortSignal) => {
      signal.throwIfAborted()
      this.calls.push(call)
      await unlessAborted(this.gate(call), signal)
      const fault = this.fault(call)
      if (fault !== undefined) throw fault
    }
    return {
      name: 'a catalog in memory',
      nameOf: (service) => service,
      list: async (signal) => {
        await ask('list', signal)
        return [...this.entries.values()].filter((one) => one.owner === owner).map((one) => this.#shown(one))
      },
      register: async (entry, signal) => {
        await ask(`register ${entry.id}`, signal)
        this.entries.set(entry.id, { ...entry, owner })
        this.failing.delete(entry.id)
      },
      deregister: async (id, signal) => {
        await ask(`deregister ${id}`, signal)
        if (this.entries.get(id)?.owner === owner) this.entries.delete(id)
      },
      renew: (id, signal) => ask(`renew ${id}`, signal),
      close: () => {},
    }
  }

  #shown({ owner: _, checks, ...facts }: CatalogEntry & { readonly owner: string }): RegisteredEntry {
    const failing = this.failing.get(facts.id)
    return { ...facts, checks: checksText(checks), ...(failing === undefined ? {} : { failing }) }
  }
}

/** What `work` comes to, or the signal's reason. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  await Promise.race([work, aborted.promise]).finally(() => signal.removeEventListener('abort', abort))
}
