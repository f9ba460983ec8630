/** TypeScript types of the kinds. Members with a default are always there once an object is stored, so they are required. */
import type { JsonSchema } from '../../src/resources/schema.ts'
import type { Definition } from './load.ts'

/** Kinds whose name is a global of the platform: a forgotten import would silently mean something else. */
const TYPE_NAMES: Readonly<Record<string, string>> = { Event: 'ResourceEvent' }

const CONDITION_MEMBERS = 'type status reason message lastTransitionTime observedGeneration'

export function generateTypes(definitions: readonly Definition[]): string {
  const texts = definitions.map((definition) => new TypeWriter(definition).write())
  const imports = ['Condition', 'Resource']
  return `${HEADER}import type { JsonObject } from '../../core/json.ts'
import type { ${imports.join(', ')} } from '../object.ts'

${texts.join('\n')}`
}

const HEADER = `// Generated from crds/ by \`npm run generate\`. Do not edit.

/**
 * The kinds as they are read from the store, defaults filled in: a member that has a default is required here, though a
 * manifest may leave it out. Aliases rather than interfaces, so that they are assignable to JsonObject.
 */
`

class TypeWriter {
  readonly #definition: Definition
  readonly #names = new Map<JsonSchema, string>()
  readonly #byName = new Map<string, JsonSchema>()
  readonly #texts: string[] = []

  constructor(definition: Definition) {
    this.#definition = definition
  }

  write(): string {
    const { kind, schema } = this.#definition
    const name = TYPE_NAMES[kind] ?? kind
    const part = (key: 'spec' | 'status') =>
      schema.properties?.[key] ? this.#type(schema.properties[key], [key]) : 'never'
    const base = `Resource<${part('spec')}, ${part('status')}>`
    const own = Object.keys(schema.properties ?? {}).filter((key) => key !== 'spec' && key !== 'status')
    const narrowed = (schema.required ?? []).includes('spec') ? [`  readonly spec: ${kind}Spec\n`] : []
    const members = [...narrowed, ...own.map((key) => this.#member(schema, key, []))].join('')
    const body = members === '' ? base : `${base} & {\n${members}}`
    this.#texts.push(`${comment(schema.description, '')}export type ${name} = ${body}\n`)
    return this.#texts.join('\n')
  }

  #member(parent: JsonSchema, key: string, path: readonly string[]): string {
    const schema = parent.properties![key]!
    const present = (parent.required ?? []).includes(key) || schema.default !== undefined
    const type = this.#type(schema, [...path, key])
    return `${comment(schema.description, '  ')}  readonly ${key}${present ? '' : '?'}: ${type}\n`
  }

  #type(schema: JsonSchema, path: readonly string[]): string {
    const text = this.#plainType(schema, path)
    return schema.nullable ? `${text} | null` : text
  }

  #plainType(schema: JsonSchema, path: readonly string[]): string {
    if (schema['x-nsctl-type']) return schema['x-nsctl-type']
    if (schema['x-kubernetes-int-or-string']) return 'number | string'
    if (schema.enum) return schema.enum.map(quote).join(' | ')
    if (schema.type === 'array') return this.#listType(schema, path)
    if (schema.type === 'object') return this.#objectType(schema, path)
    if (schema.type === 'integer') return 'number'
    return schema.type ?? 'unknown'
  }

  #listType(schema: JsonSchema, path: readonly string[]): string {
    if (path.at(-1) === 'conditions') {
      const members = Object.keys(schema.items?.properties ?? {}).join(' ')
      if (members !== CONDITION_MEMBERS)
        throw new Error(
          `${this.#definition.file}: conditions have the members ${members}, not ${CONDITION_MEMBERS}`,
        )
      return 'readonly Condition[]'
    }
    const item = this.#type(schema.items ?? {}, path)
    return item.includes('|') ? `readonly (${item})[]` : `readonly ${item}[]`
  }

  #objectType(schema: JsonSchema, path: readonly string[]): string {
    if (schema['x-kubernetes-preserve-unknown-fields']) return 'JsonObject'
    if (typeof schema.additionalProperties === 'object')
      return `Readonly<Record<string, ${this.#type(schema.additionalProperties, path)}>>`
    if (schema.additionalProperties === true) return 'JsonObject'
    const known = this.#names.get(schema)
    if (known) return known
    const name = this.#nameOf(schema, path)
    this.#names.set(schema, name)
    this.#byName.set(name, schema)
    const members = Object.keys(schema.properties ?? {}).map((key) => this.#member(schema, key, path))
    const body = members.length === 0 ? 'Readonly<Record<string, never>>' : `{\n${members.join('')}}`
    this.#texts.push(`${comment(schema.description, '')}export type ${name} = ${body}\n`)
    return name
  }

  #nameOf(schema: JsonSchema, path: readonly string[]): string {
    const { kind, file, anchors } = this.#definition
    const name = kind + upperFirst(anchors.get(schema) ?? singular(path.at(-1)!))
    if (this.#byName.has(name))
      throw new Error(
        `${file}: ${path.join('.')} would be a second ${name}; give it a YAML anchor to name it`,
      )
    return name
  }
}

/** `programs` → `program`; `limits`, `resources` and `address` stay. */
function singular(name: string): string {
  return /(ports|programs|columns|versions)$/i.test(name) ? name.slice(0, -1) : name
}

function upperFirst(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

function quote(value: string | number | boolean): string {
  return typeof value === 'string' ? `'${value}'` : String(value)
}

function comment(text: string | undefined, indent: string): string {
  return text === undefined ? '' : `${indent}/** ${text.trim().replaceAll('*/', '*\\/')} */\n`
}
