/**
 * The one way in: every read and every change of a resource, by people, controllers and agents, goes through this.
 * Implemented by `openApi` in this folder, over any store.
 */
import type { Json, JsonObject, Path } from '../core/json.ts'
import type { Kind, KindRegistry } from '../resources/kinds.ts'
import type { Manifest, SourceLocation } from '../resources/manifest.ts'
import type { AnyResource, ObjectRef, Resource } from '../resources/object.ts'
import type { Fence } from '../store/lease.ts'

/** Who does it and where it came from: recorded in revisions and audit. Until there is a server, `name` is as claimed. */
export interface Actor {
  readonly name: string
  /** `file shop/web.yaml`, `git 3f9c2e1 (shop/web.yaml)`, `stdin`, `controller service`. */
  readonly from?: string
}

export type { Manifest, SourceLocation }

export interface FieldChange {
  readonly path: Path
  readonly from?: Json
  readonly to?: Json
}

export type Verdict =
  | 'created'
  | 'configured'
  | 'unchanged'
  | 'deleted'
  | 'scaled'
  | 'rolled back'
  | 'restarted'
  | 'paused'
  | 'resumed'
  | 'promoted'
  | 'aborted'
  | 'labeled'
  | 'annotated'
  | 'patched'
  | 'edited'
  | 'rotated'
  | 'rekeyed'
  | 'trusted'
  | 'cordoned'
  | 'uncordoned'
  | 'draining'
  | 'tainted'
  | 'untainted'

export interface ChangeResult {
  readonly verdict: Verdict
  readonly kind: Kind
  /** The object as it is now stored (or would be, in a dry run). */
  readonly object: AnyResource
  readonly before?: AnyResource
  /** What changed in spec, labels and annotations. */
  readonly changes: readonly FieldChange[]
  /** Said to the user: `spec.replicas is owned by scaledobject/web and stays 7`. */
  readonly warnings: readonly string[]
}

/** One of several manifests that failed while others went through (`partial`). */
export interface FailedManifest {
  readonly manifest: Manifest
  readonly error: Error
}

export interface ApplyOptions {
  readonly actor: Actor
  /** Nothing is written; the result says what would be. */
  readonly dryRun?: boolean
  /** Commit what is right even where other documents are wrong. */
  readonly partial?: boolean
  /** The namespace of manifests that name none; `default` where left out. Kinds of cluster scope ignore it. */
  readonly namespace?: string
}

export interface ApplyResult {
  readonly results: readonly ChangeResult[]
  /** Only with `partial`; otherwise a fault throws before anything is written. */
  readonly failed: readonly FailedManifest[]
}

export interface ListResult<T extends Resource = AnyResource> {
  readonly items: readonly T[]
  /** Watch from here. */
  readonly revision: number
}

export type ResourceChange =
  | { readonly kind: 'put'; readonly object: AnyResource; readonly ref: ObjectRef; readonly revision: number }
  | { readonly kind: 'delete'; readonly ref: ObjectRef; readonly revision: number }

export type ResourceBatch =
  | { readonly kind: 'changes'; readonly changes: readonly ResourceChange[]; readonly revision: number }
  | { readonly kind: 'relist'; readonly revision: number }

/** Narrows lists and watches to what belongs to one node (kinds with `perNode`) or to one namespace. */
export interface ReadScope {
  readonly namespace?: string
  readonly node?: string
}

export interface WatchScope extends ReadScope {
  /** May be told a second late while others write much: see the store's `WatchOptions`. */
  readonly patient?: boolean
}

export interface RevisionRecord {
  /** n of rN. */
  readonly revision: number
  readonly generation: number
  readonly spec: Json
  readonly by: string
  readonly from?: string
  readonly at: string
  /** `applied`, `rolled back to r6`, `restarted`, `edited`. */
  readonly cause: string
  readonly changes: readonly FieldChange[]
}

export interface AuditRecord {
  readonly at: string
  readonly by: string
  readonly from?: string
  readonly verb: string
  readonly object: ObjectRef
  readonly revision?: number
}

export interface EventInput {
  readonly about: ObjectRef & { readonly uid?: string }
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly source: string
}

export type PatchType = 'merge' | 'json' | 'strategic'

export interface ResourceReader {
  /** Always the newest: keeps answering after `refreshKinds`. Knows our own kinds at once, users' kinds once refreshed. */
  readonly kinds: KindRegistry
  /** Reads the users' CustomResourceDefinitions. Call it when a name is not known, then ask `kinds` again. */
  refreshKinds(): Promise<void>
  /** Undefined where there is no such object. */
  get<T extends Resource = AnyResource>(ref: ObjectRef): Promise<T | undefined>
  list<T extends Resource = AnyResource>(kind: Kind, scope?: ReadScope): Promise<ListResult<T>>
  /** Several kinds in one snapshot, in the order of `kinds`. */
  listAll(
    kinds: readonly Kind[],
    scope?: ReadScope,
  ): Promise<{ readonly lists: readonly (readonly AnyResource[])[]; readonly revision: number }>
  watch(
    kinds: readonly Kind[],
    from: number,
    signal: AbortSignal,
    scope?: WatchScope,
  ): AsyncIterable<ResourceBatch>
  /** Newest first. */
  history(ref: ObjectRef): Promise<readonly RevisionRecord[]>
  audit(options?: { readonly ref?: ObjectRef; readonly limit?: number }): Promise<readonly AuditRecord[]>
}

/** What people do. Everything is admitted (validated, defaulted, constrained), recorded and, where spec moves, revisioned. */
export interface ResourceEditor {
  /**
   * Three-way merge of manifests; validated all or nothing, then each object is committed atomically by itself, those that exchange what only one
   * may have at once.
   */
  apply(manifests: readonly Manifest[], options: ApplyOptions): Promise<ApplyResult>
  /** As apply, without last-applied bookkeeping; AlreadyExists where it is there. */
  create(manifest: Manifest, options: ApplyOptions): Promise<ChangeResult>
  /** Replaces labels, annotations and spec by those of `object`; its resourceVersion must still hold. For edit. */
  replace(object: AnyResource, options: ApplyOptions & { readonly verb?: Verdict }): Promise<ChangeResult>
  /** Of an Instance, which nsctl writes, the one annotation that people set: `nsctl.dev/busy`. */
  patch(
    ref: ObjectRef,
    type: PatchType,
    patch: Json,
    options: ApplyOptions & { readonly verb?: Verdict },
  ): Promise<ChangeResult>
  /** Changes spec.replicas (the kind's scale path) only: generation moves, revision does not. */
  scale(
    ref: ObjectRef,
    replicas: number,
    options: ApplyOptions & { readonly expectCurrent?: number },
  ): Promise<ChangeResult>
  /** Makes a new revision out of an old one; the last but one where `toRevision` is left out. */
  rollback(ref: ObjectRef, options: ApplyOptions & { readonly toRevision?: number }): Promise<ChangeResult>
  delete(ref: ObjectRef, options: DeleteOptions): Promise<ChangeResult>
  /**
   * Pins the age key that Secrets are sealed to for a node: what `choose` makes of the node as it is. The one thing that people
   * change of a Node.
   */
  trustNode(
    name: string,
    choose: (node: AnyResource) => string,
    options: Pick<ApplyOptions, 'actor' | 'dryRun'>,
  ): Promise<ChangeResult>
}

export interface DeleteOptions {
  readonly actor: Actor
  readonly dryRun?: boolean
  /** `background` (default): what it owns goes with it. `orphan`: what it owns stays. */
  readonly cascade?: 'background' | 'orphan'
  /** Also remove the data in its storage, for good. */
  readonly purge?: boolean
  /** Only this object, not a later one of the same name. */
  readonly uid?: string
}

/** What a controller or an agent means to write: an object that it has seen. */
export interface SeenRef extends ObjectRef {
  /** Only this object, not a later one of the same name. */
  readonly uid?: string
  /** Of an object with that uid of a kind that belongs to nodes: where it is, which saves looking that up. */
  readonly node?: string
  /** Of an object whose status lies apart: it had none when it was seen. */
  readonly isWithoutStatus?: true
}

/**
 * What controllers and agents do: writes that carry no revision. All are fenced where the api was opened with a fence, and
 * write nothing where nothing would change.
 */
export interface ResourceController {
  /** Makes owned objects (Instances, Volumes), several in one durable write. One that is there already is left alone. */
  createOwned(objects: readonly AnyResource[]): Promise<void>
  /**
   * Replaces status as a whole. Conflicts are retried inside on the newest object: the writer owns its status. Where the
   * object (with that uid) is gone there is nothing to write, and that is no error.
   */
  updateStatus(ref: SeenRef, status: Json): Promise<void>
  /**
   * As updateStatus, for a status that several write: `amend` makes the new one of the newest, keeps what is not its own, and may be
   * called several times.
   */
  amendStatus(ref: SeenRef, amend: (status: Json | undefined) => Json): Promise<void>
  /**
   * Changes the spec of what nsctl makes (of kinds without revisions): `change` says what becomes of the newest, itself where nothing
   * does. Where the object (with that uid) is gone there is nothing to write.
   */
  updateOwned(ref: SeenRef, change: (spec: JsonObject) => JsonObject): Promise<void>
  /** Asks for deletion: sets deletionTimestamp where there are finalizers, removes it at once where there are none. */
  requestDelete(ref: SeenRef): Promise<void>
  /** Removes one finalizer, and the object with the last of them once deletion was asked for. */
  removeFinalizer(ref: SeenRef, finalizer: string): Promise<void>
  /** Marks fields as owned by `manager` (an empty list gives them back): applying a manifest leaves them alone. */
  takeFields(ref: ObjectRef, manager: string, fields: readonly string[]): Promise<void>
  /**
   * Counts equal events in one; never throws for a store that is away: events are news, not state. Resolves once the event
   * is noted; it is written within about 200 ms, or by `flush`. Not fenced: what a deposed leader saw still happened.
   */
  recordEvent(event: EventInput): Promise<void>
  /** Writes the events that are noted and not yet written. Call it before the store is closed. */
  flush(): Promise<void>
  /** Makes sure that the object is there as given (spec compared), for nsctl's own: the Node, namespace default. */
  ensure(object: AnyResource): Promise<AnyResource>
}

/** Retention; skips a pass after the wall clock has jumped. Returns what it removed, by what it was. */
export interface ResourceJanitor {
  expire(): Promise<{ readonly events: number; readonly audit: number }>
}

export interface ResourceApi extends ResourceReader, ResourceEditor, ResourceController, ResourceJanitor {
  /** The same api whose writes are refused (code Fenced) once another holds the lease, and which asks nothing more of the store once `lost` has aborted. */
  fenced(fence: Fence, lost?: AbortSignal): ResourceApi
}

/** Finalizers that nsctl uses. */
export const FINALIZERS = {
  /** On Instances: the agent stops the programs first. */
  runtime: 'nsctl.dev/runtime',
  /** On the runs of Jobs: how they ended is counted in the Job's status first. */
  job: 'nsctl.dev/job',
  /** On Volumes: the agent removes the data first. */
  data: 'nsctl.dev/data',
  /** On Services and Nodes that are deleted with --purge: their Volumes go first. */
  purge: 'nsctl.dev/purge',
  /** On ScaledObjects that have taken over a Service: its number is given back first. */
  scale: 'nsctl.dev/scale',
  /** On Nodes that are deleted: what was on them goes first. */
  node: 'nsctl.dev/node',
  /** On Services, Namespaces and all that owns others: what is owned goes first. */
  children: 'nsctl.dev/children',
} as const
