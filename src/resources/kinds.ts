/** What nsctl knows of a kind, read off its CustomResourceDefinition. The registry is the only way to learn about kinds. */
import type { Path } from '../core/json.ts'
import type { AnyResource } from './object.ts'
import type { JsonSchema } from './schema.ts'
import type { FilledNotes } from './validation/filled.ts'

export type Scope = 'Cluster' | 'Namespaced'

export interface PrinterColumn {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  /** kubectl's JSONPath, relative to the object: `.status.readyReplicas`. */
  readonly jsonPath: string
  readonly description?: string
  /** 0 is always shown, more only with -o wide. */
  readonly priority?: number
}

/** The message where a member stands that the kind does not have. */
export const UNKNOWN_FIELD = 'unknown field'

/** One thing wrong with an object. */
export interface FieldIssue {
  readonly path: Path
  /** `unknown field`, `must be at least 0, not -1`. No full stop, and not the path again. */
  readonly message: string
  readonly value?: unknown
  /** The nearest name that is known: `memory`. */
  readonly suggestion?: string
}

export interface Kind {
  readonly group: string
  readonly version: string
  /** `group/version`. */
  readonly apiVersion: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly scope: Scope
  /** Objects of this kind belong to the node that `spec.node` names and are stored under it. */
  readonly perNode: boolean
  /** Status is stored under a key of its own, apart from metadata and spec: others may write the one than the other. True with `perNode`. */
  readonly statusApart: boolean
  /** Written by nsctl only: refused in manifests. */
  readonly internal: boolean
  /** Every change of spec is kept as a revision and can be rolled back to. */
  readonly revisioned: boolean
  readonly hasStatus: boolean
  /** `.spec.replicas` where the kind has the scale subresource. */
  readonly scalePath: Path | undefined
  readonly description: string
  /** Whether a status is one that others can compute with: see validation/shape.ts. */
  hasStatusShape(status: unknown): boolean
  /** openAPIV3Schema of the whole object, without apiVersion, kind and metadata. */
  readonly schema: JsonSchema
  readonly columns: readonly PrinterColumn[]
  /** False for a version that only serves to read what is stored in it. */
  readonly isServed: boolean
  /** What is said to who still uses this version: `example.org/v1alpha1 Widget is deprecated`. */
  readonly deprecation: string | undefined
  /** Undefined where the kind has one version, as most do: then there is nothing to convert. */
  readonly family: KindFamily | undefined
  /**
   * Loads what `validate` needs: precompiled for our own kinds, compiled for the user's. Await it before the first
   * `validate`; resolves at once after that. Throws Invalid where a user's schema cannot be compiled.
   */
  prepare(): Promise<void>
  /**
   * What is wrong with an object of this kind, in the order of the document: its metadata, its schema (unknown fields
   * included), the constraints between fields. Throws a Bug before `prepare` has resolved. Does not change the object.
   */
  validate(object: unknown): readonly FieldIssue[]
  /**
   * Why `before` must not become `after`, which `validate` has found right: a field that stays as it is once it is written. Throws a
   * Bug before `prepare` has resolved.
   */
  validateChange(before: unknown, after: unknown): readonly FieldIssue[]
  /**
   * What of an object that `validate` has found right is accepted and does not act as written, each with its path. Throws a Bug before
   * `prepare` has resolved.
   */
  warnings(object: unknown): readonly string[]
  /**
   * The object with the schema's defaults; itself where none is missing. A copy along what is filled in, which shares the rest
   * with `object`. Call it before `validate`. Takes down in `notes` what it fills in.
   */
  withDefaults<T>(object: T, notes?: FilledNotes): T
}

export interface ConvertOptions {
  /**
   * Keeps what the version cannot say in any case, so that nothing of it is lost when the object is written: see
   * `KindFamily.forReading`.
   */
  readonly forWriting?: boolean
}

/** A kind with several versions. Objects are stored in one of them and can be read and written in each that is served. */
export interface KindFamily {
  /** The preferred one first: what is served, in Kubernetes' order of versions. */
  readonly versions: readonly Kind[]
  /** The one in which objects are written. */
  readonly storage: Kind
  /** The apiVersion of what is stored and does not say its own. */
  readonly firstStored: string
  /** The resourceVersion of the definition that says all this; undefined for our own kinds, and before it is stored. */
  readonly definedAt: string | undefined
  /** True for the apiVersion of one of `versions`. */
  knows(apiVersion: string): boolean
  /**
   * `object` in the version `to`; itself where it is in that. What `to` cannot say is kept in an annotation, and taken from
   * there on the way back, so that nothing is lost. Throws Unsupported for a version that is not one of these.
   */
  convert(object: AnyResource, to: Kind, options?: ConvertOptions): AnyResource
  /** `object` as it is shown: without annotations that only serve writing (conversion strategy None). */
  forReading(object: AnyResource): AnyResource
  /** True for an annotation of `convert`'s. */
  keeps(annotation: string, value: unknown): boolean
  /** `object` with those annotations of `live` that it lacks: what a version cannot say, a write in it leaves alone. */
  withKept(object: AnyResource, live: AnyResource): AnyResource
}

export interface KindRegistry {
  /** All kinds, our own first, in order of name; of those with several versions the preferred one. */
  all(): readonly Kind[]
  /** By exact kind: `Service`; the preferred version. Throws a Bug where it is not there: for kinds that the code itself names. */
  byKind(kind: string): Kind
  /** By what a manifest says, in that version. Undefined where there is none, or none served; aliases (keda.sh) are resolved. */
  byApiVersion(apiVersion: string, kind: string): Kind | undefined
  /** By what a person types: `svc`, `service`, `services`, `services.nsctl.dev`, `services.v1alpha1.nsctl.dev`, any case. */
  byName(name: string): Kind | undefined
  /** Known names nearest to `name`, best first, at most three; for "did you mean". */
  near(name: string): readonly string[]
}
