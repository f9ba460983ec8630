/** What replace, patch, scale and rollback want of an object; `editObject` does the rest. */
import { NsctlError } from '../core/errors.ts'
import { clone, deepEqual, formatPath, isObject, type Json, type Path, valueAt } from '../core/json.ts'
import { withArticle } from '../core/words.ts'
import type { AnyResource } from '../resources/object.ts'
import type { PatchType, Verdict } from './api.ts'
import { contentOf } from './changes.ts'
import type { Stored } from './codec.ts'
import type { Context } from './context.ts'
import { type Decide, type Desired, targetText } from './edit.ts'
import type { Target } from './keys.ts'
import { keepOperational } from './operational.ts'
import { managerOf, setAt } from './ownership.ts'
import { applyPatch } from './patch.ts'
import type { StoredRevision } from './revision-content.ts'
import { contentOfRevision, readHistory } from './revisions.ts'
import { kindWarnings } from './versions.ts'

/** For edit: `object` in place of what is there, if that is still what was read. */
export function decideReplace(object: AnyResource, verdict: Verdict): Decide {
  return (live, target) => {
    holdVersion(object, live, target)
    // not as undefined: a schema that knows no status would name it
    const { status: _, ...next } = object
    return { next: { ...next, apiVersion: target.kind.apiVersion } as AnyResource, verdict }
  }
}

export function decidePatch(type: PatchType, patch: Json, verdict: Verdict): Decide {
  return (live, target) => {
    const patched = applyPatch(live.object, type, patch, target.kind.schema)
    if (!isObject(patched) || !isObject(patched.metadata))
      throw new NsctlError('Invalid', `the patch leaves no object of ${targetText(target)}`)
    const next = patched as unknown as AnyResource
    for (const path of [
      ['apiVersion'],
      ['kind'],
      ['metadata', 'name'],
      ['metadata', 'namespace'],
      ['metadata', 'uid'],
    ])
      holdIdentity(path, live.object, next, target)
    if (!deepEqual(live.object.status, next.status))
      throw new NsctlError(
        'Invalid',
        `the patch changes the status of ${targetText(target)}, which nsctl writes`,
        {
          next: 'patch metadata and spec only',
        },
      )
    holdVersion(next, live, target)
    return { next, verdict }
  }
}

/** For a node: another key in place of the pinned one. */
export function decideTrust(choose: (node: AnyResource) => string): Decide {
  return (live) => {
    const next = { ...live.object, spec: { ...live.object.spec, recipient: choose(live.object) } }
    return { next, verdict: 'trusted' }
  }
}

export function decideScale(replicas: number, expectCurrent: number | undefined): Decide {
  return (live, target) => {
    const path = scalePathOf(target)
    const current = valueAt(live.object, path)
    if (expectCurrent !== undefined && current !== expectCurrent)
      throw new NsctlError(
        'Conflict',
        `${targetText(target)} has ${current} replicas, not ${expectCurrent}`,
        {
          value: expectCurrent,
          next: 'look again and scale from there',
        },
      )
    const next = clone(live.object)
    setAt(next as unknown as Record<string, unknown>, path as readonly string[], replicas)
    const manager = managerOf(live.object, formatPath(path))
    const owned =
      manager === undefined ? [] : [`${formatPath(path)} is owned by ${manager}, which may change it again`]
    return { next, verdict: 'scaled', revises: false, warnings: [...owned, ...kindWarnings(target, next)] }
  }
}

function scalePathOf({ kind }: Target): Path {
  if (kind.scalePath !== undefined) return kind.scalePath
  throw new NsctlError('Unsupported', `${withArticle(kind.kind)} has no replicas to scale`, {
    value: kind.kind,
    next: 'kinds that scale are services, and those whose definition has the scale subresource',
  })
}

/** An old revision's content as a new one. Replicas that came by scaling, not with a revision, stay as they are. */
export function decideRollback(context: Context, toRevision: number | undefined): Decide {
  return async (live, target): Promise<Desired> => {
    const { kind } = target
    const name = targetText(target)
    if (!kind.revisioned)
      throw new NsctlError('Unsupported', `${withArticle(kind.kind)} keeps no revisions to roll back to`, {
        value: kind.kind,
      })
    const history = await readHistory(context.store, target)
    const now = live.object.metadata.revision ?? 0
    const wanted = chooseRevision(history, now, toRevision, name)
    const metadata = metadataOfRevision(target, live.object, wanted)
    const content = { ...withoutContent(live.object), ...contentOfRevision(wanted), metadata } as AnyResource
    const next = keepOperational(kind, live.object, content)
    const { object, warnings } = keepScale(target, live, next, { history, wanted })
    const cause = `rolled back to r${wanted.revision}`
    if (deepEqual(contentOf(object), contentOf(live.object)))
      return {
        next: live.object,
        verdict: 'rolled back',
        warnings: [`${name} is as in r${wanted.revision} already`, ...warnings],
      }
    return { next: object, verdict: 'rolled back', cause, warnings }
  }
}

/** Metadata stays, but for what a conversion keeps in it: that is content of a version. */
function metadataOfRevision(
  { kind: { family } }: Target,
  { metadata }: AnyResource,
  { kept = {} }: StoredRevision,
): AnyResource['metadata'] {
  if (family === undefined) return metadata
  const names = Object.keys(metadata.annotations ?? {}).filter((name) =>
    family.keeps(name, metadata.annotations?.[name]),
  )
  // none is said with an empty one: what is left out would stay as it is
  const none = Object.fromEntries(names.map((name) => [name, '[]']))
  return { ...metadata, annotations: { ...metadata.annotations, ...none, ...kept } }
}

function chooseRevision(
  history: readonly StoredRevision[],
  now: number,
  toRevision: number | undefined,
  name: string,
): StoredRevision {
  const found =
    toRevision === undefined
      ? history.find((record) => record.revision < now)
      : history.find((record) => record.revision === toRevision)
  if (found !== undefined) return found
  const kept = history.map((record) => `r${record.revision}`).reverse()
  throw new NsctlError(
    'NotFound',
    toRevision === undefined
      ? `${name} has no revision before r${now}`
      : `${name} has no revision r${toRevision}`,
    {
      ...(toRevision === undefined ? {} : { value: toRevision }),
      next: `revisions that are kept: ${kept.join(', ') || 'none'}`,
    },
  )
}

/** What a revision does not keep: names and what the server writes. */
function withoutContent(object: AnyResource): Record<string, unknown> {
  const content = contentOf(object)
  return Object.fromEntries(Object.entries(object).filter(([key]) => !Object.hasOwn(content, key)))
}

interface WayBack {
  /** Newest first; the first is the present revision. */
  readonly history: readonly StoredRevision[]
  readonly wanted: StoredRevision
}

function keepScale(
  { kind }: Target,
  live: Stored,
  next: AnyResource,
  way: WayBack,
): { readonly object: AnyResource; readonly warnings: readonly string[] } {
  const path = kind.scalePath
  if (path === undefined) return { object: next, warnings: [] }
  const { value, why } = replicasAfter(path, live, way)
  if (value === undefined || deepEqual(valueAt(next, path), value)) return { object: next, warnings: [] }
  const object = clone(next)
  setAt(object as unknown as Record<string, unknown>, path as readonly string[], value)
  const goes = deepEqual(value, valueAt(live.object, path)) ? 'stays' : 'goes back to'
  return { object, warnings: [`${formatPath(path)} ${why} and ${goes} ${JSON.stringify(value)}`] }
}

/** What replicas were before the first revision that is undone set them; what they are where none did. */
function replicasAfter(
  path: Path,
  live: Stored,
  { history, wanted }: WayBack,
): { readonly value: Json | undefined; readonly why: string } {
  const current = valueAt(live.object, path) as Json | undefined
  const manager = managerOf(live.object, formatPath(path))
  if (manager !== undefined) return { value: current, why: `is owned by ${manager}` }
  const [present] = history
  if (present !== undefined && !deepEqual(valueAt(contentOfRevision(present), path), current))
    return { value: current, why: `was scaled since r${present.revision}` }
  const why = `was scaled since r${wanted.revision}`
  const first = history
    .filter((record) => record.revision > wanted.revision)
    .flatMap((record) => record.changes.find((change) => deepEqual(change.path, path)) ?? [])
    .at(-1)
  return { value: first === undefined ? current : first.from, why }
}

function holdIdentity(path: Path, live: AnyResource, next: AnyResource, target: Target): void {
  const [was, is] = [valueAt(live, path), valueAt(next, path)]
  if (deepEqual(was, is)) return
  throw new NsctlError('Invalid', `${targetText(target)}: ${formatPath(path)} cannot be changed`, {
    value: is,
    next: 'make a new object and delete this one',
  })
}

function holdVersion({ metadata }: AnyResource, live: Stored, target: Target): void {
  const { resourceVersion, uid } = live.object.metadata
  const isSame = metadata.resourceVersion === undefined || metadata.resourceVersion === resourceVersion
  if (isSame && (metadata.uid === undefined || metadata.uid === uid)) return
  throw new NsctlError('Conflict', `${targetText(target)} has changed since it was read`, {
    value: metadata.resourceVersion,
    next: 'get it again and make the change on what is there now',
  })
}
