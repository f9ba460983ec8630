/** Precompiled validators of nsctl's own kinds, so that no command loads ajv for them. */
import { Ajv } from 'ajv'
import standalone from 'ajv/dist/standalone/index.js'
import type { JsonSchema } from '../../src/resources/schema.ts'
import { AJV_OPTIONS } from '../../src/resources/validation/compile.ts'
import { objectSchema } from '../../src/resources/validation/json-schema.ts'
import type { Definition } from './load.ts'

/** ajv's ESM output still requires its helpers; the only one that our schemas use is replaced by ours. */
const UCS2LENGTH = 'require("ajv/dist/runtime/ucs2length").default'

export function generateValidators(definitions: readonly Definition[]): string {
  const ajv = new Ajv({ ...AJV_OPTIONS, code: { source: true, esm: true } })
  const names: Record<string, string> = {}
  for (const { kind, schema, anchors } of definitions) {
    ajv.addSchema(objectSchema(schema, { shared: repeated(schema, anchors) }), kind)
    names[`validate${kind}`] = kind
  }
  const code = compact(standalone.default(ajv, names))
  const table = definitions.map(({ kind }) => `  ${kind}: validate${kind},`).join('\n')
  return `// @ts-nocheck
// Generated from crds/ by \`npm run generate\`. Do not edit.
import { countCharacters } from '../validation/text.ts'
import { fault, type SchemaValidator } from '../validation/schema-errors.ts'
${code}

/** By kind. */
export const BUILT_IN_VALIDATORS: Readonly<Record<string, SchemaValidator>> = {
${table}
}
`
}

/**
 * ajv writes each fault out as an object literal and the whole schema as data. Shorter: a call that records the fault
 * without what issues.ts looks up by itself, and only those schemas that the code reads.
 */
function compact(text: string): string {
  const code = text
    .replace('"use strict";', '')
    .replaceAll(UCS2LENGTH, 'countCharacters')
    .replaceAll(/export const (\w+) = (\w+);/g, 'const $1 = $2;')
    .replaceAll(FAULT, (_whole, _name, at: string | undefined, keyword: string, params: string) => {
      const kept = /^"(required|additionalProperties)"$/.test(keyword) ? `, ${params}` : ''
      return `vErrors = fault(vErrors, ${at ?? 'instancePath'}, ${keyword}${kept});errors++;`
    })
  if (/\berr\d+\b/.test(code)) throw new Error('ajv writes faults in a way that this generator does not know')
  if (code.includes('require(')) throw new Error(`a validator needs ${/require\([^)]*\)/.exec(code)?.[0]}`)
  const lean = code.replaceAll(/const (schema\d+) = \{.*?\};(?=const|function)/gs, (whole, name: string) =>
    code.split(new RegExp(`\\b${name}\\b`)).length > 2 ? whole : '',
  )
  return lean
    .replaceAll(/(?=\bfunction validate|\bconst (?:validate|schema|pattern|func)\w* = )/g, '\n')
    .trim()
}

/** `const err0 = {instancePath: …, schemaPath: …, keyword: …, params: …}; …; errors++;` */
const FAULT =
  /const (err\d+) = \{instancePath(?::([^;]*?))?,schemaPath:"(?:[^"\\]|\\.)*",keyword:("\w+"),params:(\{.*?\})\};if\(vErrors === null\)\{vErrors = \[\1\];\}else \{vErrors\.push\(\1\);\}errors\+\+;/gs

/** Named objects that occur more than once: compiled once and called. */
function repeated(root: JsonSchema, anchors: ReadonlyMap<JsonSchema, string>): Map<JsonSchema, string> {
  const seen = new Map<JsonSchema, number>()
  const visit = (schema: JsonSchema): void => {
    seen.set(schema, (seen.get(schema) ?? 0) + 1)
    if (seen.get(schema)! > 1) return
    for (const child of Object.values(schema.properties ?? {})) visit(child)
    if (schema.items) visit(schema.items)
    if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties)
  }
  visit(root)
  return new Map([...anchors].filter(([schema]) => (seen.get(schema) ?? 0) > 1))
}
