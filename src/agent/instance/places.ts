/**
 * Which instance has which unit. Two Instances of one ordinal and template (the one before ends, its successor waits) name the
 * same programs: of them the one that came first has the place, until it is gone from the store.
 */
import type { ObjectCache } from '../../engine/cache.ts'
import type { Instance } from '../../resources/generated/types.ts'
import { type ObjectRef, refText } from '../../resources/object.ts'
import type { InstanceRecord, ProgramRecord } from './record.ts'

export interface Place {
  readonly ref: ObjectRef
  readonly record: InstanceRecord
  readonly program: ProgramRecord
}

export class Places {
  readonly #cache: Pick<ObjectCache, 'byOwner' | 'get'>
  readonly #byProgram = new Map<string, Place>()

  constructor(cache: Pick<ObjectCache, 'byOwner' | 'get'>) {
    this.#cache = cache
  }

  /** By the program's key. */
  get all(): ReadonlyMap<string, Place> {
    return this.#byProgram
  }

  /** Takes the instance's place, unless one that came before it still has it. */
  claim(ref: ObjectRef, instance: Instance, record: InstanceRecord): void {
    if (this.predecessor(instance, record) !== undefined) return
    for (const program of record.programs) {
      if (!this.holds(record, program.key)) this.#byProgram.set(program.key, { ref, record, program })
    }
  }

  release(record: InstanceRecord): void {
    for (const { key } of record.programs) if (this.holds(record, key)) this.#byProgram.delete(key)
  }

  holds(record: InstanceRecord, programKey: string): boolean {
    return this.#byProgram.get(programKey)?.record === record
  }

  /** What the first instance that has a place and matches is called, `instance/web-0-k2p9x`, for people. */
  nameOf(isMeant: (record: InstanceRecord) => boolean): string | undefined {
    for (const { ref, record } of this.#byProgram.values()) if (isMeant(record)) return refText(ref)
    return undefined
  }

  /** Whether all programs of that name are this instance's. */
  isIn(record: InstanceRecord): boolean {
    return record.programs.every(({ key }) => this.holds(record, key))
  }

  /** The instance that has the place before this one: of the same owner by its attempt, of another by having it already. */
  predecessor(instance: Instance, record: InstanceRecord): Instance | undefined {
    const earlier = this.siblings(instance).find((one) => one.spec.attempt < instance.spec.attempt)
    return earlier ?? this.#strangerInPlace(instance, record)
  }

  /** An orphan of an earlier Service of the same name and template runs under the same names. */
  #strangerInPlace(instance: Instance, record: InstanceRecord): Instance | undefined {
    for (const { key } of record.programs) {
      const place = this.#byProgram.get(key)
      if (place === undefined || place.record === record) continue
      const holder = this.#cache.get<Instance>(place.ref)
      if (holder?.metadata.uid === place.record.uid && ownerOf(holder) !== ownerOf(instance)) return holder
    }
    return undefined
  }

  /** Other instances whose units would have the same names as this one's. */
  siblings(instance: Instance): readonly Instance[] {
    const { service, ordinal, templateHash } = instance.spec
    const owner = ownerOf(instance)
    if (owner === undefined) return []
    return (this.#cache.byOwner(owner) as unknown as readonly Instance[]).filter(
      (one) =>
        one.kind === 'Instance' &&
        one.spec.ordinal === ordinal &&
        one.spec.templateHash === templateHash &&
        one.spec.service === service &&
        one.metadata.uid !== instance.metadata.uid,
    )
  }
}

function ownerOf(instance: Instance): string | undefined {
  return instance.metadata.ownerReferences?.[0]?.uid
}
