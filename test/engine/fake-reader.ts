/** A scriptable stand-in for the api's reading side: what is stored, what has changed, and how it fails. */
import type { ReadScope, ResourceBatch, ResourceChange } from '../../src/api/api.ts'
import type { JsonObject } from '../../src/core/json.ts'
import type { WatchableReader } from '../../src/engine/informer.ts'
import type { Kind } from '../../src/resources/kinds.ts'
import type { AnyResource, ObjectMeta, ObjectRef } from '../../src/resources/object.ts'

export function object(
  kind: string,
  name: string,
  extra: { readonly metadata?: Partial<ObjectMeta>; readonly spec?: JsonObject } = {},
): AnyResource {
  const metadata = { name, namespace: 'default', uid: `uid-${kind}-${name}`, ...extra.metadata }
  return { apiVersion: 'nsctl.dev/v1alpha1', kind, metadata, spec: extra.spec ?? {} }
}

export function ref(kind: string, name: string, namespace = 'default'): ObjectRef {
  return { kind, namespace, name }
}

export class FakeReader implements WatchableReader {
  readonly kinds = { byKind: (kind: string) => ({ kind, plural: `${kind.toLowerCase()}s` }) as Kind }
  /** Thrown by every list and watch while it is set. */
  outage: Error | undefined
  lists = 0
  watches: { readonly from: number; readonly kinds: readonly string[]; readonly scope?: ReadScope }[] = []
  revision = 1
  readonly #objects = new Map<string, AnyResource>()
  readonly #log: ResourceChange[] = []
  readonly #wakes = new Set<() => void>()
  #forgottenUntil = 0

  put(one: AnyResource): AnyResource {
    this.revision++
    const stored = { ...one, metadata: { ...one.metadata, resourceVersion: String(this.revision) } }
    const { namespace = '', name } = one.metadata
    this.#objects.set(`${one.kind}/${namespace}/${name}`, stored)
    this.#record({
      kind: 'put',
      object: stored,
      ref: ref(one.kind, name, namespace),
      revision: this.revision,
    })
    return stored
  }

  remove(kind: string, name: string, namespace = 'default'): void {
    this.revision++
    this.#objects.delete(`${kind}/${namespace}/${name}`)
    this.#record({ kind: 'delete', ref: ref(kind, name, namespace), revision: this.revision })
  }

  /** From now on a watch from any earlier revision has to relist. */
  forgetHistory(): void {
    this.#forgottenUntil = this.revision
  }

  /** Makes running watches fail (with `outage`) or end (without). */
  breakWatches(): void {
    this.#broken++
    for (const wake of this.#wakes) wake()
  }
  #broken = 0

  #record(change: ResourceChange): void {
    this.#log.push(change)
    for (const wake of this.#wakes) wake()
  }

  async listAll(kinds: readonly Kind[]) {
    this.lists++
    await Promise.resolve()
    if (this.outage) throw this.outage
    const lists = kinds.map(({ kind }) => [...this.#objects.values()].filter((one) => one.kind === kind))
    return { lists, revision: this.revision }
  }

  async *watch(
    kinds: readonly Kind[],
    from: number,
    signal: AbortSignal,
    scope?: ReadScope,
  ): AsyncIterable<ResourceBatch> {
    const names = kinds.map(({ kind }) => kind)
    this.watches.push({ from, kinds: names, ...(scope && { scope }) })
    if (this.outage) throw this.outage
    if (from < this.#forgottenUntil) {
      yield { kind: 'relist', revision: this.revision }
      return
    }
    const broken = this.#broken
    let seen = from
    while (!signal.aborted) {
      const changes = this.#log.filter((one) => one.revision > seen && names.includes(one.ref.kind))
      if (broken !== this.#broken) {
        if (this.outage) throw this.outage
        return
      }
      seen = this.revision
      if (changes.length > 0) yield { kind: 'changes', changes, revision: seen }
      else await this.#woken(signal)
    }
  }

  #woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakes.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#wakes.add(wake)
      signal.addEventListener('abort', wake)
    })
  }
}
