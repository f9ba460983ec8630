/**
 * The manifest that was applied last, which the next one is merged with.
 *
 * Mostly the object is that manifest with defaults filled in. Then only which those are is kept, in the object's own entry,
 * and the manifest is made of both again. Where an object is more than its manifest, or moves away from it, the manifest has an
 * entry of its own, which counts whenever it is there.
 */
import { deepEqual, isObject } from '../core/json.ts'
import type { Kind } from '../resources/kinds.ts'
import type { AnyResource } from '../resources/object.ts'
import { withoutFilled } from '../resources/validation/filled.ts'
import type { Entry, Operation } from '../store/store.ts'
import { type Candidate, type Wanted, wantedOf } from './admission/identify.ts'
import { decodeJson, type Stored } from './codec.ts'
import type { Context } from './context.ts'
import { appliedKey, type Target } from './keys.ts'
import { type Recorded, saysTheSame } from './record.ts'

/** What the last manifest wanted; undefined where none was applied. `entry` is that of its own, if it has one. */
export function lastWanted(kind: Kind, live: Stored, entry: Entry | undefined): Wanted | undefined {
  if (entry !== undefined) {
    const last = decodeJson(entry)
    return isObject(last) ? wantedIn(kind, last, kind.family?.firstStored) : undefined
  }
  const { object, filled } = live.origin ?? live
  return filled === undefined ? undefined : wantedIn(kind, withoutFilled(object, filled) as AnyResource)
}

/** What `document` wants, in the version `kind`: it says its own, or has `otherwise`. */
function wantedIn(kind: Kind, document: Readonly<Record<string, unknown>>, otherwise?: string): Wanted {
  const { family } = kind
  if (family === undefined) return wantedOf(document, kind)
  const whole = { apiVersion: otherwise, kind: kind.kind, ...document } as unknown as AnyResource
  return wantedOf(family.convert(whole, kind), kind)
}

/**
 * What a manifest wants, as it is kept: of a kind with several versions in the stored one, and saying so. `apiVersion` is that of
 * `wanted`, if not that of `kind`.
 */
export function keptText(kind: Kind, wanted: Wanted, apiVersion = kind.apiVersion): string {
  const { family } = kind
  if (family === undefined) return JSON.stringify(wanted)
  const document = { ...wanted, apiVersion, kind: kind.kind } as unknown as AnyResource
  const { kind: _, ...kept } = family.convert(document, family.storage)
  return JSON.stringify(kept)
}

/** What a write must be committed with that takes the object away from what was applied, so that this is still known. */
export async function keptManifest(
  { store }: Context,
  target: Target,
  live: Stored,
): Promise<readonly Operation[]> {
  const wanted = lastWanted(target.kind, live, undefined)
  if (wanted === undefined) return []
  const key = appliedKey(target)
  if ((await store.get(key)) !== undefined) return []
  return [{ kind: 'put', key, value: keptText(target.kind, wanted), expect: 0 }]
}

export interface Applied {
  readonly candidate: Candidate
  readonly live: Stored | undefined
  /** Where the last manifest has an entry of its own. */
  readonly entry: Entry | undefined
  readonly recorded: Recorded
  /** What the object's entry keeps from now on, if it is written: see `filledBy`. */
  readonly filled: string | undefined
}

/**
 * What the object's entry is to keep of the manifest: `filled`, where what will be stored is the manifest with just that
 * filled in, and nothing where it is more than that.
 */
export function filledBy(
  document: { readonly object: AnyResource; readonly filled: string | undefined },
  stored: AnyResource,
): string | undefined {
  return stored === document.object || saysTheSame(stored, document.object) ? document.filled : undefined
}

/** Keeps the manifest for the next merge; no write where it is what is kept already. */
export function rememberApplied({ candidate, live, entry, recorded, filled }: Applied): readonly Operation[] {
  const { target, wanted, objectKey, appliedKey: key } = candidate
  const expect = entry?.revision ?? 0
  // written into the object's own entry
  if (recorded.changed && filled !== undefined)
    return entry === undefined ? [] : [{ kind: 'delete', key, expect }]
  if (live !== undefined && (entry !== undefined || !recorded.changed)) {
    const isKept = entry === undefined && live.filled !== undefined && live.filled === filled
    if (isKept || deepEqual(lastWanted(target.kind, live, entry), wanted)) return []
  }
  const guard: readonly Operation[] =
    live === undefined || recorded.changed ? [] : [{ kind: 'check', key: objectKey, expect: live.revision }]
  return [...guard, { kind: 'put', key, value: keptText(target.kind, wanted), expect }]
}
