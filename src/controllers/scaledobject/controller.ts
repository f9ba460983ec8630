/** The ScaledObject controller: takes in what is ordered; the looking and deciding are done beside it (scalers.ts). */
import { FINALIZERS, type ResourceApi } from '../../api/api.ts'
import { isNsctlError } from '../../core/errors.ts'
import type { ControllerSpec } from '../../engine/controller.ts'
import type { Runnable } from '../../engine/manager.ts'
import { type Outcome, settled } from '../../engine/reconciler.ts'
import type { ScaledObject, Service } from '../../resources/generated/types.ts'
import type { ObjectRef } from '../../resources/object.ts'
import { Relogins } from '../credentials.ts'
import { findProblem, targetName, targetText } from './problem.ts'
import { keyOf, Scalers, type ScalersOptions } from './scalers.ts'
import { managerName } from './target.ts'
import { type ScaledObjectIndexes, scaledObjectIndexes, scaledObjectWatches } from './watches.ts'

export type ScaledObjectApi = Pick<
  ResourceApi,
  'scale' | 'takeFields' | 'get' | 'updateStatus' | 'recordEvent' | 'removeFinalizer'
>

export interface ScaledObjectOptions extends Omit<ScalersOptions, 'api' | 'count'> {
  readonly api: ScaledObjectApi
  /** Whether there is a source for triggers of that type. */
  readonly isSupported: (type: string) => boolean
}

export interface ScaledObjectParts {
  readonly controller: ControllerSpec
  /** What looks at triggers, and decides. */
  readonly runnable: Runnable
}

/** Scales Services as their ScaledObjects say. */
export function scaledObjectController(options: ScaledObjectOptions): ScaledObjectParts {
  const { cache } = options
  const indexes = scaledObjectIndexes(cache)
  const count = () => cache.list('ScaledObject').length
  const scalers = new Scalers({ ...options, count })
  const relogins = new Relogins()
  const reconciler = new ScaledObjectReconciler(options, { scalers, indexes, relogins })
  const onCredentials = (ref: ObjectRef) => relogins.note(ref)
  const onRequests = (scaler: ScaledObject, { waiting }: { readonly waiting: boolean }) =>
    scalers.requested(keyOf(scaler), waiting)
  return {
    controller: {
      name: 'scaledobject',
      watches: scaledObjectWatches({ cache, onCredentials, onRequests }, indexes),
      reconciler,
      concurrency: 32,
    },
    runnable: scalers.runnable(),
  }
}

interface Parts {
  readonly scalers: Scalers
  readonly indexes: ScaledObjectIndexes
  readonly relogins: Relogins
}

class ScaledObjectReconciler {
  readonly #options: ScaledObjectOptions
  readonly #scalers: Scalers
  readonly #indexes: ScaledObjectIndexes
  readonly #relogins: Relogins

  constructor(options: ScaledObjectOptions, { scalers, indexes, relogins }: Parts) {
    this.#options = options
    this.#scalers = scalers
    this.#indexes = indexes
    this.#relogins = relogins
  }

  async reconcile(ref: ObjectRef): Promise<Outcome> {
    const object = this.#options.cache.get<ScaledObject>(ref)
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) {
      await this.#scalers.remove(`${ref.namespace}/${ref.name}`)
      this.#relogins.forget(ref)
      if (object !== undefined) await this.#restore(object)
      await this.#giveBack(ref, undefined)
      if (object?.metadata.finalizers?.includes(FINALIZERS.scale))
        await this.#options.api.removeFinalizer({ ...ref, uid: object.metadata.uid }, FINALIZERS.scale)
      return settled
    }
    const service = this.#serviceOf(object)
    const rivals = this.#rivalsOf(object)
    const problem = findProblem({ object, service, rivals, isSupported: this.#options.isSupported })
    // before it acts on another Service, and where it must not act any more
    await this.#giveBack(ref, problem?.reason === 'TargetTaken' ? undefined : targetName(object))
    await this.#relogins.actOn(ref, (relogin) => this.#scalers.update(object, problem, relogin))
    return settled
  }

  #serviceOf(object: ScaledObject): Service | undefined {
    const name = targetName(object)
    if (name === undefined) return undefined
    return this.#options.cache.get<Service>({ kind: 'Service', namespace: object.metadata.namespace, name })
  }

  #rivalsOf(object: ScaledObject): readonly ScaledObject[] {
    const { namespace } = object.metadata
    const all = this.#indexes.byTarget.get<ScaledObject>(`${namespace}/${targetName(object)}`)
    return all.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  }

  /** The number that the Service had before, where that is asked for. */
  async #restore(object: ScaledObject): Promise<void> {
    const { status, spec, metadata } = object
    const original = status?.originalReplicaCount
    if (spec.advanced?.restoreToOriginalReplicaCount !== true || original === undefined) return
    const name = targetName(object)
    if (name === undefined || status?.targetText !== targetText(object)) return
    // one that another owns is not this one's to change
    const managed = this.#indexes.managed.get<Service>(`${metadata.namespace}/${managerName(metadata.name)}`)
    if (!managed.some((service) => service.metadata.name === name)) return
    const ref = { kind: 'Service', namespace: metadata.namespace, name }
    const actor = { name: managerName(metadata.name), from: 'controller scaledobject' }
    try {
      await this.#options.api.scale(ref, original, { actor })
    } catch (error) {
      if (!isNsctlError(error, 'NotFound', 'Terminating')) throw error
    }
  }

  /** What it owns of Services other than `kept` is their manifests' again. */
  async #giveBack({ namespace, name }: ObjectRef, kept: string | undefined): Promise<void> {
    const manager = managerName(name)
    const managed = this.#indexes.managed.get<Service>(`${namespace}/${manager}`)
    for (const { metadata } of managed) {
      if (metadata.name === kept) continue
      await this.#options.api.takeFields({ kind: 'Service', namespace, name: metadata.name }, manager, [])
    }
  }
}

export { keyOf }
