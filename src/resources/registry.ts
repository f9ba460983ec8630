/** The one place that knows kinds: ours, from crds/, and the user's, from CustomResourceDefinitions in the store. */
import { NsctlError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import type { createFamily, FamilyFacts } from './conversion/family.ts'
import {
  type BuiltInDefinition,
  type ChangeConstraints,
  type Constraints,
  createKind,
  type DefinitionSpec,
  type DefinitionVersion,
  type Warnings,
} from './definition.ts'
import { BUILT_IN_DEFINITIONS } from './generated/kinds.ts'
import type { Kind, KindRegistry } from './kinds.ts'
import type { AnyResource } from './object.ts'
import type { JsonSchema } from './schema.ts'
import type { SchemaValidator } from './validation/schema-errors.ts'

/** apiVersion and kind that are accepted and stored as one of ours. */
const ALIASES: Readonly<Record<string, string>> = {
  'apiextensions.k8s.io/v1 CustomResourceDefinition': 'nsctl.dev/v1alpha1 CustomResourceDefinition',
  'keda.sh/v1alpha1 ScaledObject': 'nsctl.dev/v1alpha1 ScaledObject',
  'keda.sh/v1alpha1 ScaledJob': 'nsctl.dev/v1alpha1 ScaledJob',
  'keda.sh/v1alpha1 TriggerAuthentication': 'nsctl.dev/v1alpha1 TriggerAuthentication',
  'keda.sh/v1alpha1 ClusterTriggerAuthentication': 'nsctl.dev/v1alpha1 ClusterTriggerAuthentication',
}

/** Loaded when a kind is first validated, so that commands that only read load none. */
const CONSTRAINTS: Readonly<Record<string, () => Promise<Constraints>>> = {
  Service: async () => (await import('./service/constraints.ts')).serviceConstraints,
  Config: async () => (await import('./config/constraints.ts')).configConstraints,
  Secret: async () => (await import('./secret/constraints.ts')).secretConstraints,
  Recipient: async () => (await import('./recipient/constraints.ts')).recipientConstraints,
  ResourceQuota: async () => (await import('./resourcequota/constraints.ts')).resourceQuotaConstraints,
  LimitRange: async () => (await import('./limitrange/constraints.ts')).limitRangeConstraints,
  CustomResourceDefinition: async () =>
    (await import('./customresourcedefinition/constraints.ts')).definitionConstraints,
  Job: async () => (await import('./job/constraints.ts')).jobConstraints,
  ScaledObject: async () => (await import('./scaledobject/constraints.ts')).scaledObjectConstraints,
  ScaledJob: loadScaledJobConstraints,
  TriggerAuthentication: async () =>
    (await import('./triggerauthentication/constraints.ts')).authenticationConstraints,
  ClusterTriggerAuthentication: async () =>
    (await import('./triggerauthentication/constraints.ts')).authenticationConstraints,
}

/** Likewise, of kinds that take what does not act as written. */
const WARNINGS: Readonly<Record<string, () => Promise<Warnings>>> = {
  Service: async () => (await import('./service/warnings.ts')).serviceWarnings,
  ScaledObject: async () => (await import('./scaledobject/warnings.ts')).scaledObjectWarnings,
  ScaledJob: async () => (await import('./scaledjob/constraints.ts')).scaledJobWarnings,
  TriggerAuthentication: async () =>
    (await import('./triggerauthentication/constraints.ts')).authenticationWarnings,
  ClusterTriggerAuthentication: async () =>
    (await import('./triggerauthentication/constraints.ts')).authenticationWarnings,
}

/** Likewise, of kinds that allow no change of some fields. */
const CHANGE_CONSTRAINTS: Readonly<Record<string, () => Promise<ChangeConstraints>>> = {
  Config: async () => (await import('./config/constraints.ts')).configChanges,
  Secret: async () => (await import('./secret/sealed-rules.ts')).secretChanges,
}

/**
 * Our own kinds and those of `userDefined`, CustomResourceDefinitions as stored (they were validated when they were
 * applied). One that is broken all the same or collides with an earlier kind is left out: it must not take the others away.
 */
export function createKindRegistry(
  userDefined: readonly AnyResource[] = [],
  join?: typeof createFamily,
  builtIn: readonly BuiltInDefinition[] = BUILT_IN_DEFINITIONS,
): KindRegistry {
  const kinds: Kind[] = builtIn.map((one) => ownKind(one, join))
  for (const resource of [...userDefined].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const kind = userKind(resource, join)
    if (kind && !kinds.some((other) => collides(other, kind))) kinds.push(kind)
  }
  return new Registry(kinds)
}

/** As `createKindRegistry`, with what converts between versions where a kind has several. */
export function loadKindRegistry(
  userDefined: readonly AnyResource[] = [],
  builtIn: readonly BuiltInDefinition[] = BUILT_IN_DEFINITIONS,
): KindRegistry | Promise<KindRegistry> {
  const several = ({ spec }: { readonly spec?: unknown }) =>
    ((spec as Partial<DefinitionSpec> | undefined)?.versions?.length ?? 0) > 1
  if (!userDefined.some(several) && !builtIn.some(({ definition }) => several(definition)))
    return createKindRegistry(userDefined, undefined, builtIn)
  return import('./conversion/family.ts').then(({ createFamily }) =>
    createKindRegistry(userDefined, createFamily, builtIn),
  )
}

/** What is stored and does not say its version is in the first of crds/. Constraints are those of the stored version. */
function ownKind(
  { definition: { spec }, schemaText, otherSchemas = {} }: BuiltInDefinition,
  join: typeof createFamily | undefined,
): Kind {
  const { kind } = spec.names
  const loadConstraints = CONSTRAINTS[kind]
  const loadChangeConstraints = CHANGE_CONSTRAINTS[kind]
  const loadWarnings = WARNINGS[kind]
  return createKind(
    spec,
    ({ name }) => {
      const text = otherSchemas[name]
      if (text !== undefined)
        return {
          loadSchema: () => JSON.parse(text) as JsonSchema,
          loadValidator: (schema) => userValidator(kind, schema),
        }
      return {
        loadSchema: () => JSON.parse(schemaText) as JsonSchema,
        loadValidator: () => builtInValidator(kind),
        ...(loadConstraints && { loadConstraints }),
        ...(loadChangeConstraints && { loadChangeConstraints }),
        ...(loadWarnings && { loadWarnings }),
      }
    },
    join && ((kinds) => join(spec, kinds, { storedVersions: spec.versions.map(({ name }) => name) })),
  )
}

function userKind(resource: AnyResource, join: typeof createFamily | undefined): Kind | undefined {
  const spec = resource.spec as unknown as DefinitionSpec | undefined
  const isWhole = (version: DefinitionVersion) => version.schema?.openAPIV3Schema !== undefined
  if (spec?.names?.kind === undefined || !spec.versions?.length || !spec.versions.every(isWhole))
    return undefined
  const stored = spec.versions.filter(({ storage }) => storage === true)
  if (spec.versions.length > 1 && stored.length !== 1) return undefined
  return createKind(
    { ...spec, internal: false, perNode: false, statusApart: false },
    ({ schema }) => ({
      loadSchema: () => withoutEnvelope(schema.openAPIV3Schema),
      loadValidator: (own) => userValidator(spec.names.kind, own),
    }),
    join && ((kinds) => join(spec, kinds, factsOf(resource))),
  )
}

function factsOf({ status, metadata }: AnyResource): FamilyFacts {
  const storedVersions = (status?.storedVersions as readonly string[] | undefined) ?? []
  return { storedVersions, definedAt: metadata.resourceVersion }
}

/** Definitions made for Kubernetes often describe apiVersion, kind and metadata; those are the registry's. */
function withoutEnvelope(schema: JsonSchema): JsonSchema {
  const { apiVersion, kind, metadata, ...properties } = schema.properties ?? {}
  const required = schema.required?.filter((name) => !['apiVersion', 'kind', 'metadata'].includes(name))
  return { ...schema, properties, ...(required ? { required } : {}) }
}

/** What a ScaledJob makes is judged as a Job. */
async function loadScaledJobConstraints(): Promise<Constraints> {
  const [{ scaledJobConstraints }, validator] = await Promise.all([
    import('./scaledjob/constraints.ts'),
    builtInValidator('Job'),
  ])
  const job = BUILT_IN_DEFINITIONS.find(({ definition }) => definition.spec.names.kind === 'Job')
  return scaledJobConstraints(validator, JSON.parse(job?.schemaText ?? '{}') as JsonSchema)
}

async function builtInValidator(kind: string): Promise<SchemaValidator> {
  const { BUILT_IN_VALIDATORS } = await import('./generated/validators.ts')
  const validator = BUILT_IN_VALIDATORS[kind]
  if (validator === undefined)
    throw new NsctlError('Bug', `there is no validator of ${kind}: run npm run generate`)
  return validator
}

async function userValidator(kind: string, schema: JsonSchema): Promise<SchemaValidator> {
  const { compileValidator } = await import('./validation/compile.ts')
  try {
    return compileValidator(schema)
  } catch (cause) {
    throw new NsctlError('Invalid', `the schema of kind ${kind} cannot be compiled`, {
      cause,
      next: `correct its CustomResourceDefinition and apply it again`,
    })
  }
}

/** Two kinds collide where a reference, which holds only the kind's name, could not tell which is meant. */
function collides(a: Kind, b: Kind): boolean {
  return a.kind === b.kind || (a.group === b.group && a.plural === b.plural)
}

class Registry implements KindRegistry {
  readonly #kinds: readonly Kind[]
  readonly #byKind = new Map<string, Kind>()
  readonly #byApiVersion = new Map<string, Kind>()
  readonly #byName = new Map<string, Kind>()

  constructor(kinds: readonly Kind[]) {
    this.#kinds = kinds
    const claim = (map: Map<string, Kind>, name: string, kind: Kind) => {
      if (!map.has(name)) map.set(name, kind)
    }
    for (const kind of kinds) {
      claim(this.#byKind, kind.kind, kind)
      for (const version of servedVersions(kind))
        claim(this.#byApiVersion, `${version.apiVersion} ${kind.kind}`, version)
    }
    // full names first: no user's short name hides a plural, and none of ours is hidden
    for (const kind of kinds) {
      for (const name of namesOf(kind)) claim(this.#byName, name, kind)
      for (const version of servedVersions(kind))
        for (const name of versionedNamesOf(version)) claim(this.#byName, name, version)
    }
    for (const kind of kinds)
      for (const name of kind.shortNames) claim(this.#byName, name.toLowerCase(), kind)
  }

  all(): readonly Kind[] {
    return this.#kinds
  }

  byKind(kind: string): Kind {
    const found = this.#byKind.get(kind)
    if (found === undefined) throw new NsctlError('Bug', `there is no kind ${kind}`)
    return found
  }

  byApiVersion(apiVersion: string, kind: string): Kind | undefined {
    const key = `${apiVersion} ${kind}`
    return this.#byApiVersion.get(ALIASES[key] ?? key)
  }

  byName(name: string): Kind | undefined {
    return this.#byName.get(name.toLowerCase())
  }

  near(name: string): readonly string[] {
    const known = this.#kinds.flatMap((kind) =>
      /[A-Z]/.test(name) ? [kind.kind] : [kind.plural, kind.singular],
    )
    const found = nearest(name, known, 6).map((one) => this.#byName.get(one.toLowerCase()))
    const kinds = [...new Set(found)].filter((kind) => kind !== undefined).slice(0, 3)
    return kinds.map((kind) => (/[A-Z]/.test(name) ? kind.kind : kind.plural))
  }
}

/** The kind itself where it has one version. */
export function servedVersions(kind: Kind): readonly Kind[] {
  return kind.family === undefined ? [kind] : kind.family.versions.filter((version) => version.isServed)
}

function namesOf(kind: Kind): readonly string[] {
  const names = bareNamesOf(kind)
  return [...names, ...names.map((name) => `${name}.${kind.group}`)]
}

function versionedNamesOf(kind: Kind): readonly string[] {
  return bareNamesOf(kind).map((name) => `${name}.${kind.version}.${kind.group}`)
}

function bareNamesOf(kind: Kind): readonly string[] {
  return [kind.plural, kind.singular, kind.kind.toLowerCase()]
}
