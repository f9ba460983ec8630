/** The api over a store: every part of this folder behind the one interface. */
import type { Clock } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import type { Ids } from '../core/ids.ts'
import type { Json, JsonObject } from '../core/json.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import type { Kind } from '../resources/kinds.ts'
import { type AnyResource, DEFAULT_NAMESPACE, type ObjectRef, type Resource } from '../resources/object.ts'
import { loadKindRegistry } from '../resources/registry.ts'
import type { Fence } from '../store/lease.ts'
import type { Store } from '../store/store.ts'
import { storeOfTerm } from '../store/term.ts'
import { faultsError } from './admission/faults.ts'
import { identify } from './admission/identify.ts'
import type * as port from './api.ts'
import type { SeenRef } from './api.ts'
import { applySet } from './apply.ts'
import { readAudit } from './audit.ts'
import { auditSuffixes, type Context } from './context.ts'
import * as control from './control.ts'
import { deleteObject } from './delete.ts'
import { editObject } from './edit.ts'
import { EventRecorder } from './events.ts'
import { Janitor } from './expire.ts'
import { LiveKinds, type LoadKinds } from './live-kinds.ts'
import { isMarkable, markObject } from './mark.ts'
import { listObjects, readStored, targetOf, watchObjects } from './reader.ts'
import { readHistory } from './revisions.ts'
import { decidePatch, decideReplace, decideRollback, decideScale, decideTrust } from './verbs.ts'
import { shown } from './versions.ts'

export interface ApiOptions {
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly logger?: Logger
  /** The node that this process is the agent of, where its credential reaches no more than that (store/node-reach.ts). */
  readonly node?: string
  /** The kinds that there are, given the users' definitions; our registry where left out. */
  readonly loadKinds?: LoadKinds
}

/** Opens the api. Reads and writes nothing yet: users' kinds are read when one is asked for that is not ours. */
export async function openApi(options: ApiOptions): Promise<port.ResourceApi> {
  const { store, clock, ids, logger = silentLogger, node, loadKinds = loadKindRegistry } = options
  const kinds = await LiveKinds.open(store, loadKinds)
  const nextAuditSuffix = auditSuffixes(ids)
  const context: Context = {
    ...{ store, kinds, clock, ids, nextAuditSuffix, logger, fence: [] },
    ...(node === undefined ? {} : { node }),
  }
  return new StoreApi(context, new EventRecorder(context), new Janitor(clock))
}

class StoreApi implements port.ResourceApi {
  readonly #context: Context
  readonly #events: EventRecorder
  readonly #janitor: Janitor

  constructor(context: Context, events: EventRecorder, janitor: Janitor) {
    this.#context = context
    this.#events = events
    this.#janitor = janitor
  }

  get kinds(): LiveKinds {
    return this.#context.kinds
  }

  refreshKinds(): Promise<void> {
    return this.#context.kinds.refresh()
  }

  async get<T extends Resource = AnyResource>(ref: ObjectRef): Promise<T | undefined> {
    const target = await targetOf(this.#context, ref)
    const stored = await readStored(this.#context, target)
    return stored && (shown(target.kind, stored.object) as Resource as T)
  }

  async list<T extends Resource = AnyResource>(
    kind: Kind,
    scope?: port.ReadScope,
  ): Promise<port.ListResult<T>> {
    const { lists, revision } = await listObjects(this.#context, [kind], scope)
    return { items: (lists[0] ?? []) as readonly unknown[] as readonly T[], revision }
  }

  listAll(kinds: readonly Kind[], scope?: port.ReadScope): ReturnType<port.ResourceReader['listAll']> {
    return listObjects(this.#context, kinds, scope)
  }

  watch(
    kinds: readonly Kind[],
    from: number,
    signal: AbortSignal,
    scope?: port.WatchScope,
  ): AsyncIterable<port.ResourceBatch> {
    return watchObjects(this.#context, kinds, from, signal, scope)
  }

  async history(ref: ObjectRef): Promise<readonly port.RevisionRecord[]> {
    const records = await readHistory(this.#context.store, await targetOf(this.#context, ref))
    return records.map(({ kept: _, ...record }) => record)
  }

  audit(options?: {
    readonly ref?: ObjectRef
    readonly limit?: number
  }): Promise<readonly port.AuditRecord[]> {
    return readAudit(this.#context, options)
  }

  apply(manifests: readonly port.Manifest[], options: port.ApplyOptions): Promise<port.ApplyResult> {
    return applySet(this.#context, manifests, options, 'apply')
  }

  async create(manifest: port.Manifest, options: port.ApplyOptions): Promise<port.ChangeResult> {
    const { results } = await applySet(this.#context, [manifest], { ...options, partial: false }, 'create')
    const [result] = results
    if (result === undefined) throw new NsctlError('Bug', 'creating one object gave no result')
    return result
  }

  async replace(
    object: AnyResource,
    options: port.ApplyOptions & { readonly verb?: port.Verdict },
  ): Promise<port.ChangeResult> {
    const manifest = { object, source: String(object.metadata?.name ?? 'object') }
    let identified = identify(manifest, this.kinds, options.namespace)
    if (identified.kind === 'unknown kind') {
      await this.kinds.refresh()
      identified = identify(manifest, this.kinds, options.namespace)
    }
    if (identified.kind !== 'candidate') throw faultsError([identified.fault], 'nothing was changed')
    const { kind, namespace = DEFAULT_NAMESPACE, name } = identified.candidate.target
    const ref = { kind: kind.kind, namespace, name, version: kind.version }
    return editObject(this.#context, ref, options, decideReplace(object, options.verb ?? 'edited'))
  }

  async patch(
    ref: ObjectRef,
    type: port.PatchType,
    patch: Json,
    options: port.ApplyOptions & { readonly verb?: port.Verdict },
  ): Promise<port.ChangeResult> {
    const decide = decidePatch(type, patch, options.verb ?? 'patched')
    const target = await targetOf(this.#context, ref)
    if (isMarkable(target)) return markObject(this.#context, target, options, decide)
    return editObject(this.#context, ref, options, decide)
  }

  scale(
    ref: ObjectRef,
    replicas: number,
    options: port.ApplyOptions & { readonly expectCurrent?: number },
  ): Promise<port.ChangeResult> {
    return editObject(this.#context, ref, options, decideScale(replicas, options.expectCurrent))
  }

  rollback(
    ref: ObjectRef,
    options: port.ApplyOptions & { readonly toRevision?: number },
  ): Promise<port.ChangeResult> {
    return editObject(this.#context, ref, options, decideRollback(this.#context, options.toRevision))
  }

  delete(ref: ObjectRef, options: port.DeleteOptions): Promise<port.ChangeResult> {
    return deleteObject(this.#context, ref, options)
  }

  trustNode(
    name: string,
    choose: (node: AnyResource) => string,
    options: Pick<port.ApplyOptions, 'actor' | 'dryRun'>,
  ): Promise<port.ChangeResult> {
    const how = { ...options, allowsInternal: true }
    return editObject(this.#context, { kind: 'Node', name }, how, decideTrust(choose))
  }

  createOwned(objects: readonly AnyResource[]): Promise<void> {
    return control.createOwned(this.#context, objects)
  }

  updateStatus(ref: SeenRef, status: Json): Promise<void> {
    return control.updateStatus(this.#context, ref, status)
  }

  amendStatus(ref: SeenRef, amend: (status: Json | undefined) => Json): Promise<void> {
    return control.amendStatus(this.#context, ref, amend)
  }

  updateOwned(ref: SeenRef, change: (spec: JsonObject) => JsonObject): Promise<void> {
    return control.updateOwned(this.#context, ref, change)
  }

  requestDelete(ref: SeenRef): Promise<void> {
    return control.requestDelete(this.#context, ref)
  }

  removeFinalizer(ref: SeenRef, finalizer: string): Promise<void> {
    return control.removeFinalizer(this.#context, ref, finalizer)
  }

  takeFields(ref: ObjectRef, manager: string, fields: readonly string[]): Promise<void> {
    return control.takeFields(this.#context, ref, manager, fields)
  }

  async recordEvent(event: port.EventInput): Promise<void> {
    this.#events.record(event)
  }

  flush(): Promise<void> {
    return this.#events.flush()
  }

  ensure(object: AnyResource): Promise<AnyResource> {
    return control.ensure(this.#context, object)
  }

  expire(): Promise<{ readonly events: number; readonly audit: number }> {
    return this.#janitor.expire(this.#context)
  }

  fenced(fence: Fence, lost?: AbortSignal): port.ResourceApi {
    const { store } = this.#context
    return new StoreApi(
      {
        ...this.#context,
        ...(lost && { store: storeOfTerm(store, lost) }),
        fence: [...this.#context.fence, ...fence],
      },
      this.#events,
      this.#janitor,
    )
  }
}
