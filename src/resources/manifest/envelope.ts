/** What every document must have before its kind is known. */
import { isObject, type Path } from '../../core/json.ts'
import { nearest } from '../../core/nearest.ts'
import { API_VERSION } from '../object.ts'
import { DocumentFault, type RawDocument, type TextRange } from './fault.ts'

/** `kind: List` is not an object but several. Lists in lists are none of Kubernetes' either. */
export function flattenLists(document: RawDocument): readonly RawDocument[] {
  const { value } = document
  if (!isObject(value) || value.kind !== 'List' || value.apiVersion !== 'v1') return [document]
  if (value.items === undefined || value.items === null) return []
  if (!Array.isArray(value.items))
    throw new DocumentFault('items: must be a list', document.rangeOf(['items'], false))
  return value.items.map((item, index) => new ListItem(document, index, item))
}

class ListItem implements RawDocument {
  readonly value: unknown
  readonly hasNoNulls: boolean
  readonly #list: RawDocument
  readonly #index: number

  constructor(list: RawDocument, index: number, value: unknown) {
    this.value = value
    this.hasNoNulls = list.hasNoNulls === true
    this.#list = list
    this.#index = index
  }

  rangeOf(path: Path, onKey: boolean): TextRange {
    return this.#list.rangeOf(['items', this.#index, ...path], onKey)
  }
}

/** The faults of one document: no object at all, or without apiVersion, kind or metadata.name. */
export function checkEnvelope(document: RawDocument): readonly DocumentFault[] {
  const { value } = document
  if (!isObject(value))
    return [
      faultAt(document, [], `must be an object with apiVersion, kind and metadata, not ${nameOf(value)}`),
    ]
  const { metadata } = value
  if (isText(value.apiVersion) && isText(value.kind) && isObject(metadata) && isThere(metadata.name))
    return NONE
  const faults = [
    ...memberFaults(document, value, 'apiVersion', `such as ${API_VERSION}`),
    ...memberFaults(document, value, 'kind', 'such as Service'),
  ]
  if (metadata === undefined) faults.push(missing(document, value, 'metadata', 'with a name'))
  else if (!isObject(metadata))
    faults.push(faultAt(document, ['metadata'], `metadata: must be an object, not ${nameOf(metadata)}`))
  else if (!isThere(metadata.name)) faults.push(missing(document, metadata, 'metadata.name', 'of the object'))
  return faults
}

const NONE: readonly DocumentFault[] = []

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null
}

function memberFaults(
  document: RawDocument,
  value: Record<string, unknown>,
  name: 'apiVersion' | 'kind',
  example: string,
): readonly DocumentFault[] {
  const member = value[name]
  if (member === undefined || member === null || member === '')
    return [missing(document, value, name, example)]
  if (typeof member === 'string') return []
  return [faultAt(document, [name], `${name}: must be a string, not ${nameOf(member)}`)]
}

function missing(
  document: RawDocument,
  parent: Record<string, unknown>,
  path: string,
  example: string,
): DocumentFault {
  const steps = path.split('.')
  const name = steps.at(-1)!
  const [misspelled] = nearest(
    name,
    Object.keys(parent).filter((key) => key !== name),
    1,
  )
  const above = steps.slice(0, -1)
  if (
    misspelled !== undefined &&
    parent[name] === undefined &&
    !['kind', 'apiVersion', 'metadata', 'spec'].includes(misspelled)
  )
    return faultAt(document, [...above, misspelled], `${path} is missing`, `did you mean "${name}"?`, true)
  return faultAt(
    document,
    parent[name] === undefined ? above : steps,
    `${path} is missing (${example})`,
    undefined,
    true,
  )
}

function faultAt(
  document: RawDocument,
  path: Path,
  message: string,
  hint?: string,
  onKey = false,
): DocumentFault {
  const range = document.rangeOf(path, onKey)
  return new DocumentFault(message, path.length === 0 ? { start: range.start } : range, hint)
}

function nameOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
