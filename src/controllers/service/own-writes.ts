/** A Service's status as this process wrote it, for as long as the cache still has an older one. */
import { deepEqual } from '../../core/json.ts'
import type { Service, ServiceStatus } from '../../resources/generated/types.ts'
import type { ObjectRef } from '../../resources/object.ts'

interface Written {
  readonly uid: string | undefined
  readonly status: ServiceStatus
}

/**
 * The leader alone writes the status of Services, and remembers in it what it decided: judged by an older one it would take back
 * what it has just done, and tell it twice.
 */
export class OwnWrites {
  readonly #written = new Map<string, Written>()

  /** The Service with the newest status that is known of it. */
  newest(ref: ObjectRef, cached: Service | undefined): Service | undefined {
    const written = this.#written.get(keyOf(ref))
    if (written === undefined) return cached
    const isOther = cached === undefined || cached.metadata.uid !== written.uid
    if (!isOther && !deepEqual(cached.status, written.status)) return { ...cached, status: written.status }
    this.#written.delete(keyOf(ref))
    return cached
  }

  wrote(ref: ObjectRef, service: Service, status: ServiceStatus): void {
    this.#written.set(keyOf(ref), { uid: service.metadata.uid, status })
  }
}

function keyOf({ namespace, name }: ObjectRef): string {
  return `${namespace}/${name}`
}
