/** CustomResourceDefinitions that change while objects of their kind are stored. */
import { isObject } from '../core/json.ts'
import { formatCount } from '../core/words.ts'
import type { DefinitionSpec, DefinitionVersion } from '../resources/definition.ts'
import type { AnyResource } from '../resources/object.ts'
import type { Entry, StoreReader } from '../store/store.ts'
import { decodeJson } from './codec.ts'
import { kindPrefixes } from './keys.ts'
import { contentOfEntry } from './revision-content.ts'

/** Also of a definition that was not validated yet: what is no version is passed over. */
function versionsOf({ spec }: AnyResource): readonly Pick<DefinitionVersion, 'name' | 'storage'>[] {
  const versions: unknown = spec?.versions
  return Array.isArray(versions)
    ? versions
        .filter(isObject)
        .map(({ name, storage }) => ({ name: String(name), storage: storage === true }))
    : []
}

/** The version in which objects are written. */
function storageOf(definition: AnyResource): string {
  const versions = versionsOf(definition)
  return (versions.find(({ storage }) => storage) ?? versions[0])?.name ?? ''
}

/** The versions in which objects may lie in the store, the oldest first: Kubernetes' status.storedVersions. */
export function storedVersions(definition: AnyResource): readonly string[] {
  const kept = definition.status?.storedVersions
  return Array.isArray(kept) && kept.length > 0 ? (kept as readonly string[]) : [storageOf(definition)]
}

/**
 * What a definition that becomes `next` knows of the store. A version that it does not have any more is one in which nothing is
 * stored: `versionsInUse` sees to that.
 */
export function definitionStatus(live: AnyResource | undefined, next: AnyResource): AnyResource['status'] {
  const names = versionsOf(next).map(({ name }) => name)
  const before = live === undefined ? [] : storedVersions(live)
  const stored = new Set([...before.filter((name) => names.includes(name)), storageOf(next)])
  return { ...live?.status, storedVersions: [...stored] }
}

/** A version that is to go while something is stored in it. */
export interface VersionInUse {
  readonly version: string
  /** `2 objects, 5 revisions, such as default/big`. */
  readonly what: string
}

/** What to do about it. */
export const REWRITE =
  'keep it beside the others, served or not, with another one as the stored version, and write everything in that: nsctl store upgrade'

export function versionInUseText({ version, what }: VersionInUse): string {
  return `${version} cannot be removed while something is stored in it: ${what}`
}

/** What of the versions that `next` lacks is still in the store. Reads all of the kind, where there is any such version. */
export async function versionsInUse(
  store: StoreReader,
  live: AnyResource,
  next: AnyResource,
): Promise<readonly VersionInUse[]> {
  const kept = new Set(versionsOf(next).map(({ name }) => name))
  const [first = '', ...others] = storedVersions(live)
  const leaving = [first, ...others].filter((name) => !kept.has(name))
  if (leaving.length === 0) return []
  const { group, names } = live.spec as unknown as DefinitionSpec
  const { entries } = await store.list(kindPrefixes(group, names.plural))
  return leaving.flatMap((version) => {
    const inIt = entries.filter((entry) => versionOf(entry, first) === version)
    return inIt.length === 0 ? [] : [{ version, what: describe(inIt) }]
  })
}

/** The version that an entry's text is in; undefined where it holds nothing that has one. */
export function versionOf(entry: Entry, first: string): string | undefined {
  const value = decodeJson(entry)
  if (!entry.key.startsWith('rev/')) return isObject(value) ? versionIn(value, first) : undefined
  const content = contentOfEntry(entry, value)
  return content === undefined ? undefined : versionIn(content, first)
}

function versionIn({ apiVersion }: Readonly<Record<string, unknown>>, first: string): string {
  return typeof apiVersion === 'string' ? apiVersion.slice(apiVersion.indexOf('/') + 1) : first
}

function describe(entries: readonly Entry[]): string {
  const of = (prefix: string) => entries.filter(({ key }) => key.startsWith(prefix))
  const [objects, manifests, revisions] = [of('obj/'), of('applied/'), of('rev/')]
  const counts = [
    objects.length > 0 ? formatCount(objects.length, 'object') : '',
    revisions.length > 0 ? formatCount(revisions.length, 'revision') : '',
    manifests.length > 0 ? formatCount(manifests.length, 'applied manifest') : '',
  ].filter((text) => text !== '')
  const example = (objects[0] ?? revisions[0] ?? manifests[0])?.key.split('/').slice(3, 5).join('/')
  return `${counts.join(', ')}, such as ${example}`
}
