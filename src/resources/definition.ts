/** From a CustomResourceDefinition to a Kind: ours (generated data) and the user's alike. */
import { NsctlError } from '../core/errors.ts'
import type { Path } from '../core/json.ts'
import type { FieldIssue, Kind, PrinterColumn, Scope } from './kinds.ts'
import type { JsonSchema } from './schema.ts'
import { compileDefaults, type DefaultsFiller } from './validation/defaults.ts'
import type { FilledNotes } from './validation/filled.ts'
import { schemaIssues, shapeIsSound } from './validation/issues.ts'
import { metadataIssues, type NameRule, nameRuleOf } from './validation/metadata.ts'
import { inDocumentOrder } from './validation/order.ts'
import type { SchemaValidator } from './validation/schema-errors.ts'

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
  readonly perNode?: boolean
  readonly internal?: boolean
  readonly revisioned?: boolean
}

export interface DefinitionVersion {
  readonly name: string
  readonly served?: boolean
  readonly storage?: boolean
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
  readonly schemaText: string
}

/** What a kind gets from outside: its schema and validator when they are first needed, its own constraints. */
export interface KindParts {
  readonly loadSchema: () => JsonSchema
  readonly loadValidator: (schema: JsonSchema) => Promise<SchemaValidator>
  readonly loadConstraints?: () => Promise<Constraints>
}

/** What a schema cannot say of a kind. Runs on objects that the schema has found right; pure. */
export type Constraints = (object: unknown) => readonly FieldIssue[]

/** Where a definition has no columns. */
const DEFAULT_COLUMNS: readonly PrinterColumn[] = [
  { name: 'AGE', type: 'date', jsonPath: '.metadata.creationTimestamp' },
]

export function createKind(spec: DefinitionSpec, parts: KindParts): Kind {
  const version = spec.versions.find((one) => one.storage !== false) ?? spec.versions[0]
  if (version === undefined)
    throw new NsctlError('Bug', `the definition of ${spec.names.kind} has no version`)
  return new DefinedKind(spec, version, parts)
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
  readonly internal: boolean
  readonly revisioned: boolean
  readonly hasStatus: boolean
  readonly scalePath: Path | undefined
  readonly description: string
  readonly columns: readonly PrinterColumn[]
  readonly #parts: KindParts
  readonly #nameRule: NameRule
  #schema: JsonSchema | undefined
  /** Null where the schema has no defaults. */
  #fillDefaults: DefaultsFiller | null | undefined
  #prepared:
    | { readonly validator: SchemaValidator; readonly constraints: Constraints | undefined }
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
    this.internal = spec.internal === true
    this.revisioned = spec.revisioned === true
    this.hasStatus = version.subresources?.status !== undefined
    this.scalePath = version.subresources?.scale?.specReplicasPath.split('.').slice(1)
    this.description = version.schema.openAPIV3Schema.description ?? ''
    this.columns = version.additionalPrinterColumns ?? DEFAULT_COLUMNS
    this.#parts = parts
    this.#nameRule = nameRuleOf(this)
  }

  get schema(): JsonSchema {
    this.#schema ??= this.#parts.loadSchema()
    return this.#schema
  }

  async prepare(): Promise<void> {
    if (this.#prepared) return
    const [validator, constraints] = await Promise.all([
      this.#parts.loadValidator(this.schema),
      this.#parts.loadConstraints?.(),
    ])
    this.#prepared = { validator, constraints }
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

  withDefaults<T>(object: T, notes?: FilledNotes): T {
    if (this.#fillDefaults === undefined) this.#fillDefaults = compileDefaults(this.schema) ?? null
    return this.#fillDefaults === null ? object : (this.#fillDefaults(object, notes) as T)
  }
}
