/** Reads a config that may be anything: what is wrong with it is said with line and column. */
import { NsctlError } from '../../core/errors.ts'
import { isObject, type Path } from '../../core/json.ts'
import { nearest } from '../../core/nearest.ts'
import { decode, TextFault } from '../../resources/manifest/decode.ts'
import { DocumentFault, type RawDocument } from '../../resources/manifest/fault.ts'
import { faultsError } from '../../resources/manifest/faults-error.ts'
import { parseYaml } from '../../resources/manifest/yaml.ts'
import { API_VERSION } from '../../resources/object.ts'
import { CONFIG_KIND, CONTEXT_FIELDS, type Config, EMPTY_CONFIG, type NamedContext } from './config.ts'

const NEXT = 'correct it there, or move the file away and make it anew with nsctl config set-context'

/** YAML or JSON, of at most one document; an empty file is an empty config. Throws Invalid with all faults. */
export async function parseConfig(bytes: Uint8Array, source: string): Promise<Config> {
  let text = ''
  try {
    text = decode(bytes, source)
    const [document, second] = await parseYaml(text)
    if (document === undefined) return EMPTY_CONFIG
    if (second !== undefined)
      throw new DocumentFault('a second document, and a config is one', second.rangeOf([], false))
    const faults = new Checker(document).check()
    if (faults.length > 0) throw asError(faults, text, source)
    return configOf(document.value as Document)
  } catch (error) {
    if (!(error instanceof DocumentFault)) throw error
    throw asError([error], error instanceof TextFault ? error.text : text, source)
  }
}

function asError(faults: readonly DocumentFault[], text: string, source: string): NsctlError {
  const { code, message, issues, value } = faultsError(faults, masked(text), source)
  return new NsctlError(code, message, { issues, value, next: NEXT })
}

/** Lines around a fault are shown: secrets in them are covered, character by character, so that places stay what they are. */
function masked(text: string): string {
  const cover = (_: string, before: string, secret: string) => before + '*'.repeat(secret.length)
  return text
    .replace(/((?:token|password)["']?[ \t]*:[ \t]*)([^\s,}]+)/g, cover)
    .replace(/(:\/\/)([^@\s/]+)(?=@)/g, cover)
}

/** As checked. */
interface Document {
  readonly 'current-context'?: string | null
  readonly contexts?: readonly NamedContext[] | null
}

function configOf({ 'current-context': current, contexts }: Document): Config {
  return { ...(current ? { currentContext: current } : {}), contexts: contexts ?? [] }
}

/** Goes through a document from above to below, and notes what is wrong. */
class Checker {
  readonly #document: RawDocument
  readonly #faults: DocumentFault[] = []

  constructor(document: RawDocument) {
    this.#document = document
  }

  check(): readonly DocumentFault[] {
    const { value } = this.#document
    if (!isObject(value)) {
      this.#fault([], 'must be an object with apiVersion, kind and contexts')
      return this.#faults
    }
    this.#must(value, 'apiVersion', API_VERSION)
    this.#must(value, 'kind', CONFIG_KIND)
    if (this.#faults.length > 0) return this.#faults
    this.#members(value, [], ['apiVersion', 'kind', 'current-context', 'contexts'])
    const { 'current-context': current, contexts } = value
    if (typeof current !== 'string' && (current ?? null) !== null)
      this.#fault(['current-context'], 'current-context: must be a name')
    if (Array.isArray(contexts)) this.#contexts(contexts)
    else if ((contexts ?? null) !== null) this.#fault(['contexts'], 'contexts: must be a list')
    return this.#faults
  }

  #must(value: Record<string, unknown>, name: 'apiVersion' | 'kind', wanted: string): void {
    if (value[name] === wanted) return
    const hint =
      value.apiVersion === 'v1' ? 'this looks like a kubeconfig: nsctl has a file of its own' : undefined
    if (value[name] === undefined) this.#fault([], `${name} is missing`, `write ${name}: ${wanted}`)
    else this.#fault([name], `${name}: must be ${wanted}, not ${JSON.stringify(value[name])}`, hint)
  }

  #contexts(contexts: readonly unknown[]): void {
    const names = new Set<unknown>()
    for (const [index, one] of contexts.entries()) {
      const path = ['contexts', index]
      const where = `contexts[${index}]`
      if (!isObject(one)) {
        this.#fault(path, `${where}: must be an object with name and context`)
        continue
      }
      this.#members(one, path, ['name', 'context'])
      this.#text(one, path, 'name', where, true)
      if (names.has(one.name)) this.#fault([...path, 'name'], `${where}.name: ${one.name} is there already`)
      names.add(one.name)
      if (isObject(one.context)) this.#context(one.context, [...path, 'context'], `${where}.context`)
      else this.#fault([...path, 'context'], `${where}.context: must be an object with a store`)
    }
  }

  #context(context: Record<string, unknown>, path: Path, where: string): void {
    this.#members(context, path, CONTEXT_FIELDS)
    for (const field of CONTEXT_FIELDS) this.#text(context, path, field, where, field === 'store')
  }

  #text(parent: Record<string, unknown>, path: Path, name: string, where: string, isNeeded: boolean): void {
    const value = parent[name]
    if (value === undefined && !isNeeded) return
    if (value === undefined) this.#fault(path, `${where}.${name} is missing`)
    else if (typeof value !== 'string' || value === '')
      this.#fault(
        [...path, name],
        `${where}.${name}: must be text`,
        typeof value === 'number' ? 'put it into quotes' : undefined,
      )
  }

  #members(value: Record<string, unknown>, path: Path, known: readonly string[]): void {
    for (const name of Object.keys(value)) {
      if (known.includes(name)) continue
      const [near] = nearest(name, known, 1)
      const hint = near === undefined ? `known are ${known.join(', ')}` : `did you mean "${near}"?`
      this.#fault([...path, name], `unknown field ${JSON.stringify(name)}`, hint, true)
    }
  }

  #fault(path: Path, message: string, hint?: string, onKey = false): void {
    const range = this.#document.rangeOf(path, onKey)
    this.#faults.push(new DocumentFault(message, path.length === 0 ? { start: range.start } : range, hint))
  }
}
