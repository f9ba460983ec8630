/** Manifests: from the text of a file, a stream or a URL to objects, and from objects to YAML. */
import { isObject, type Path } from '../core/json.ts'
import { coveredBlindly, coveredFault, coveredText } from './manifest/covered.ts'
import { decode, TextFault } from './manifest/decode.ts'
import { emitYaml } from './manifest/emit.ts'
import { checkEnvelope, flattenLists } from './manifest/envelope.ts'
import { locateRange, type SourceLocation } from './manifest/excerpt.ts'
import { DocumentFault, NotJson, type RawDocument } from './manifest/fault.ts'
import { faultsError } from './manifest/faults-error.ts'
import { parseJson } from './manifest/json.ts'
import type { AnyResource } from './object.ts'

export { MAX_SOURCE_BYTES } from './manifest/decode.ts'
export type { SourceLocation } from './manifest/excerpt.ts'

/** One document that a user wants to be true, with what is needed to point at it in an error. */
export interface Manifest {
  readonly object: AnyResource
  /** True where `object` is known to have no null anywhere. */
  readonly hasNoNulls?: boolean
  /** `shop/web.yaml`, `stdin`, a URL. */
  readonly source: string
  /** Turns a path in the object into line, column and the lines around it; absent for objects that no text holds. */
  readonly locate?: (path: Path, onKey: boolean) => SourceLocation | undefined
}

export type ManifestFormat = 'yaml' | 'json' | 'auto'

export interface ParseOptions {
  /** How errors name the text: `shop/web.yaml`, `stdin`, a URL. */
  readonly source: string
  /** `auto` (the default) tries JSON for what starts like it, and YAML for all else. */
  readonly format?: ManifestFormat
}

/**
 * The objects of a text in order: several documents, `kind: List` taken apart, empty documents left out. Each has at least
 * apiVersion, kind and metadata.name; more is known only to the kinds.
 *
 * Errors: TooLarge beyond 8 MiB; Invalid for text that is neither YAML nor JSON (file, line, column and the lines around
 * it; each fault in `issues`).
 */
export async function parseManifests(
  input: string | Uint8Array,
  { source, format = 'auto' }: ParseOptions,
): Promise<readonly Manifest[]> {
  let text = ''
  try {
    text = decode(input, source)
    const documents = (await parseText(text, format)).flatMap(flattenLists)
    const faults = documents.flatMap((document) => checkEnvelope(document))
    if (faults.length > 0) throw faultsError(faults, coveredText(text, documents), source)
    // the lines around a fault may be another document's, and what is in a Secret is shown of none
    let shown: string | undefined
    const shownText = () => {
      shown ??= coveredText(text, documents)
      return shown
    }
    return documents.map((document) => toManifest(document, shownText, source))
  } catch (error) {
    if (!(error instanceof DocumentFault)) throw error
    const written = error instanceof TextFault ? error.text : text
    throw faultsError([coveredFault(error, written)], coveredBlindly(written), source)
  }
}

function toManifest(document: RawDocument, shownText: () => string, source: string): Manifest {
  return {
    object: document.value as AnyResource,
    hasNoNulls: document.hasNoNulls === true,
    source,
    locate: (path, onKey) => locateRange(shownText(), document.rangeOf(path, onKey)),
  }
}

async function parseText(text: string, format: ManifestFormat): Promise<readonly RawDocument[]> {
  if (format === 'json') return parseJson(text)
  const looksLikeJson = /^\s*\{/.test(text)
  if (format === 'yaml' || !looksLikeJson) return (await yamlReader())(text)
  try {
    return parseJson(text)
  } catch (jsonFault) {
    if (!(jsonFault instanceof NotJson)) throw jsonFault
    // `{a: 1}` is YAML; what quotes its first key was meant to be JSON, and JSON's complaint is the better one
    try {
      return await (await yamlReader())(text)
    } catch (yamlFault) {
      throw /^\s*\{\s*["}]/.test(text) ? jsonFault : yamlFault
    }
  }
}

async function yamlReader(): Promise<(text: string) => Promise<readonly RawDocument[]>> {
  return (await import('./manifest/yaml.ts')).parseYaml
}

/** Members that stand first, in this order; the rest follows as it is. */
const FIRST_MEMBERS = ['apiVersion', 'kind', 'metadata', 'spec', 'status'] as const

/**
 * YAML as `-o yaml` prints it and apply takes it back: apiVersion, kind, metadata, spec, status in this order, one
 * line per value, and words quoted that YAML 1.1 readers would take for booleans. Loads the YAML library only for texts
 * with line breaks or beyond ASCII.
 */
export async function toYaml(object: object): Promise<string> {
  const document = ordered(object)
  const quick = emitYaml(document)
  if (quick !== undefined) return quick
  const { stringify } = await import('yaml')
  return stringify(document, {
    lineWidth: 0,
    indentSeq: false,
    aliasDuplicateObjects: false,
    compat: 'yaml-1.1',
  })
}

function ordered(object: object): object {
  const source = object as Record<string, unknown>
  const result: Record<string, unknown> = {}
  for (const name of FIRST_MEMBERS) if (source[name] !== undefined) result[name] = source[name]
  Object.assign(result, Object.fromEntries(Object.entries(source).filter(([name]) => !(name in result))))
  if (Array.isArray(result.items))
    result.items = result.items.map((item) => (isObject(item) ? ordered(item) : item))
  return result
}
