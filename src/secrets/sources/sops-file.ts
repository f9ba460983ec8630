/** A file of sops as a tree: keys in their order, and what sops says of itself beside them. YAML, JSON and dotenv. */
import { parseAllDocuments } from 'yaml'
import { NsctlError } from '../../core/errors.ts'

/** What a document has: lists, maps in their order, texts, numbers (whole ones as bigint), true, false, null. */
export type SopsNode = string | number | bigint | boolean | null | readonly SopsNode[] | SopsMap
export type SopsMap = ReadonlyMap<string, SopsNode>

export interface SopsFile {
  readonly tree: SopsMap
  /** The entry `sops`. */
  readonly metadata: SopsMap
}

const METADATA = 'sops'
const DOTENV_METADATA = /^sops_\w+=/m

/** @throws NsctlError Invalid where it is no file of sops */
export function parseSopsFile(text: string, source: string): SopsFile {
  const isDotenv = !/^\s*\{/.test(text) && DOTENV_METADATA.test(text)
  const { tree, metadata } = isDotenv ? parseDotenv(text, source) : parseDocument(text, source)
  if (metadata instanceof Map) return { tree, metadata }
  throw new NsctlError('Invalid', `${source} is no file of sops: it does not say how it was encrypted`, {
    next: 'Encrypt it with sops encrypt --age RECIPIENT, or give it with --from-env-file or --from-file',
  })
}

interface Parsed {
  readonly tree: SopsMap
  readonly metadata: SopsNode | undefined
}

function parseDocument(text: string, source: string): Parsed {
  // JSON is YAML. Aliases would be other values at other paths, and sops writes none
  const documents = parseAllDocuments(text, { prettyErrors: false, intAsBigInt: true, logLevel: 'silent' })
  const [document] = Array.isArray(documents) ? documents : []
  if (Array.isArray(documents) && documents.length > 1)
    throw new NsctlError('Unsupported', `${source} holds more than one document`, {
      next: 'Give each as a file of its own',
    })
  let content: unknown
  try {
    if (document === undefined || document.errors.length > 0) throw new Error('malformed')
    content = document.toJS({ mapAsMap: true, maxAliasCount: 0 })
  } catch {
    // the parser's words quote the file
    throw new NsctlError('Invalid', `${source} is no YAML, JSON or dotenv file of sops`)
  }
  if (!(content instanceof Map)) return { tree: new Map(), metadata: undefined }
  const tree: Map<string, SopsNode> = new Map(content)
  tree.delete(METADATA)
  return { tree, metadata: content.get(METADATA) }
}

function parseDotenv(text: string, source: string): Parsed {
  const tree = new Map<string, string>()
  const metadata = new Map<string, SopsNode>()
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue
    const at = line.indexOf('=')
    if (at < 0) throw new NsctlError('Invalid', `${source}:${index + 1}: this line is no NAME=VALUE`)
    const [name, value] = [line.slice(0, at), line.slice(at + 1).replaceAll('\\n', '\n')]
    if (name.startsWith(`${METADATA}_`)) metadata.set(name.slice(METADATA.length + 1), value)
    else tree.set(name, value)
  }
  return { tree, metadata: unflatten(metadata) }
}

/** `age__list_0__map_enc` is `enc` of the first of the list `age`. */
function unflatten(flat: ReadonlyMap<string, SopsNode>): SopsMap {
  const metadata = new Map<string, SopsNode>()
  const lists = new Map<string, Map<string, SopsNode>[]>()
  for (const [name, value] of flat) {
    const match = /^(\w+?)__list_(\d{1,3})__map_(\w+)$/.exec(name)
    if (match === null) {
      metadata.set(name, value)
      continue
    }
    const [, list, index, key] = match as unknown as [string, string, string, string]
    const entries = lists.get(list) ?? []
    lists.set(list, entries)
    entries[Number(index)] ??= new Map()
    entries[Number(index)]?.set(key, value)
  }
  for (const [list, entries] of lists) metadata.set(list, entries.filter(Boolean))
  return metadata
}
