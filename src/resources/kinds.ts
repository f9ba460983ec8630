/** What nsctl knows of a kind, read off its CustomResourceDefinition. The registry is the only way to learn about kinds. */
import type { Path } from '../core/json.ts'
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
  /** Objects of this kind belong to the node that `spec.node` names and are stored under it, status apart from spec. */
  readonly perNode: boolean
  /** Written by nsctl only: refused in manifests. */
  readonly internal: boolean
  /** Every change of spec is kept as a revision and can be rolled back to. */
  readonly revisioned: boolean
  readonly hasStatus: boolean
  /** `.spec.replicas` where the kind has the scale subresource. */
  readonly scalePath: Path | undefined
  readonly description: string
  /** openAPIV3Schema of the whole object, without apiVersion, kind and metadata. */
  readonly schema: JsonSchema
  readonly columns: readonly PrinterColumn[]
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
   * The object with the schema's defaults; itself where none is missing. A copy along what is filled in, which shares the rest
   * with `object`. Call it before `validate`. Takes down in `notes` what it fills in.
   */
  withDefaults<T>(object: T, notes?: FilledNotes): T
}

export interface KindRegistry {
  /** All kinds, our own first, in order of name. */
  all(): readonly Kind[]
  /** By exact kind: `Service`. Throws a Bug where it is not there: for kinds that the code itself names. */
  byKind(kind: string): Kind
  /** By what a manifest says. Undefined where there is none; aliases (keda.sh) are resolved. */
  byApiVersion(apiVersion: string, kind: string): Kind | undefined
  /** By what a person types: `svc`, `service`, `services`, `services.nsctl.dev`, any case. */
  byName(name: string): Kind | undefined
  /** Known names nearest to `name`, best first, at most three; for "did you mean". */
  near(name: string): readonly string[]
}
