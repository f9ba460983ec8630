/** Objects as text in the store and back. What is stored has no resourceVersion: that is the entry's own revision. */
import { NsctlError } from '../core/errors.ts'
import type { Json } from '../core/json.ts'
import type { Kind } from '../resources/kinds.ts'
import type { AnyResource, ObjectMeta } from '../resources/object.ts'
import type { Entry } from '../store/store.ts'

/** An object as it was read, with what its next write must expect. */
export interface Stored {
  /** Composed, with its resourceVersion. */
  readonly object: AnyResource
  /** Revision of the entry that holds metadata and spec. */
  readonly revision: number
  /** Revision of the entry that holds status apart from it; 0 where there is none. */
  readonly statusRevision: number
  /** Which defaults make it of the manifest that was applied last: see applied.ts. Undefined where those do not. */
  readonly filled: string | undefined
  /** Of a kind with several versions: the object and its `filled` as they lie in the store. See versions.ts. */
  readonly origin?: { readonly object: AnyResource; readonly filled: string | undefined }
}

/** No kind has such a member: beside what the object says, its entry keeps which of that are defaults. */
const FILLED = 'nsctl.dev/defaulted'

/**
 * JSON text of an object, resourceVersion left out. Whoever writes an object that it has read hands on its `filled`, unless
 * what people own of it is other than it was.
 */
export function encodeObject(object: AnyResource, filled: string | undefined): string {
  const bare = object.metadata.resourceVersion === undefined ? object : withoutVersion(object)
  // a text that is put together of two would be copied as a whole by whoever reads it first
  return JSON.stringify(filled === undefined ? bare : { ...bare, [FILLED]: filled })
}

/** What lies under the key of `object` itself: all of it, or all but its status. */
export function withoutApart({ kind }: { readonly kind: Kind }, object: AnyResource): AnyResource {
  if (!kind.statusApart) return object
  const { status: _, ...half } = object
  return half as unknown as AnyResource
}

function withoutVersion(object: AnyResource): AnyResource {
  const { resourceVersion: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

export function decodeObject(entry: Entry): AnyResource {
  return storedOf(entry).object
}

/** A status that lies apart. */
export interface StatusHalf {
  /** Undefined where what lies there is none. */
  readonly status: Json | undefined
  readonly revision: number
}

/** What keeps its status apart, out of its two halves: the newer of their revisions is the object's. */
export function composeObject(spec: Entry, status: StatusHalf | undefined): AnyResource {
  return storedOf(spec, status).object
}

export function storedOf(entry: Entry, half?: StatusHalf): Stored {
  const { revision } = entry
  const statusRevision = half?.revision ?? 0
  const decoded = decodeJson(entry) as Record<string, unknown>
  const { [FILLED]: filled, ...object } = decoded
  const isNoted = typeof filled === 'string'
  // most kinds are never applied: theirs are not copied
  const own = (isNoted ? object : decoded) as unknown as AnyResource
  const whole = half?.status === undefined ? own : ({ ...own, status: half.status } as AnyResource)
  return {
    object: withRevision(whole, Math.max(revision, statusRevision)),
    revision,
    statusRevision,
    filled: isNoted ? filled : undefined,
  }
}

/** @throws NsctlError StoreCorrupt where the text is not what nsctl wrote */
export function decodeJson(entry: Pick<Entry, 'key' | 'value'>): Json {
  try {
    return JSON.parse(entry.value)
  } catch (cause) {
    throw new NsctlError('StoreCorrupt', `the store holds something that is not JSON under ${entry.key}`, {
      value: entry.value.slice(0, 80),
      next: 'restore the store from a backup; nsctl writes nothing like that',
      cause,
    })
  }
}

/** `object` as a reader sees it once it is stored at `revision`. */
export function withResourceVersion(object: AnyResource, revision: number): AnyResource {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }
}

/** `object` was made here and nobody else has it yet, so that its metadata may still be filled in. */
function withRevision(object: AnyResource, revision: number): AnyResource {
  const metadata = object.metadata as { -readonly [K in keyof ObjectMeta]: ObjectMeta[K] }
  metadata.resourceVersion = String(revision)
  return object
}
