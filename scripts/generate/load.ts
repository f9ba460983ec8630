/** Reads crds/*.yaml, with the names that their YAML anchors give to nested types. */
import { globSync, readFileSync } from 'node:fs'
import { isMap, isSeq, parseDocument } from 'yaml'
import { formatPath } from '../../src/core/json.ts'
import { versionsIssues } from '../../src/resources/customresourcedefinition/versions.ts'
import type { DefinitionSpec } from '../../src/resources/definition.ts'
import type { JsonSchema } from '../../src/resources/schema.ts'

/** A CustomResourceDefinition of crds/, as written. */
export interface Definition {
  readonly file: string
  readonly kind: string
  readonly manifest: DefinitionManifest
  /** Of the stored version. */
  readonly schema: JsonSchema
  /** Object schemas that have an anchor: the anchor, in CamelCase, names their type (`&probe` → ServiceProbe). */
  readonly anchors: ReadonlyMap<JsonSchema, string>
}

interface DefinitionVersion {
  readonly name: string
  readonly storage?: boolean
  readonly additionalPrinterColumns?: readonly {
    readonly name: string
    readonly type: string
    readonly jsonPath: string
    readonly priority?: number
  }[]
  readonly schema: { readonly openAPIV3Schema: JsonSchema }
}

export interface DefinitionManifest {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly group: string
    readonly scope: 'Cluster' | 'Namespaced'
    readonly names: {
      readonly kind: string
      readonly plural: string
      readonly shortNames?: readonly string[]
    }
    /** The oldest first. */
    readonly versions: readonly [DefinitionVersion, ...DefinitionVersion[]]
    readonly internal?: boolean
    readonly perNode?: boolean
    readonly revisioned?: boolean
  }
}

export function loadDefinitions(folder: string): readonly Definition[] {
  const definitions = globSync('*.yaml', { cwd: folder })
    .sort()
    .map((name) => readDefinition(`${folder}/${name}`))
  for (const { file, schema } of definitions) borrowSchemas(schema, definitions, file)
  return definitions
}

/** `x-nsctl-schema: Service spec.template` takes the place's schema over from another kind, so that it is written once. */
function borrowSchemas(schema: JsonSchema, definitions: readonly Definition[], file: string): void {
  const from = schema['x-nsctl-schema']
  if (from !== undefined) {
    const [kind, path = ''] = from.split(' ')
    let found = definitions.find((one) => one.kind === kind)?.schema
    for (const member of path.split('.')) found = found?.properties?.[member]
    if (found === undefined) throw new Error(`${file}: there is no schema ${JSON.stringify(from)}`)
    const { 'x-nsctl-schema': _, ...own } = schema
    Object.assign(schema, found, own)
    delete (schema as { 'x-nsctl-schema'?: string })['x-nsctl-schema']
    return
  }
  for (const child of Object.values(schema.properties ?? {})) borrowSchemas(child, definitions, file)
  if (schema.items) borrowSchemas(schema.items, definitions, file)
}

function readDefinition(file: string): Definition {
  const document = parseDocument(readFileSync(file, 'utf8'))
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem) throw new Error(`${file}: ${problem.message}`)
  const manifest = document.toJS() as DefinitionManifest
  const anchors = new Map<JsonSchema, string>()
  collectAnchors(document.contents, manifest, anchors)
  const { names, versions } = manifest.spec
  for (const { name, schema } of versions) checkKeywords(schema.openAPIV3Schema, `${file}: schema of ${name}`)
  const [wrong] = versionsIssues(manifest.spec as DefinitionSpec)
  if (wrong) throw new Error(`${file}: ${formatPath(wrong.path)}: ${wrong.message}`)
  const stored = versions.find(({ storage }) => storage === true) ?? versions[0]
  return { file, kind: names.kind, manifest, schema: stored.schema.openAPIV3Schema, anchors }
}

/** Walks the nodes and their values side by side: an alias's value is the very object that its anchor made. */
function collectAnchors(node: unknown, value: unknown, anchors: Map<JsonSchema, string>): void {
  if (isMap(node)) {
    if (node.anchor !== undefined) anchors.set(value as JsonSchema, node.anchor)
    for (const { key, value: child } of node.items)
      collectAnchors(child, (value as Record<string, unknown>)[String(key)], anchors)
  } else if (isSeq(node)) {
    for (const [index, child] of node.items.entries())
      collectAnchors(child, (value as readonly unknown[])[index], anchors)
  }
}

const KEYWORDS = new Set(
  `type description default properties additionalProperties required items enum pattern format minimum maximum minLength
  maxLength minItems maxItems uniqueItems nullable x-kubernetes-int-or-string x-kubernetes-preserve-unknown-fields
  x-kubernetes-list-type x-kubernetes-list-map-keys x-nsctl-type x-nsctl-schema`.split(/\s+/),
)

/** A comma in an unquoted flow mapping makes a keyword of half a sentence, and YAML is silent about it. */
function checkKeywords(schema: JsonSchema, at: string): void {
  for (const key of Object.keys(schema))
    if (!KEYWORDS.has(key))
      throw new Error(`${at}: unknown keyword ${JSON.stringify(key)} (quote the text before it?)`)
  if (schema.description === undefined && schema.type === 'object' && !at.endsWith('[]'))
    throw new Error(`${at}: an object without a description`)
  for (const [name, child] of Object.entries(schema.properties ?? {})) checkKeywords(child, `${at}.${name}`)
  if (schema.items) checkKeywords(schema.items, `${at}[]`)
  if (typeof schema.additionalProperties === 'object') checkKeywords(schema.additionalProperties, `${at}.*`)
}
