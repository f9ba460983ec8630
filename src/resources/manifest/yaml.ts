/** YAML manifests (1.2, core schema: yes and no are words, 0o7 is seven). The library is loaded when the first is read. */
import type { Path } from '../../core/json.ts'
import { DocumentFault, MAX_DEPTH, type RawDocument, type TextRange } from './fault.ts'
import { isMergeKey, keyOf, rangeOfNode, YamlValues } from './yaml-values.ts'

type Yaml = typeof import('yaml')
type YamlDocument = InstanceType<Yaml['Document']>

/** Documents that are there; those that are empty or hold only comments are none. Throws a DocumentFault. */
export async function parseYaml(text: string): Promise<readonly RawDocument[]> {
  const yaml = await import('yaml')
  const documents: RawDocument[] = []
  for (const document of parseDocuments(yaml, text)) {
    const problem = document.errors[0] ?? document.warnings[0]
    if (problem) throw syntaxFault(problem, text)
    if (document.contents === null) continue
    const value = new YamlValues(yaml, text).convert(document.contents)
    if (value !== null) documents.push(new YamlSource(yaml, document, value))
  }
  return documents
}

function parseDocuments(yaml: Yaml, text: string): readonly YamlDocument[] {
  try {
    // keys are checked for uniqueness while values are made: the library compares each with each
    const parsed = yaml.parseAllDocuments(text, { prettyErrors: false, uniqueKeys: false, logLevel: 'error' })
    return 'empty' in parsed ? [] : (parsed as readonly YamlDocument[])
  } catch (error) {
    if (error instanceof RangeError)
      throw new DocumentFault(`nested more than ${MAX_DEPTH} levels deep`, { start: 0 })
    throw error
  }
}

interface SyntaxProblem {
  readonly code: string
  readonly message: string
  readonly pos: readonly [number, number]
}

function syntaxFault(problem: SyntaxProblem, text: string): DocumentFault {
  const [start, end] = problem.pos
  const [line = ''] = text.slice(text.lastIndexOf('\n', start - 1) + 1).split('\n', 1)
  const tab = /^ *\t/.test(line)
  const range = { start, end: Math.max(end, start + 1) }
  if (problem.code === 'RESOURCE_EXHAUSTION' || /call stack/.test(problem.message))
    return new DocumentFault(`nested more than ${MAX_DEPTH} levels deep`, { start })
  if (problem.code === 'TAB_AS_INDENT' || (tab && /indent|tab/i.test(problem.message)))
    return new DocumentFault('not YAML: a tab indents this line', range, 'indent with spaces')
  if (problem.code === 'TAG_RESOLVE_FAILED')
    return new DocumentFault('tags are not supported', range, 'leave the tag out')
  return new DocumentFault(`not YAML: ${problem.message.split('\n')[0]}`, range)
}

/** A member or an item, as nodes. */
interface Child {
  readonly key?: unknown
  readonly value: unknown
}

class YamlSource implements RawDocument {
  readonly value: unknown
  readonly #yaml: Yaml
  readonly #document: YamlDocument

  constructor(yaml: Yaml, document: YamlDocument, value: unknown) {
    this.#yaml = yaml
    this.#document = document
    this.value = value
  }

  rangeOf(path: Path, onKey: boolean): TextRange {
    let node: unknown = this.#document.contents
    let place = rangeOfNode(node) ?? { start: 0, end: 1 }
    for (const [depth, step] of path.entries()) {
      const found = this.#child(node, step)
      if (found === undefined) break
      const last = depth === path.length - 1
      const [key, value] = [rangeOfNode(found.key), rangeOfNode(found.value)]
      place = (last && !onKey ? value : undefined) ?? key ?? value ?? place
      node = found.value
    }
    return place
  }

  #child(node: unknown, step: string | number): Child | undefined {
    const { isAlias, isMap, isScalar, isSeq } = this.#yaml
    const target = isAlias(node) ? node.resolve(this.#document) : node
    if (isSeq(target))
      return typeof step === 'number' && step in target.items ? { value: target.items[step] } : undefined
    if (!isMap(target)) return undefined
    for (const pair of target.items)
      if (isScalar(pair.key) && keyOf(pair.key) === step) return { key: pair.key, value: pair.value }
    for (const pair of target.items) {
      if (!isMergeKey(pair.key)) continue
      const merged = this.#merged(pair.value, step)
      if (merged !== undefined) return merged
    }
    return undefined
  }

  /** A member that came by `<<: *anchor` or `<<: [*one, *other]`. */
  #merged(value: unknown, step: string | number): Child | undefined {
    const sources = this.#yaml.isSeq(value) ? value.items : [value]
    for (const source of sources) {
      const found = this.#child(source, step)
      if (found !== undefined) return found
    }
    return undefined
  }
}
