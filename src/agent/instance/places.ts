/**
 * Which instance has which unit. Two Instances of one ordinal and template (the one before ends, its successor waits) name the
 * same programs: of them the one that came first has the place, until it is gone from the store.
 */
import type { ObjectCache } from '../../engine/cache.ts'
import type { Instance } from '../../resources/generated/types.ts'
import type { ObjectRef } from '../../resources/object.ts'
import type { InstanceRecord, ProgramRecord } from './record.ts'

export interface Place {
  readonly ref: ObjectRef
  readonly record: InstanceRecord
  readonly program: ProgramRecord
}

export class Places {
  readonly #cache: Pick<ObjectCache, 'byOwner'>
  readonly #byProgram = new Map<string, Place>()

  constructor(cache: Pick<ObjectCache, 'byOwner'>) {
    this.#cache = cache
  }

  /** By the program's key. */
  get all(): ReadonlyMap<string, Place> {
    return this.#byProgram
  }

  /** Takes the instance's place, unless one that came before it still has it. */
  claim(ref: ObjectRef, instance: Instance, record: InstanceRecord): void {
    if (this.predecessor(instance) !== undefined) return
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

  /** Whether all programs of that name are this instance's. */
  isIn(record: InstanceRecord): boolean {
    return record.programs.every(({ key }) => this.holds(record, key))
  }

  predecessor(instance: Instance): Instance | undefined {
    return this.siblings(instance).find((one) => one.spec.attempt < instance.spec.attempt)
  }

  /** Other instances whose units would have the same names as this one's. */
  siblings(instance: Instance): readonly Instance[] {
    const { service, ordinal, templateHash } = instance.spec
    const owner = instance.metadata.ownerReferences?.[0]?.uid
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
