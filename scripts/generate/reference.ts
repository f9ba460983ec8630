/** docs/reference/kinds.md: every kind and every field, from the descriptions in crds/. */
import type { JsonSchema } from '../../src/resources/schema.ts'
import type { Definition } from './load.ts'

export function generateReference(definitions: readonly Definition[]): string {
  const order = [...definitions].sort(
    (a, b) => Number(a.manifest.spec.internal ?? false) - Number(b.manifest.spec.internal ?? false),
  )
  const overview = order.map(({ kind, manifest: { spec }, schema }) => {
    const short = spec.names.shortNames?.join(', ') ?? ''
    const by = spec.internal ? 'nsctl' : 'you'
    return `| [${kind}](#${kind.toLowerCase()}) | \`${spec.names.plural}\` | ${short} | ${spec.scope} | ${by} | ${cell(schema.description)} |`
  })
  return `<!-- Generated from crds/ by \`npm run generate\`. Do not edit. -->

# Kinds

All are of apiVersion \`nsctl.dev/v1alpha1\`. A field without a mark may be left out; **required** ones may not. On the
command line \`nsctl explain service.spec.template\` shows the same.

| kind | plural | short | scope | written by | what it says |
| --- | --- | --- | --- | --- | --- |
${overview.join('\n')}

${order.map(describeKind).join('\n')}`
}

function describeKind({ kind, manifest: { spec }, schema }: Definition): string {
  const [version] = spec.versions
  const columns = version.additionalPrinterColumns?.map(({ name, priority }) =>
    priority ? `${name} (wide)` : name,
  )
  const rows = fieldRows(schema, '')
  return `## ${kind}

${schema.description?.trim()}

\`nsctl get ${spec.names.plural}\` shows: ${columns?.join(', ')}.

| field | type | default | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`
}

function fieldRows(schema: JsonSchema, prefix: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`
    const required = schema.required?.includes(name) ? '**required** ' : ''
    const fallback = child.default === undefined ? '' : `\`${JSON.stringify(child.default)}\``
    const row = `| \`${path}\` | ${cell(typeText(child))} | ${fallback} | ${required}${cell(child.description)}${cell(limits(child))} |`
    const inner = child.items ? fieldRows(child.items, `${path}[]`) : fieldRows(child, path)
    return [row, ...inner]
  })
}

function typeText(schema: JsonSchema): string {
  if (schema['x-kubernetes-int-or-string']) return 'integer or string'
  if (schema.type === 'array') return `list of ${typeText(schema.items ?? {})}`
  if (schema.enum)
    return schema.enum.length > 8 ? 'one of those below' : schema.enum.map((one) => `\`${one}\``).join(', ')
  return schema.type ?? 'any'
}

function limits(schema: JsonSchema): string {
  const words: string[] = []
  if (schema.minimum !== undefined && schema.maximum !== undefined)
    words.push(`${schema.minimum} to ${schema.maximum}.`)
  else if (schema.minimum !== undefined) words.push(`At least ${schema.minimum}.`)
  else if (schema.maximum !== undefined) words.push(`At most ${schema.maximum}.`)
  if (schema.maxLength !== undefined) words.push(`At most ${schema.maxLength} characters.`)
  if (schema.maxItems !== undefined) words.push(`At most ${schema.maxItems} items.`)
  const choices = schema.enum ?? schema.items?.enum
  if (choices && choices.length > 8) words.push(`One of ${choices.join(', ')}.`)
  return words.length === 0 ? '' : ` ${words.join(' ')}`
}

/** Text for a cell of a table; angle brackets are HTML to Markdown. */
function cell(text: string | undefined): string {
  return (text ?? '').replace(/\s+$/, '').replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')
}
