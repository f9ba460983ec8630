/** A kind in three versions that differ in every way that rules can declare. */
import fc from 'fast-check'
import type { DeclaredRule } from '../../../src/resources/conversion/rules.ts'
import type { Kind, KindRegistry } from '../../../src/resources/kinds.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { loadKindRegistry } from '../../../src/resources/registry.ts'
import type { JsonSchema } from '../../../src/resources/schema.ts'

const text: JsonSchema = { type: 'string' }

function objectOf(
  properties: Readonly<Record<string, JsonSchema>>,
  required?: readonly string[],
): JsonSchema {
  return { type: 'object', properties, ...(required && { required }) }
}

/** `size`, `fast`, one host, ports with a number, and what only this version has. */
export const oldSchema = objectOf({
  spec: objectOf({
    size: { type: 'integer', minimum: 0, default: 1 },
    mode: { type: 'string', enum: ['fast', 'slow'] },
    isPublic: { type: 'boolean' },
    host: text,
    image: text,
    zones: { type: 'array', items: text },
    legacy: objectOf({ colour: text, depth: { type: 'integer' } }),
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: objectOf({ name: text, number: { type: 'integer' }, old: text }, ['name']),
    },
    mounts: { type: 'array', items: objectOf({ path: text, old: text }) },
    labels: { type: 'object', additionalProperties: text },
  }),
  status: objectOf({ ready: { type: 'integer' } }),
})

/** The stored one: `scaling.replicas`, `Eager`, several hosts, ports with a port, and what only this version has. */
export const newSchema = objectOf({
  spec: objectOf(
    {
      scaling: objectOf({ replicas: { type: 'integer', minimum: 0, default: 1 }, max: { type: 'integer' } }),
      mode: { type: 'string', enum: ['Eager', 'Lazy', 'Turbo'] },
      visibility: { type: 'string', enum: ['Public', 'Private'] },
      hosts: { type: 'array', items: text },
      source: objectOf({ image: text, tag: text }),
      zone: text,
      engine: { type: 'string', enum: ['classic', 'modern'] },
      ports: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: objectOf({ name: text, port: { type: 'integer' }, protocol: text }, ['name']),
      },
      mounts: { type: 'array', items: objectOf({ target: text, mode: text }) },
      labels: { type: 'object', additionalProperties: text },
    },
    ['engine'],
  ),
  status: objectOf({ readyReplicas: { type: 'integer' } }),
})

/** As the stored one, with the replicas where they were later to be. */
const betaSchema = objectOf({
  spec: objectOf(
    {
      replicas: { type: 'integer', minimum: 0 },
      hosts: { type: 'array', items: text },
      engine: { type: 'string', enum: ['classic', 'modern'] },
    },
    ['engine'],
  ),
})

export const oldRules: readonly DeclaredRule[] = [
  { move: { from: '.spec.size', to: '.spec.scaling.replicas' } },
  { values: { from: '.spec.mode', to: '.spec.mode', map: { fast: 'Eager', slow: 'Lazy' } } },
  {
    values: { from: '.spec.isPublic', to: '.spec.visibility', map: { true: 'Public', false: 'Private' } },
  },
  { wrap: { from: '.spec.host', to: '.spec.hosts' } },
  { unwrap: { from: '.spec.zones', to: '.spec.zone' } },
  { move: { from: '.spec.image', to: '.spec.source.image' } },
  { set: { to: '.spec.engine', value: 'classic' } },
  { move: { from: '.spec.ports[*].number', to: '.spec.ports[*].port' } },
  { move: { from: '.spec.mounts[*].path', to: '.spec.mounts[*].target' } },
  { move: { from: '.status.ready', to: '.status.readyReplicas' } },
]

export const betaRules: readonly DeclaredRule[] = [
  { move: { from: '.spec.replicas', to: '.spec.scaling.replicas' } },
]

const column = (jsonPath: string) => [{ name: 'SIZE', type: 'integer', jsonPath }]

/** The definition; `spec` is put over its spec. */
export function gearDefinition(spec: object = {}): AnyResource {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gears.example.org' },
    spec: {
      group: 'example.org',
      scope: 'Namespaced',
      revisioned: true,
      names: { kind: 'Gear', plural: 'gears', singular: 'gear', shortNames: ['gr'] },
      conversion: {
        strategy: 'Declared',
        versions: [
          { version: 'v1alpha1', rules: oldRules },
          { version: 'v1beta1', rules: betaRules },
        ],
      },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          deprecated: true,
          subresources: { scale: { specReplicasPath: '.spec.size' } },
          additionalPrinterColumns: column('.spec.size'),
          schema: { openAPIV3Schema: oldSchema },
        },
        { name: 'v1beta1', served: true, schema: { openAPIV3Schema: betaSchema } },
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { scale: { specReplicasPath: '.spec.scaling.replicas' } },
          additionalPrinterColumns: column('.spec.scaling.replicas'),
          schema: { openAPIV3Schema: newSchema },
        },
      ],
      ...spec,
    },
  } as unknown as AnyResource
}

export interface Gears {
  readonly kinds: KindRegistry
  readonly version: (name: string) => Kind
}

export async function loadGears(definition = gearDefinition()): Promise<Gears> {
  const kinds = await loadKindRegistry([definition])
  return {
    kinds,
    version(name) {
      const found = kinds.byKind('Gear').family?.versions.find((kind) => kind.version === name)
      if (found === undefined) throw new Error(`there is no version ${name}`)
      return found
    },
  }
}

export function gear(version: string, spec: object, metadata: object = {}): AnyResource {
  return {
    apiVersion: `example.org/${version}`,
    kind: 'Gear',
    metadata: { name: 'big', ...metadata },
    spec,
  } as unknown as AnyResource
}

/** Any value of `schema`, members that need not be there left out at times. */
function anyOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum)
  switch (schema.type) {
    case 'object': {
      if (typeof schema.additionalProperties === 'object')
        return fc.dictionary(fc.constantFrom('a', 'b', 'c'), anyOf(schema.additionalProperties), {
          noNullPrototype: true,
        })
      const members = Object.entries(schema.properties ?? {})
      const required = new Set(schema.required)
      return fc.record(Object.fromEntries(members.map(([key, inner]) => [key, anyOf(inner)])), {
        requiredKeys: members.map(([key]) => key).filter((key) => required.has(key)),
        noNullPrototype: true,
      })
    }
    case 'array': {
      const isKeyed = schema['x-kubernetes-list-type'] === 'map'
      const items = anyOf(schema.items ?? {})
      return isKeyed
        ? fc.uniqueArray(items, { maxLength: 3, selector: (item) => (item as { name: string }).name })
        : fc.array(items, { maxLength: 3 })
    }
    case 'integer':
      return fc.integer({ min: 0, max: 5 })
    case 'boolean':
      return fc.boolean()
    default:
      return fc.constantFrom('a', 'b', 'Eager', '')
  }
}

/** Any object that `schema` takes. */
export function objectsOf(apiVersion: string, schema: JsonSchema): fc.Arbitrary<AnyResource> {
  const plain = { ...schema, required: ['spec'] }
  return anyOf(plain).map(
    (content) =>
      ({ apiVersion, kind: 'Gear', metadata: { name: 'big' }, ...(content as object) }) as AnyResource,
  )
}
