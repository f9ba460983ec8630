/** The formats of -o, for every verb that prints objects. */
import { NsctlError } from '../core/errors.ts'
import { compilePath, renderJsonPath } from '../resources/jsonpath.ts'
import type { Kind } from '../resources/kinds.ts'
import type { AnyResource } from '../resources/object.ts'
import { objectName } from './names.ts'
import { sortObjects } from './sort.ts'
import { cellText, columnsOf, renderRows, renderTable } from './table.ts'

export type OutputFormat =
  | { readonly kind: 'table' | 'wide' | 'yaml' | 'json' | 'name' }
  | { readonly kind: 'jsonpath'; readonly template: string }
  | { readonly kind: 'custom-columns'; readonly columns: readonly CustomColumn[] }

export interface CustomColumn {
  readonly heading: string
  readonly path: string
}

const FORMATS = 'table, wide, yaml, json, name, jsonpath=TEMPLATE, custom-columns=HEADING:PATH,…'

/** What -o says. Usage where it is no format, listing those there are. */
export function parseFormat(text: string | undefined): OutputFormat {
  if (text === undefined || text === '') return { kind: 'table' }
  const [name, argument] = splitOnce(text, '=')
  switch (name) {
    case 'table':
    case 'wide':
    case 'yaml':
    case 'json':
    case 'name':
      if (argument === undefined) return { kind: name }
      break
    case 'jsonpath':
      return { kind: 'jsonpath', template: needed(name, argument, "jsonpath='{.metadata.name}'") }
    case 'custom-columns':
      return {
        kind: 'custom-columns',
        columns: parseCustomColumns(needed(name, argument, 'custom-columns=NAME:.metadata.name')),
      }
  }
  throw new NsctlError('Usage', `unknown output format ${JSON.stringify(text)}`, {
    value: text,
    next: `use one of: ${FORMATS}`,
  })
}

function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)]
}

function needed(format: string, argument: string | undefined, example: string): string {
  if (argument !== undefined && argument !== '') return argument
  throw new NsctlError('Usage', `-o ${format} needs something behind the =`, {
    next: `write it like -o ${example}`,
  })
}

/** `NAME:.metadata.name,READY:.status.ready`; a comma inside brackets or braces separates nothing. */
export function parseCustomColumns(text: string): readonly CustomColumn[] {
  return splitOutsideBrackets(text).map((part) => {
    const [heading, path] = splitOnce(part, ':')
    if (heading === '' || path === undefined || path === '')
      throw new NsctlError('Usage', `not a column: ${JSON.stringify(part)}`, {
        value: part,
        next: 'write columns like NAME:.metadata.name,READY:.status.ready',
      })
    return { heading, path }
  })
}

function splitOutsideBrackets(text: string): readonly string[] {
  const parts = ['']
  let depth = 0
  for (const character of text) {
    if ('[({'.includes(character)) depth++
    if (')}]'.includes(character)) depth--
    if (character === ',' && depth === 0) parts.push('')
    else parts[parts.length - 1] += character
  }
  return parts
}

export interface ObjectGroup {
  readonly kind: Kind
  readonly items: readonly AnyResource[]
}

export interface PrintOptions {
  readonly format: OutputFormat
  /** Milliseconds since the epoch: what AGE counts from. */
  readonly nowMs: number
  /** One object was asked for by its name: yaml and json print it alone, not in a List. */
  readonly single?: boolean
  readonly noHeaders?: boolean
  readonly showNamespace?: boolean
  readonly showLabels?: boolean
  readonly labelColumns?: readonly string[]
  /** `service/web` in the NAME column. By default where there are several kinds. */
  readonly showKind?: boolean
  readonly sortBy?: string
}

/** The text for objects in the format asked for, last line ended (but for jsonpath, which ends as its template does). */
export async function printObjects(groups: readonly ObjectGroup[], options: PrintOptions): Promise<string> {
  const sorted = groups.map((group) => sortGroup(group, options.sortBy))
  const objects = sorted.flatMap((group) => group.items)
  switch (options.format.kind) {
    case 'table':
    case 'wide':
      return printTables(sorted, options)
    case 'name':
      return sorted
        .flatMap(({ kind, items }) => items.map((object) => `${objectName(kind, object)}\n`))
        .join('')
    case 'custom-columns':
      return printCustomColumns(objects, options.format.columns, options.noHeaders === true)
    case 'jsonpath':
      return renderJsonPath(options.format.template, documentOf(objects, options.single === true))
    case 'json':
      return toJson(documentOf(objects, options.single === true))
    case 'yaml':
      return toYamlText(documentOf(objects, options.single === true))
  }
}

function sortGroup(group: ObjectGroup, sortBy: string | undefined): ObjectGroup {
  return sortBy === undefined ? group : { kind: group.kind, items: sortObjects(group.items, sortBy) }
}

/** What json, yaml and jsonpath see: the object itself, or kubectl's List. */
function documentOf(objects: readonly AnyResource[], single: boolean): object {
  const only = objects[0]
  if (single && objects.length === 1 && only !== undefined) return only
  return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: objects }
}

/** JSON as kubectl indents it, ended. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 4)}\n`
}

/** YAML that apply takes back, ended. Loads the YAML library. */
export async function toYamlText(value: object): Promise<string> {
  const { toYaml } = await import('../resources/manifest.ts')
  return toYaml(value)
}

function printTables(groups: readonly ObjectGroup[], options: PrintOptions): string {
  const present = groups.filter((group) => group.items.length > 0)
  const showKind = options.showKind ?? present.length > 1
  return present
    .map(({ kind, items }) => {
      const columns = columnsOf(kind, {
        nowMs: options.nowMs,
        wide: options.format.kind === 'wide',
        showNamespace: options.showNamespace === true,
        showLabels: options.showLabels === true,
        labelColumns: options.labelColumns ?? [],
        showKind,
      })
      return renderTable(items, columns, { noHeaders: options.noHeaders === true })
    })
    .join('\n')
}

function printCustomColumns(
  objects: readonly AnyResource[],
  columns: readonly CustomColumn[],
  noHeaders: boolean,
): string {
  const paths = columns.map(({ path }) => compilePath(path))
  const rows = objects.map((object) =>
    paths.map((path) => {
      const found = path.find(object)
      return found.length === 0 ? '<none>' : found.map((value) => cellText(value, '<none>')).join(',')
    }),
  )
  return renderRows(noHeaders ? rows : [columns.map(({ heading }) => heading), ...rows])
}
