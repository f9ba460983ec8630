/** What scalers' triggers log in with: a change of it concerns those whose triggers name it. */
import { deepEqual } from '../core/json.ts'
import type { ObjectCache } from '../engine/cache.ts'
import { refKey, type Watch } from '../engine/controller.ts'
import type {
  ClusterTriggerAuthentication,
  ScaledJob,
  ScaledObject,
  Secret,
  TriggerAuthentication,
} from '../resources/generated/types.ts'
import { secretContent } from '../resources/materials.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../resources/object.ts'

/** Where Secrets of ClusterTriggerAuthentications are. */
export const CLUSTER_NAMESPACE = 'nsctl'

/** Whose triggers are to log in anew when they are next taken in. A note stays until that has been done. */
export class Relogins {
  readonly #keys = new Set<string>()

  note(ref: ObjectRef): void {
    this.#keys.add(refKey(ref))
  }

  forget(ref: ObjectRef): void {
    this.#keys.delete(refKey(ref))
  }

  /** Has `takeIn` act on what is noted of `ref`, and notes it again where that rejects. What is noted meanwhile is for the next time. */
  async actOn(ref: ObjectRef, takeIn: (relogin: boolean) => Promise<void>): Promise<void> {
    const relogin = this.#keys.delete(refKey(ref))
    try {
      await takeIn(relogin)
    } catch (error) {
      if (relogin) this.note(ref)
      throw error
    }
  }
}

/**
 * Watches that wake the scalers of `kind` whose triggers log in with what has changed. `onCredentials` is told of each first: it is to log in anew.
 */
export function credentialWatches(
  kind: 'ScaledObject' | 'ScaledJob',
  cache: ObjectCache,
  onCredentials: (ref: ObjectRef) => void,
): readonly Watch[] {
  const users = cache.index(kind, (object) => authenticationKeys(object as unknown as ScaledObject))
  const sources = [
    cache.index('TriggerAuthentication', (one) => materialKeys(one, one.metadata.namespace ?? '')),
    cache.index('ClusterTriggerAuthentication', (one) => materialKeys(one, CLUSTER_NAMESPACE)),
  ]
  const named = (refs: readonly ObjectRef[]): readonly ObjectRef[] => {
    for (const ref of refs) onCredentials(ref)
    return refs
  }
  const usersOf = (authentication: AnyResource): readonly ObjectRef[] =>
    users.get(authenticationKey(authentication)).map((one) => refOfObject(one))
  const usersOfMaterial = (material: AnyResource): readonly ObjectRef[] => {
    const { namespace, name } = material.metadata
    const authentications = sources.flatMap((index) => index.get(`${namespace}/${material.kind}/${name}`))
    return authentications.flatMap(usersOf)
  }
  const onSpec: Watch['toKeys'] = (now, old) =>
    old !== undefined && deepEqual(now.spec, old.spec) ? [] : named(usersOf(now))
  return [
    { kind: 'TriggerAuthentication', toKeys: onSpec },
    { kind: 'ClusterTriggerAuthentication', toKeys: onSpec },
    {
      kind: 'Secret',
      toKeys: (now, old) =>
        old !== undefined && deepEqual(contentOf(now), contentOf(old)) ? [] : named(usersOfMaterial(now)),
    },
    {
      kind: 'Config',
      toKeys: (now, old) =>
        old !== undefined && deepEqual(now.spec, old.spec) ? [] : named(usersOfMaterial(now)),
    },
  ]
}

/** `namespace/kind/name` of what the triggers name. */
export function authenticationKeys({
  metadata: { namespace },
  spec,
}: ScaledObject | ScaledJob): readonly string[] {
  const keys = spec.triggers.flatMap(({ authenticationRef }) => {
    if (authenticationRef === undefined) return []
    const { kind = 'TriggerAuthentication', name } = authenticationRef
    return [kind === 'TriggerAuthentication' ? `${namespace}/${kind}/${name}` : `/${kind}/${name}`]
  })
  return [...new Set(keys)]
}

export function authenticationKey({ kind, metadata: { namespace = '', name } }: AnyResource): string {
  return `${namespace}/${kind}/${name}`
}

export function materialKeys(object: AnyResource, namespace: string): readonly string[] {
  const { spec } = object as unknown as TriggerAuthentication | ClusterTriggerAuthentication
  const secrets = (spec.secretTargetRef ?? []).map(({ name }) => `${namespace}/Secret/${name}`)
  const configs = (spec.configMapTargetRef ?? []).map(({ name }) => `${namespace}/Config/${name}`)
  const { tokenFrom } = spec.hashiCorpVault?.credential ?? {}
  const token = tokenFrom === undefined ? [] : [`${namespace}/Secret/${tokenFrom.name}`]
  return [...new Set([...secrets, ...configs, ...token])]
}

/** What a Secret holds, whoever uses it and whatever is said of it. */
function contentOf(object: AnyResource): unknown {
  return secretContent(object as unknown as Secret)
}
