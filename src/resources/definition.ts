/** From a CustomResourceDefinition to a Kind: ours (generated data) and the user's alike. */

import { NsctlError } from '../core/errors.ts'
import type { Path } from '../core/json.ts'
import type { DeclaredConversion } from './conversion/rules.ts'
import type { FieldIssue, Kind, KindFamily, PrinterColumn, Scope } from './kinds.ts'
import type { JsonSchema } from './schema.ts'
import { compileDefaults, type DefaultsFiller } from './validation/defaults.ts'
import type { FilledNotes } from './validation/filled.ts'
import { schemaIssues, shapeIsSound } from './validation/issues.ts'
import { metadataIssues, type NameRule, nameRuleOf } from './validation/metadata.ts'
import { inDocumentOrder } from './validation/order.ts'
import type { SchemaValidator } from './validation/schema-errors.ts'
import { compileShape, type ShapeCheck } from './validation/shape.ts'

/** The part of a CustomResourceDefinition's spec that makes a kind, after defaults. */
export interface DefinitionSpec {
  readonly group: string
  readonly scope: Scope
  readonly names: {
    readonly kind: string
    readonly plural: string
    readonly singular?: string
    readonly shortNames?: readonly string[]
    readonly categories?: readonly string[]
  }
  readonly versions: readonly DefinitionVersion[]
  readonly conversion?: {
    readonly strategy: 'None' | 'Declared'
    readonly versions?: readonly DeclaredConversion[]
  }
  readonly perNode?: boolean
  readonly statusApart?: boolean
  readonly internal?: boolean
  readonly revisioned?: boolean
}

export interface DefinitionVersion {
  readonly name: string
  readonly served?: boolean
  /** True for exactly one of several; where there is one, it is that. */
  readonly storage?: boolean
  readonly deprecated?: boolean
  readonly deprecationWarning?: string
  readonly subresources?: {
    readonly status?: object
    readonly scale?: { readonly specReplicasPath: string; readonly statusReplicasPath?: string }
  }
  readonly additionalPrinterColumns?: readonly PrinterColumn[]
  readonly schema: { readonly openAPIV3Schema: JsonSchema }
}

/** One of nsctl's own kinds as generated: its schema is text, of which only the description is at hand. */
export interface BuiltInDefinition {
  readonly definition: { readonly metadata: { readonly name: string }; readonly spec: DefinitionSpec }
  /** Of the stored version. */
  readonly schemaText: string
  /** By version, of all others. */
  readonly otherSchemas?: Readonly<Record<string, string>>
}

/** What a kind gets from outside: its schema and validator when they are first needed, its own constraints. */
export interface KindParts {
  readonly loadSchema: () => JsonSchema
  readonly loadValidator: (schema: JsonSchema) => Promise<SchemaValidator>
  readonly loadConstraints?: () => Promise<Constraints>
  readonly loadChangeConstraints?: () => Promise<ChangeConstraints>
  readonly loadWarnings?: () => Promise<Warnings>
}

/** What a schema cannot say of a kind. Runs on objects that the schema has found right; pure. */
export type Constraints = (object: unknown) => readonly FieldIssue[]

/** What is wrong with a change of an object, both sides of which are right by themselves. Pure. */
export type ChangeConstraints = (before: unknown, after: unknown) => readonly FieldIssue[]

/** What of an object is accepted and does not act as written. Runs on objects that are right; pure. */
export type Warnings = (object: unknown) => readonly string[]

const NO_ISSUES: readonly FieldIssue[] = []
const NO_WARNINGS: readonly string[] = []

/** Where a definition has no columns. */
const DEFAULT_COLUMNS: readonly PrinterColumn[] = [
  { name: 'AGE', type: 'date', jsonPath: '.metadata.creationTimestamp' },
]

/** Makes one kind of several versions: `createFamily` of conversion/family.ts, which is loaded only where there are some. */
export type JoinVersions = (kinds: readonly Kind[]) => KindFamily

/** The kind in its preferred version; `join` is asked for where there are several. */
export function createKind(
  spec: DefinitionSpec,
  partsOf: (version: DefinitionVersion) => KindParts,
  join?: JoinVersions,
): Kind {
  const kinds = spec.versions.map((version) => new DefinedKind(spec, version, partsOf(version)))
  const [only] = kinds
  if (only === undefined) throw new NsctlError('Bug', `the definition of ${spec.names.kind} has no version`)
  if (kinds.length === 1) return only
  if (join === undefined)
    throw new NsctlError(
      'Bug',
      `${spec.names.kind} has several versions, and what converts them is not loaded`,
    )
  const family = join(kinds)
  for (const kind of kinds) kind.family = family
  return family.versions[0]!
}

class DefinedKind implements Kind {
  readonly group: string
  readonly version: string
  readonly apiVersion: string
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly scope: Scope
  readonly perNode: boolean
  readonly statusApart: boolean
  readonly internal: boolean
  readonly revisioned: boolean
  readonly hasStatus: boolean
  readonly scalePath: Path | undefined
  readonly description: string
  readonly columns: readonly PrinterColumn[]
  readonly isServed: boolean
  readonly deprecation: string | undefined
  /** Set once, by `createKind`, when all versions are there. */
  family: KindFamily | undefined
  readonly #parts: KindParts
  readonly #nameRule: NameRule
  #schema: JsonSchema | undefined
  #statusShape: ShapeCheck | undefined
  /** Null where the schema has no defaults. */
  #fillDefaults: DefaultsFiller | null | undefined
  #prepared:
    | {
        readonly validator: SchemaValidator
        readonly constraints: Constraints | undefined
        readonly changeConstraints: ChangeConstraints | undefined
        readonly warnings: Warnings | undefined
      }
    | undefined

  constructor(spec: DefinitionSpec, version: DefinitionVersion, parts: KindParts) {
    this.group = spec.group
    this.version = version.name
    this.apiVersion = `${spec.group}/${version.name}`
    this.kind = spec.names.kind
    this.plural = spec.names.plural
    this.singular = spec.names.singular ?? spec.names.kind.toLowerCase()
    this.shortNames = spec.names.shortNames ?? []
    this.categories = spec.names.categories ?? []
    this.scope = spec.scope
    this.perNode = spec.perNode === true
    this.statusApart = spec.statusApart === true || this.perNode
    this.internal = spec.internal === true
    this.revisioned = spec.revisioned === true
    this.hasStatus = version.subresources?.status !== undefined
    this.scalePath = version.subresources?.scale?.specReplicasPath.split('.').slice(1)
    this.description = version.schema.openAPIV3Schema.description ?? ''
    this.columns = version.additionalPrinterColumns ?? DEFAULT_COLUMNS
    this.isServed = version.served !== false
    this.deprecation =
      version.deprecated === true
        ? (version.deprecationWarning ?? `${this.apiVersion} ${this.kind} is deprecated`)
        : undefined
    this.#parts = parts
    this.#nameRule = nameRuleOf(this)
  }

  hasStatusShape(status: unknown): boolean {
    this.#statusShape ??= compileShape(this.schema.properties?.status ?? {})
    return this.#statusShape(status)
  }

  get schema(): JsonSchema {
    this.#schema ??= this.#parts.loadSchema()
    return this.#schema
  }

  async prepare(): Promise<void> {
    if (this.#prepared) return
    const [validator, constraints, changeConstraints, warnings] = await Promise.all([
      this.#parts.loadValidator(this.schema),
      this.#parts.loadConstraints?.(),
      this.#parts.loadChangeConstraints?.(),
      this.#parts.loadWarnings?.(),
    ])
    this.#prepared = { validator, constraints, changeConstraints, warnings }
    // what is written in this version must be right in the stored one, too
    const storage = this.family?.storage
    if (storage !== undefined && storage !== (this as Kind)) await storage.prepare()
  }

  validate(object: unknown): readonly FieldIssue[] {
    if (this.#prepared === undefined)
      throw new NsctlError('Bug', `${this.kind} was validated before its prepare() had resolved`)
    const { validator, constraints } = this.#prepared
    const ofMetadata = metadataIssues(object, this.#nameRule, this.scope)
    const errors = validator(object) ? [] : (validator.errors ?? [])
    const ofSchema = errors.length === 0 ? [] : schemaIssues(errors, object, this.schema)
    const ofRules = constraints && shapeIsSound(errors) ? constraints(object) : []
    if (ofMetadata.length + ofSchema.length + ofRules.length === 0) return []
    return inDocumentOrder([...ofMetadata, ...ofSchema, ...ofRules], object)
  }

  validateChange(before: unknown, after: unknown): readonly FieldIssue[] {
    if (this.#prepared === undefined)
      throw new NsctlError('Bug', `a change of ${this.kind} was validated before its prepare() had resolved`)
    return this.#prepared.changeConstraints?.(before, after) ?? NO_ISSUES
  }

  warnings(object: unknown): readonly string[] {
    if (this.#prepared === undefined)
      throw new NsctlError('Bug', `${this.kind} was asked for warnings before its prepare() had resolved`)
    return this.#prepared.warnings?.(object) ?? NO_WARNINGS
  }

  withDefaults<T>(object: T, notes?: FilledNotes): T {
    if (this.#fillDefaults === undefined) this.#fillDefaults = compileDefaults(this.schema) ?? null
    return this.#fillDefaults === null ? object : (this.#fillDefaults(object, notes) as T)
  }
}
