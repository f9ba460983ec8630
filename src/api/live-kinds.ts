/** The kinds as of now: our own at once, the users' once they were read from the store. */
import { NsctlError } from '../core/errors.ts'
import type { Kind, KindRegistry } from '../resources/kinds.ts'
import type { AnyResource } from '../resources/object.ts'
import type { StoreReader } from '../store/store.ts'
import { decodeObject } from './codec.ts'
import { listPrefixes } from './keys.ts'

/** Makes a registry out of our own kinds and the users' definitions. */
export type LoadKinds = (definitions: readonly AnyResource[]) => KindRegistry | Promise<KindRegistry>

/** A registry whose answers change as definitions come and go, so that whoever holds it never holds an old one. */
export class LiveKinds implements KindRegistry {
  readonly #store: StoreReader
  readonly #load: LoadKinds
  #current: KindRegistry
  /** CustomResourceDefinitions by name, as `#current` knows them. */
  #definitions: ReadonlyMap<string, AnyResource> = new Map()
  #refreshing: Promise<void> | undefined

  private constructor(store: StoreReader, load: LoadKinds, builtIn: KindRegistry) {
    this.#store = store
    this.#load = load
    this.#current = builtIn
  }

  static async open(store: StoreReader, load: LoadKinds): Promise<LiveKinds> {
    return new LiveKinds(store, load, await load([]))
  }

  all(): readonly Kind[] {
    return this.#current.all()
  }

  byKind(kind: string): Kind {
    return this.#current.byKind(kind)
  }

  byApiVersion(apiVersion: string, kind: string): Kind | undefined {
    return this.#current.byApiVersion(apiVersion, kind)
  }

  byName(name: string): Kind | undefined {
    return this.#current.byName(name)
  }

  near(name: string): readonly string[] {
    return this.#current.near(name)
  }

  /**
   * The kind that code or a reference names, in the version `version` or the preferred one; the store is asked where it is not
   * one of those that are known. Throws Invalid for a version that is not served.
   */
  async find(kind: string, version?: string): Promise<Kind> {
    if (!this.all().some((known) => known.kind === kind)) await this.refresh()
    const preferred = this.#current.byKind(kind)
    if (version === undefined || version === preferred.version) return preferred
    const found = this.#current.byApiVersion(`${preferred.group}/${version}`, kind)
    if (found !== undefined) return found
    const served = preferred.family?.versions.filter(({ isServed }) => isServed) ?? [preferred]
    throw new NsctlError('Invalid', `${kind} is not served in version ${version}`, {
      value: version,
      next: `it is in ${served.map((one) => one.version).join(', ')}`,
    })
  }

  /** Reads the users' definitions. Calls at the same time share one reading. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** A registry as it will be once `definitions` are stored. Does not change this one. */
  preview(definitions: readonly AnyResource[]): KindRegistry | Promise<KindRegistry> {
    const all = new Map(this.#definitions)
    for (const definition of definitions) all.set(definition.metadata.name, definition)
    return this.#load([...all.values()])
  }

  /** The resourceVersion of the definition that `kind` was made from, or undefined for our own kinds. */
  definitionVersion(kind: Kind): string | undefined {
    return this.#definitions.get(definitionName(kind))?.metadata.resourceVersion
  }

  async #read(): Promise<void> {
    const prefixes = listPrefixes(this.#current.byKind('CustomResourceDefinition'), {})
    const { entries } = await this.#store.list(prefixes)
    if (entries.length === 0 && this.#definitions.size === 0) return
    const definitions = entries.map(decodeObject)
    this.#current = await this.#load(definitions)
    this.#definitions = new Map(definitions.map((definition) => [definition.metadata.name, definition]))
  }
}

/** What the definition of a user's kind is called. */
export function definitionName(kind: Kind): string {
  return `${kind.plural}.${kind.group}`
}
