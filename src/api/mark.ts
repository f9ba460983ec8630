/**
 * What people may say of what nsctl writes: of an Instance, by an annotation, that it is busy. Its program may know no other way of saying so, and
 * nothing that is written of it is touched by that. Everything else of internal kinds stays nsctl's.
 */
import { NsctlError } from '../core/errors.ts'
import { deepEqual, formatPath } from '../core/json.ts'
import { BUSY } from '../resources/busy.ts'
import type { AnyResource } from '../resources/object.ts'
import type { ApplyOptions, ChangeResult } from './api.ts'
import { auditOperation } from './audit.ts'
import { changesBetween } from './changes.ts'
import { withResourceVersion } from './codec.ts'
import { type Context, commit, MAX_ATTEMPTS } from './context.ts'
import { putSpec, withMetadata } from './delete.ts'
import { contention, type Decide, notFound, refuseInternal, verbOf } from './edit.ts'
import type { Target } from './keys.ts'
import { readStored } from './reader.ts'

/** Whether there is anything that people may say of such an object. */
export function isMarkable({ kind }: Target): boolean {
  return kind.kind === 'Instance' && kind.internal
}

/**
 * Carries out what `decide` wants, where that is a mark and no more.
 *
 * @throws NsctlError NotFound, Invalid where it is more, and Conflict where others were faster `MAX_ATTEMPTS` times
 */
export async function markObject(
  context: Context,
  target: Target,
  options: Pick<ApplyOptions, 'actor' | 'dryRun'>,
  decide: Decide,
): Promise<ChangeResult> {
  const { kind } = target
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const live = await readStored(context, target)
    if (live === undefined) throw notFound(target)
    const { next, verdict } = await decide(live, target)
    refuseMore(target, live.object, next)
    const object = withMetadata(live.object, { annotations: next.metadata.annotations ?? {} })
    const changes = changesBetween(live.object, object, kind.schema)
    const result: ChangeResult = { verdict, kind, object, before: live.object, changes, warnings: [] }
    if (changes.length === 0) return { ...result, verdict: 'unchanged', object: live.object }
    if (options.dryRun === true) return result
    const [outcome] = await commit(context, [
      [
        putSpec(target, live, object, live.filled),
        auditOperation(context, options.actor, verbOf(verdict), [{ target }]),
      ],
    ])
    if (outcome?.kind === 'committed')
      return { ...result, object: withResourceVersion(object, outcome.revision) }
  }
  throw contention(target)
}

function refuseMore(target: Target, live: AnyResource, next: AnyResource): void {
  const hint = `what can be said of it: nsctl annotate ${target.kind.singular} ${target.name} ${BUSY}=true`
  if (!deepEqual(withoutMark(live), withoutMark(next)))
    refuseInternal(target, `change the object that it was made for; ${hint}`)
  const value: unknown = next.metadata.annotations?.[BUSY]
  if (value === undefined || value === 'true' || value === 'false') return
  const path = formatPath(['metadata', 'annotations', BUSY])
  throw new NsctlError('Invalid', `${path}: must be "true" or "false", not ${JSON.stringify(value)}`, {
    value,
    next: hint,
  })
}

/** Absent annotations and empty ones are the same. */
function withoutMark(object: AnyResource): unknown {
  const { annotations = {}, resourceVersion: _version, ...metadata } = object.metadata
  const { [BUSY]: _mark, ...others } = annotations
  return { ...object, metadata: { ...metadata, annotations: others } }
}
