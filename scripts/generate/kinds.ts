/** The kinds as data: what every command needs at once, and the schemas as text that is parsed on first use. */
import type { JsonSchema } from '../../src/resources/schema.ts'
import type { Definition } from './load.ts'

export function generateKinds(definitions: readonly Definition[]): string {
  const entries = definitions.map(({ manifest, schema }) => {
    const versions = manifest.spec.versions.map((version) => ({
      ...version,
      schema: { openAPIV3Schema: { description: version.schema.openAPIV3Schema.description } },
    }))
    const others = manifest.spec.versions
      .filter((version) => version.schema.openAPIV3Schema !== schema)
      .map((version) => `${JSON.stringify(version.name)}: ${schemaLiteral(version.schema.openAPIV3Schema)}`)
    return `  {
    definition: ${JSON.stringify({ metadata: manifest.metadata, spec: { ...manifest.spec, versions } })},
    schemaText: ${schemaLiteral(schema)},${others.length === 0 ? '' : `\n    otherSchemas: { ${others.join(', ')} },`}
  },
`
  })
  return `// Generated from crds/ by \`npm run generate\`. Do not edit.
import type { BuiltInDefinition } from '../definition.ts'

/** nsctl's own kinds in order of name. Schemas are JSON text, since most commands need none of them. */
export const BUILT_IN_DEFINITIONS: readonly BuiltInDefinition[] = [
${entries.join('')}]
`
}

function schemaLiteral({ description: _, ...rest }: JsonSchema): string {
  return textLiteral(JSON.stringify(withoutTypeNames(rest)))
}

/** `x-nsctl-type` serves this generator only. */
function withoutTypeNames(schema: JsonSchema): unknown {
  return JSON.parse(JSON.stringify(schema, (key, value) => (key === 'x-nsctl-type' ? undefined : value)))
}

function textLiteral(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
