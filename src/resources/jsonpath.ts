/**
 * kubectl's dialect of JSONPath, in which columns, `-o jsonpath=`, `--sort-by` and `wait --for=jsonpath` are written.
 * Where kubectl differs: an index beyond the end and a comparison of unlike types find nothing here instead of failing,
 * numbers compare whether whole or not, double quotes do in brackets too, `$` is the root inside of a range, and a template
 * without braces is a path, where kubectl prints it as it stands.
 */
import { findValues } from './jsonpath/evaluate.ts'
import { parsePath, parseTemplate } from './jsonpath/parse.ts'
import type { Template } from './jsonpath/syntax.ts'

/** A path that is parsed once and asked often. */
export interface JsonPath {
  readonly text: string
  find(value: unknown): readonly unknown[]
}

/** `{.a.b}`, `.a.b` or `a.b`. Throws a Usage error that says what is wrong with it, and where. */
export function compilePath(text: string): JsonPath {
  const path = parsePath(text)
  return { text, find: (value) => findValues(path, value, value) }
}

/** Every value at a single path, in order; empty where there is none. */
export function findAll(value: unknown, path: string): readonly unknown[] {
  return compilePath(path).find(value)
}

/**
 * A template filled in: `{range .items[*]}{.metadata.name}{"\n"}{end}`. Several values of one path are separated by a
 * space, objects and lists are JSON. A template without braces is one path; an empty one prints nothing.
 */
export function renderJsonPath(template: string, value: unknown): string {
  if (template === '') return ''
  const parts = parseTemplate(template.includes('{') ? template : `{${template}}`)
  return renderParts(parts, value, value)
}

function renderParts(parts: Template, current: unknown, root: unknown): string {
  let text = ''
  for (const part of parts) {
    if (part.kind === 'text') text += part.text
    else if (part.kind === 'path') text += findValues(part.path, current, root).map(valueText).join(' ')
    else for (const item of findValues(part.path, current, root)) text += renderParts(part.parts, item, root)
  }
  return text
}

/** A value as `-o jsonpath` prints it. */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
