/** The first steps of admission: which kind a document is of, under which name, and what of it counts. */
import { isObject, setMember } from '../../core/json.ts'
import { withArticle } from '../../core/words.ts'
import type { Kind, KindRegistry } from '../../resources/kinds.ts'
import { OWN_PREFIX, SERVER_OWNED_METADATA } from '../../resources/object.ts'
import { typeIssue } from '../../resources/validation/words.ts'
import type { Manifest } from '../api.ts'
import { contentOf } from '../changes.ts'
import { appliedKey, namespaceOf, objectKey, type Target } from '../keys.ts'
import { type Fault, fault } from './faults.ts'

/** What a document says, freed of what the server owns. Defaults are not filled in and explicit nulls are still there. */
export interface Wanted {
  readonly metadata: Readonly<Record<string, unknown>>
  readonly [member: string]: unknown
}

export interface Candidate {
  readonly manifest: Manifest
  readonly target: Target
  /** Where the object lies, and what was applied to it last. */
  readonly objectKey: string
  readonly appliedKey: string
  readonly wanted: Wanted
  /** Preconditions that the document names. */
  readonly resourceVersion: string | undefined
}

export type Identified =
  | { readonly kind: 'candidate'; readonly candidate: Candidate }
  | { readonly kind: 'unknown kind'; readonly fault: Fault }
  | { readonly kind: 'fault'; readonly fault: Fault }

/** What the server owns is ignored in a document, so that what `get` prints can be applied; the name is the target's. */
const IGNORED: ReadonlySet<string> = new Set<string>(['name', ...SERVER_OWNED_METADATA])

/** `namespace` is that of documents that name none. */
export function identify(manifest: Manifest, kinds: KindRegistry, namespace: string | undefined): Identified {
  const { apiVersion, kind: kindName, metadata } = manifest.object
  const kind = kinds.byApiVersion(apiVersion, kindName)
  if (kind === undefined) return { kind: 'unknown kind', fault: unknownKind(manifest, kinds) }
  if (kind.internal)
    return refuse(
      manifest,
      ['kind'],
      `${withArticle(kind.kind)} is written by nsctl only`,
      'Leave it out of the manifests',
    )
  if (!isObject(metadata)) return refuse(manifest, ['metadata'], 'metadata: is required')
  if (typeof metadata.name !== 'string') {
    const path = ['metadata', 'name']
    const { message } =
      metadata.name === undefined ? { message: 'is required' } : typeIssue(path, ['string'], metadata.name)
    return refuse(manifest, path, `metadata.name: ${message}`)
  }
  const given = typeof metadata.namespace === 'string' ? metadata.namespace : undefined
  const version = metadata.resourceVersion
  const target: Target = { kind, namespace: namespaceOf(kind, given ?? namespace), name: metadata.name }
  const wanted = wantedOf(manifest.object, kind)
  return {
    kind: 'candidate',
    candidate: {
      manifest,
      target,
      objectKey: objectKey(target),
      appliedKey: appliedKey(target),
      wanted,
      resourceVersion: typeof version === 'string' && version !== '' ? version : undefined,
    },
  }
}

/** What counts of a document of `kind`. */
export function wantedOf(object: Readonly<Record<string, unknown>>, kind: Kind): Wanted {
  const { metadata } = object
  return { metadata: isObject(metadata) ? wantedMetadata(metadata, kind) : {}, ...contentOf(object) }
}

function refuse(manifest: Manifest, path: readonly string[], message: string, next?: string): Identified {
  return {
    kind: 'fault',
    fault: fault(manifest, 'Invalid', message, { path, ...(next === undefined ? {} : { next }) }),
  }
}

/**
 * Members unknown to nsctl, and a namespace where there can be none, stay in for validation to name them. nsctl's own
 * finalizers are the server's.
 */
function wantedMetadata(
  metadata: Readonly<Record<string, unknown>>,
  { scope }: Kind,
): Record<string, unknown> {
  const wanted: Record<string, unknown> = {}
  for (const key in metadata) {
    if (IGNORED.has(key) || metadata[key] === undefined) continue
    const value = metadata[key]
    if (key === 'namespace' && scope === 'Namespaced' && typeof value === 'string') continue
    if (key === 'finalizers' && Array.isArray(value)) wanted[key] = value.filter((one) => !isOwn(one))
    else setMember(wanted, key, value)
  }
  return wanted
}

function isOwn(finalizer: unknown): boolean {
  return typeof finalizer === 'string' && finalizer.startsWith(OWN_PREFIX)
}

function unknownKind(manifest: Manifest, kinds: KindRegistry): Fault {
  const { apiVersion, kind } = manifest.object
  const sameKind = kinds.all().filter((known) => known.kind === kind)
  const shown = `${apiVersion} ${kind}`
  if (sameKind.length > 0) {
    const versions = sameKind.flatMap((known) => known.family?.versions ?? [known])
    const isDefined = versions.some((known) => known.apiVersion === apiVersion)
    const served = versions.filter((known) => known.isServed).map((known) => JSON.stringify(known.apiVersion))
    return fault(
      manifest,
      'Invalid',
      isDefined
        ? `apiVersion: ${JSON.stringify(shown)} is not served any more`
        : `apiVersion: there is no ${JSON.stringify(shown)}`,
      {
        path: ['apiVersion'],
        hint: isDefined ? `served: ${served.join(', ')}` : `did you mean ${served.join(' or ')}?`,
        value: apiVersion,
        next: 'See: nsctl api-resources',
      },
    )
  }
  const near = kinds.near(String(kind)).flatMap((name) => kinds.byName(name)?.kind ?? [])
  return fault(manifest, 'Invalid', `kind: there is no kind ${JSON.stringify(shown)}`, {
    path: ['kind'],
    ...(near.length === 0
      ? {}
      : { hint: `did you mean ${near.map((name) => JSON.stringify(name)).join(' or ')}?` }),
    value: kind,
    next: 'See: nsctl api-resources',
  })
}
