/** The three kinds of patches, as functions from an object to an object. Pure: the object that is given stays as it is. */
import { NsctlError } from '../core/errors.ts'
import { clone, deepEqual, isObject, type Json, setMember } from '../core/json.ts'
import { identified, listIdentity, memberSchema } from '../resources/lists.ts'
import type { JsonSchema } from '../resources/schema.ts'
import type { PatchType } from './api.ts'

/**
 * `object` after `patch`: RFC 7386 (merge), RFC 6902 (json), or merge with lists merged along their keys (strategic).
 *
 * @throws NsctlError Invalid where the patch is none or does not fit the object; Conflict where a JSON patch's test fails
 */
export function applyPatch(object: unknown, type: PatchType, patch: Json, schema: JsonSchema): unknown {
  if (type === 'json') return jsonPatch(object, patch)
  if (!isObject(patch))
    throw new NsctlError('Invalid', `a ${type} patch must be an object, not ${describe(patch)}`, {
      value: patch,
      next: 'write it like {"spec": {"replicas": 3}}',
    })
  return type === 'merge' ? mergePatch(object, patch) : strategicPatch(object, patch, schema)
}

/** RFC 7386. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {}
  for (const key of Object.keys(patch)) {
    if (patch[key] === null) delete merged[key]
    else setMember(merged, key, mergePatch(ownMember(merged, key), patch[key]))
  }
  return merged
}

/** Merge patch, but lists with keys merge item by item: an item with `$patch: delete` goes, a new one comes last. */
export function strategicPatch(target: unknown, patch: unknown, schema: JsonSchema | undefined): unknown {
  if (Array.isArray(patch)) return strategicList(target, patch, schema)
  if (!isObject(patch)) return patch
  const { $patch: directive, ...members } = patch
  if (directive === 'replace') return strategicPatch({}, members, schema)
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {}
  for (const key of Object.keys(members)) {
    if (members[key] === null) delete merged[key]
    else
      setMember(merged, key, strategicPatch(ownMember(merged, key), members[key], memberSchema(schema, key)))
  }
  return merged
}

function strategicList(target: unknown, patch: readonly unknown[], schema: JsonSchema | undefined): unknown {
  const identify = listIdentity(schema)
  const live = identify && Array.isArray(target) ? identified(target, identify) : undefined
  const changes = identify && identified(patch, identify)
  if (changes === undefined) return patch
  const merged = new Map(live)
  for (const [identity, item] of changes) {
    if (isObject(item) && item.$patch === 'delete') merged.delete(identity)
    else merged.set(identity, strategicPatch(merged.get(identity), item, schema?.items))
  }
  return [...merged.values()]
}

interface Step {
  readonly index: number
  readonly op: string
  readonly path: string
  readonly from: string | undefined
  readonly value: unknown
}

/** RFC 6902, on pointers of RFC 6901. All operations or none. */
export function jsonPatch(target: unknown, patch: Json): unknown {
  if (!Array.isArray(patch))
    throw new NsctlError('Invalid', `a json patch must be a list of operations, not ${describe(patch)}`, {
      value: patch,
      next: 'write it like [{"op": "replace", "path": "/spec/replicas", "value": 3}]',
    })
  return patch.map(readStep).reduce(runStep, clone(target))
}

function readStep(step: unknown, index: number): Step {
  const { op, path, from, value } = isObject(step) ? step : ({} as Record<string, unknown>)
  if (typeof op !== 'string' || typeof path !== 'string')
    throw wrongStep(index, 'must have "op" and "path"', step)
  if ((op === 'move' || op === 'copy') && typeof from !== 'string')
    throw wrongStep(index, 'must have "from"', step)
  const needsValue = op === 'add' || op === 'replace' || op === 'test'
  if (needsValue && value === undefined) throw wrongStep(index, 'must have "value"', step)
  return { index, op, path, from: typeof from === 'string' ? from : undefined, value }
}

function runStep(document: unknown, step: Step): unknown {
  const { index, op, path, from = '', value } = step
  switch (op) {
    case 'test':
      if (deepEqual(read(document, path, index), value)) return document
      throw new NsctlError(
        'Conflict',
        `the test of ${path} failed: it is ${describe(read(document, path, index))}`,
        {
          value,
          next: 'look at the object as it is now and make the patch again',
        },
      )
    case 'add':
      return write(document, path, index, clone(value), 'add')
    case 'replace':
      read(document, path, index)
      return write(document, path, index, clone(value), 'replace')
    case 'remove':
      return remove(document, path, index)
    case 'copy':
      return write(document, path, index, clone(read(document, from, index)), 'add')
    case 'move': {
      if (path.startsWith(`${from}/`)) throw wrongStep(index, 'cannot move a value into itself', from)
      const moved = read(document, from, index)
      return write(remove(document, from, index), path, index, moved, 'add')
    }
    default:
      throw wrongStep(
        index,
        `"op" must be add, remove, replace, move, copy or test, not ${JSON.stringify(op)}`,
        op,
      )
  }
}

function steps(pointer: string, index: number): readonly string[] {
  if (pointer === '') return []
  if (!pointer.startsWith('/'))
    throw wrongStep(index, `the path must start with /, not ${JSON.stringify(pointer)}`, pointer)
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function read(document: unknown, pointer: string, index: number): unknown {
  let current = document
  for (const step of steps(pointer, index)) {
    const inner = Array.isArray(current)
      ? current[position(current, step, index, current.length - 1)]
      : isObject(current)
        ? ownMember(current, step)
        : undefined
    if (inner === undefined) throw wrongStep(index, `there is nothing at ${pointer}`, pointer)
    current = inner
  }
  return current
}

function parentOf(document: unknown, pointer: string, index: number): { parent: unknown; last: string } {
  const cut = pointer.lastIndexOf('/')
  const last = steps(pointer, index).at(-1) as string
  return { parent: read(document, pointer.slice(0, cut), index), last }
}

/** `document` is this patch's own copy and is changed in place. */
function write(
  document: unknown,
  pointer: string,
  index: number,
  value: unknown,
  how: 'add' | 'replace',
): unknown {
  if (pointer === '') return value
  const { parent, last } = parentOf(document, pointer, index)
  if (Array.isArray(parent)) {
    if (how === 'replace') parent[position(parent, last, index, parent.length - 1)] = value
    else parent.splice(last === '-' ? parent.length : position(parent, last, index, parent.length), 0, value)
  } else if (isObject(parent)) setMember(parent, last, value)
  else throw wrongStep(index, `there is no object or list around ${pointer}`, pointer)
  return document
}

function remove(document: unknown, pointer: string, index: number): unknown {
  read(document, pointer, index)
  if (pointer === '') throw wrongStep(index, 'cannot remove the whole object', pointer)
  const { parent, last } = parentOf(document, pointer, index)
  if (Array.isArray(parent)) parent.splice(position(parent, last, index, parent.length - 1), 1)
  else if (isObject(parent)) delete parent[last]
  return document
}

function position(list: readonly unknown[], step: string, index: number, last: number): number {
  const at = /^(0|[1-9][0-9]*)$/.test(step) ? Number(step) : -1
  if (at < 0 || at > last)
    throw wrongStep(index, `${JSON.stringify(step)} is no position in a list of ${list.length}`, step)
  return at
}

function ownMember(members: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(members, key) ? members[key] : undefined
}

function wrongStep(index: number, message: string, value: unknown): NsctlError {
  return new NsctlError('Invalid', `operation ${index + 1} of the patch: ${message}`, { value })
}

function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
