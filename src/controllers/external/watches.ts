/** What has a Secret fetched at once: its own spec, the credentials that it names, and those whom it is sealed to. */
import { deepEqual } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { Watch } from '../../engine/controller.ts'
import type { Secret } from '../../resources/generated/types.ts'
import { secretVersion } from '../../resources/materials.ts'
import { type AnyResource, refOfObject } from '../../resources/object.ts'

/** All Secrets whose values are kept elsewhere, in the index. Credentials' keys hold a slash. */
const ALL = 'all'

/** A status that this or another controller writes wakes nobody: each look at a source is a request. */
export function externalWatches(cache: ObjectCache): readonly Watch[] {
  const index = cache.index('Secret', (object) => indexKeys(object as unknown as Secret))
  return [
    {
      kind: 'Secret',
      toKeys: (object, old) => {
        const { namespace, name } = object.metadata
        const own = concerns(object, old) ? [refOfObject(object)] : []
        const users = index.get(`${namespace}/${name}`)
        return users.length > 0 && valuesMoved(object, old) ? [...own, ...users.map(refOfObject)] : own
      },
    },
    {
      kind: 'Recipient',
      toKeys: (object, old) =>
        old !== undefined && deepEqual(object.spec, old.spec) ? [] : index.get(ALL).map(refOfObject),
    },
  ]
}

function indexKeys({ metadata: { namespace }, spec }: Secret): readonly string[] {
  const { vault } = spec.external ?? {}
  if (spec.external === undefined) return []
  const { token, appRole } = vault?.auth ?? {}
  const names = [token?.name, appRole?.secretId.name].filter((name) => name !== undefined)
  return [ALL, ...names.map((name) => `${namespace}/${name}`)]
}

/** Itself is to be looked at: it is kept elsewhere, or was. */
function concerns(object: AnyResource, old: AnyResource | undefined): boolean {
  const [now, before] = [object, old] as unknown as readonly [Secret, Secret | undefined]
  const isExternal = now.spec.external !== undefined || now.status?.fetched !== undefined
  return isExternal && (before === undefined || now.metadata.generation !== before.metadata.generation)
}

function valuesMoved(object: AnyResource, old: AnyResource | undefined): boolean {
  const [now, before] = [object, old] as unknown as readonly [Secret, Secret | undefined]
  return before === undefined || secretVersion(now) !== secretVersion(before)
}
