/** The page that `nsctl explain` prints, laid out as kubectl's. Pure. */

import type { ExplainedField, Explanation } from '../resources/explain.ts'
import { wrapText } from './wrap.ts'

const WIDTH = 80

/** The page of one field, or of a kind as a whole. */
export function renderExplanation(explanation: Explanation): string {
  const { kind, path, type, description, children } = explanation
  const lines = [`KIND:     ${kind.kind}`, `VERSION:  ${kind.apiVersion}`, '']
  if (path.length > 0) lines.push(`FIELD:    ${path.join('.')} <${type}>${remarks(explanation)}`, '')
  lines.push('DESCRIPTION:', ...indented(description || 'There is none.', 4))
  if (explanation.limits.length > 0) lines.push('', `LIMITS:   ${explanation.limits.join(', ')}`)
  if (children.length > 0) lines.push('', 'FIELDS:', ...fieldLines(children, 2))
  return `${lines.join('\n')}\n`
}

function fieldLines(fields: readonly ExplainedField[], indent: number): readonly string[] {
  return fields.flatMap((field) => [
    `${' '.repeat(indent)}${field.name}  <${field.type}>${remarks(field)}`,
    ...(field.description === '' ? [] : indented(field.description, indent + 4)),
    ...fieldLines(field.children, indent + 3),
  ])
}

/** ` -required-`, ` default 5s`, ` one of TCP, UDP`. */
function remarks(field: Pick<ExplainedField, 'required' | 'default' | 'enum'>): string {
  const parts: string[] = []
  if (field.required) parts.push('-required-')
  if (field.default !== undefined && typeof field.default !== 'object')
    parts.push(`default ${JSON.stringify(field.default)}`)
  if (field.enum !== undefined) parts.push(`one of ${field.enum.join(', ')}`)
  return parts.length === 0 ? '' : `  ${parts.join(', ')}`
}

function indented(text: string, by: number): readonly string[] {
  return wrapText(text, WIDTH - by).map((line) => `${' '.repeat(by)}${line}`)
}
