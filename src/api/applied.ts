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
    return isObject(last) ? wantedOf(last, kind) : undefined
  }
  return live.filled === undefined ? undefined : impliedBy(kind, live.object, live.filled)
}

function impliedBy(kind: Kind, object: AnyResource, filled: string): Wanted {
  return wantedOf(withoutFilled(object, filled) as AnyResource, kind)
}

/** What a write must be committed with that takes the object away from what was applied, so that this is still known. */
export async function keptManifest(
  { store }: Context,
  target: Target,
  { object, filled }: Stored,
): Promise<readonly Operation[]> {
  if (filled === undefined) return []
  const key = appliedKey(target)
  if ((await store.get(key)) !== undefined) return []
  const value = JSON.stringify(impliedBy(target.kind, object, filled))
  return [{ kind: 'put', key, value, expect: 0 }]
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
  return [...guard, { kind: 'put', key, value: JSON.stringify(wanted), expect }]
}
