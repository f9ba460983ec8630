/** Instances as they are about to be written: in the cache they are so only once the store has told of it. */
import type { Instance, InstanceStatus } from '../../resources/generated/types.ts'

export class Ahead {
  /** Of what is ready, by uid. */
  readonly #statuses = new Map<string, InstanceStatus>()

  set({ metadata }: Instance, status: InstanceStatus): void {
    this.#statuses.set(metadata.uid ?? '', status)
  }

  /** What the cache has of it holds again. */
  drop({ metadata }: Instance): void {
    this.#statuses.delete(metadata.uid ?? '')
  }

  /** `cached` as it will be. Its metadata and spec are others' to say. */
  of(cached: Instance): Instance {
    const status = this.#statuses.get(cached.metadata.uid ?? '')
    if (status === undefined) return cached
    if (!isTold(cached, status)) return { ...cached, status }
    this.drop(cached)
    return cached
  }

  /** Forgets all others. */
  keep(uids: ReadonlySet<string>): void {
    for (const uid of this.#statuses.keys()) if (!uids.has(uid)) this.#statuses.delete(uid)
  }
}

function isTold({ status }: Instance, { readySince = '' }: InstanceStatus): boolean {
  return status?.ready === true && (status.readySince ?? '') >= readySince
}
