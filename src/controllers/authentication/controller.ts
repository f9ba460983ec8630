/** Says of TriggerAuthentications whether what they name is there, and which scalers use them; it changes nothing else. */
import type { ResourceController } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import { deepEqual, type Json } from '../../core/json.ts'
import type { ObjectCache, ObjectIndex } from '../../engine/cache.ts'
import { type ControllerSpec, ownKey, type Watch } from '../../engine/controller.ts'
import { type Outcome, settled } from '../../engine/reconciler.ts'
import type { Config, ScaledJob, ScaledObject, Secret } from '../../resources/generated/types.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../../resources/object.ts'
import { authenticationKeys, CLUSTER_NAMESPACE, materialKeys } from '../credentials.ts'
import { type Authentication, authenticationStatus } from './status.ts'

export interface AuthenticationControllerOptions {
  readonly cache: ObjectCache
  readonly api: Pick<ResourceController, 'updateStatus'>
  readonly clock: Pick<Clock, 'now'>
}

const KINDS = ['TriggerAuthentication', 'ClusterTriggerAuthentication'] as const
const SCALERS = ['ScaledObject', 'ScaledJob'] as const

export function authenticationController(options: AuthenticationControllerOptions): ControllerSpec {
  const { cache } = options
  const users = SCALERS.map((kind) => cache.index(kind, scalerKeys))
  const materials = KINDS.map((kind) => cache.index(kind, (one) => materialKeys(one, namespaceOf(one))))
  const onMaterial: Watch['toKeys'] = (material, old) => {
    if (old !== undefined && !concerns(material, old)) return []
    const { namespace, name } = material.metadata
    return materials.flatMap((index) => index.get(`${namespace}/${material.kind}/${name}`)).map(refOfObject)
  }
  // who does not name it any more is one user less
  const onScaler: Watch['toKeys'] = (scaler, old) => {
    if (old !== undefined && old.metadata.generation === scaler.metadata.generation) return []
    const keys = new Set([scaler, ...(old === undefined ? [] : [old])].flatMap(scalerKeys))
    return [...keys].map(refOfKey)
  }
  return {
    name: 'authentication',
    watches: [
      ...KINDS.map((kind) => ({ kind, toKeys: ownKey })),
      ...SCALERS.map((kind) => ({ kind, toKeys: onScaler })),
      { kind: 'Secret', toKeys: onMaterial },
      { kind: 'Config', toKeys: onMaterial },
    ],
    reconciler: new AuthenticationReconciler(options, users),
  }
}

class AuthenticationReconciler {
  readonly #options: AuthenticationControllerOptions
  readonly #users: readonly ObjectIndex[]

  constructor(options: AuthenticationControllerOptions, users: readonly ObjectIndex[]) {
    this.#options = options
    this.#users = users
  }

  async reconcile(ref: ObjectRef): Promise<Outcome> {
    const { cache, api, clock } = this.#options
    const object = cache.get<Authentication>(ref)
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) return settled
    const namespace = namespaceOf(object)
    const status = authenticationStatus(
      object,
      {
        secret: (name) => cache.get<Secret>({ kind: 'Secret', namespace, name }),
        config: (name) => cache.get<Config>({ kind: 'Config', namespace, name }),
        users: this.#usersOf(ref),
      },
      new Date(clock.now()).toISOString(),
    )
    if (!deepEqual(status, object.status))
      await api.updateStatus({ ...ref, uid: object.metadata.uid }, status as unknown as Json)
    return settled
  }

  #usersOf({ kind, namespace = '', name }: ObjectRef): readonly string[] {
    const found = this.#users.flatMap((index) => index.get(`${namespace}/${kind}/${name}`))
    return found
      .map(({ metadata }) => (namespace === '' ? `${metadata.namespace}/${metadata.name}` : metadata.name))
      .sort()
  }
}

/** Where the Secrets and Configs are that it names. */
function namespaceOf({ kind, metadata }: Pick<AnyResource, 'kind' | 'metadata'>): string {
  return kind === 'ClusterTriggerAuthentication' ? CLUSTER_NAMESPACE : (metadata.namespace ?? '')
}

function scalerKeys(object: AnyResource): readonly string[] {
  return authenticationKeys(object as unknown as ScaledObject | ScaledJob)
}

/** Of a key as `authenticationKeys` makes it. */
function refOfKey(key: string): ObjectRef {
  const [namespace = '', kind = '', name = ''] = key.split('/')
  return { kind, name, ...(namespace !== '' && { namespace }) }
}

/** Spec, or what a Secret that is kept elsewhere was found to hold. */
function concerns(now: AnyResource, old: AnyResource): boolean {
  return now.metadata.generation !== old.metadata.generation || !deepEqual(now.status, old.status)
}
