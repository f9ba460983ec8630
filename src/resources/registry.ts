/** The one place that knows kinds: ours, from crds/, and the user's, from CustomResourceDefinitions in the store. */
import { NsctlError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'
import { type Constraints, createKind, type DefinitionSpec } from './definition.ts'
import { BUILT_IN_DEFINITIONS } from './generated/kinds.ts'
import type { Kind, KindRegistry } from './kinds.ts'
import type { AnyResource } from './object.ts'
import type { JsonSchema } from './schema.ts'
import type { SchemaValidator } from './validation/schema-errors.ts'

/** apiVersion and kind that are accepted and stored as one of ours. */
const ALIASES: Readonly<Record<string, string>> = {
  'apiextensions.k8s.io/v1 CustomResourceDefinition': 'nsctl.dev/v1alpha1 CustomResourceDefinition',
}

/** Loaded when a kind is first validated, so that commands that only read load none. */
const CONSTRAINTS: Readonly<Record<string, () => Promise<Constraints>>> = {
  Service: async () => (await import('./service/constraints.ts')).serviceConstraints,
  CustomResourceDefinition: async () =>
    (await import('./customresourcedefinition/constraints.ts')).definitionConstraints,
}

/**
 * Our own kinds and those of `userDefined`, CustomResourceDefinitions as stored (they were validated when they were
 * applied). One that is broken all the same or collides with an earlier kind is left out: it must not take the others away.
 */
export function createKindRegistry(userDefined: readonly AnyResource[] = []): KindRegistry {
  const kinds: Kind[] = BUILT_IN_DEFINITIONS.map(({ definition, schemaText }) =>
    createKind(definition.spec, {
      loadSchema: () => JSON.parse(schemaText) as JsonSchema,
      loadValidator: () => builtInValidator(definition.spec.names.kind),
      ...(CONSTRAINTS[definition.spec.names.kind] && {
        loadConstraints: CONSTRAINTS[definition.spec.names.kind],
      }),
    }),
  )
  for (const resource of [...userDefined].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const kind = userKind(resource)
    if (kind && !kinds.some((other) => collides(other, kind))) kinds.push(kind)
  }
  return new Registry(kinds)
}

function userKind(resource: AnyResource): Kind | undefined {
  const spec = resource.spec as unknown as DefinitionSpec | undefined
  const schema = spec?.versions?.[0]?.schema?.openAPIV3Schema
  if (spec?.names?.kind === undefined || schema === undefined) return undefined
  return createKind(
    { ...spec, internal: false, perNode: false },
    {
      loadSchema: () => withoutEnvelope(schema),
      loadValidator: (own) => userValidator(spec.names.kind, own),
    },
  )
}

/** Definitions made for Kubernetes often describe apiVersion, kind and metadata; those are the registry's. */
function withoutEnvelope(schema: JsonSchema): JsonSchema {
  const { apiVersion, kind, metadata, ...properties } = schema.properties ?? {}
  const required = schema.required?.filter((name) => !['apiVersion', 'kind', 'metadata'].includes(name))
  return { ...schema, properties, ...(required ? { required } : {}) }
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
      claim(this.#byApiVersion, `${kind.apiVersion} ${kind.kind}`, kind)
    }
    // full names first: no user's short name hides a plural, and none of ours is hidden
    for (const kind of kinds) for (const name of namesOf(kind)) claim(this.#byName, name, kind)
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

function namesOf(kind: Kind): readonly string[] {
  const names = [kind.plural, kind.singular, kind.kind.toLowerCase()]
  return [
    ...names,
    ...names.map((name) => `${name}.${kind.group}`),
    ...names.map((name) => `${name}.${kind.version}.${kind.group}`),
  ]
}
