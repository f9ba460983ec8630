/** The ScaledJob controller: takes in what is ordered; looking at triggers and making Jobs is done beside it. */
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/logger.ts'
import { type ControllerSpec, ownKey } from '../../engine/controller.ts'
import { Looks, type LooksOptions } from '../../engine/looks.ts'
import type { Runnable } from '../../engine/manager.ts'
import { type Outcome, settled } from '../../engine/reconciler.ts'
import type { Job, ScaledJob } from '../../resources/generated/types.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'
import { isPodTemplate } from '../../resources/scaledjob/constraints.ts'
import { credentialWatches, Relogins } from '../credentials.ts'
import { JobScaler, type JobScalerOptions, sameOrders } from './scaler.ts'
import type { JobProblem } from './status.ts'

export interface ScaledJobOptions
  extends Omit<JobScalerOptions, 'onFailure'>,
    Omit<LooksOptions, 'kind' | 'count'> {
  readonly clock: Clock
  readonly logger: Logger
  /** Whether there is a source for triggers of that type. */
  readonly isSupported: (type: string) => boolean
}

export interface ScaledJobParts {
  readonly controller: ControllerSpec
  /** What looks at triggers, and makes Jobs. */
  readonly runnable: Runnable
}

/** Makes Jobs as ScaledJobs say. */
export function scaledJobController(options: ScaledJobOptions): ScaledJobParts {
  const { cache } = options
  const looks = new Looks<JobScaler>({
    ...options,
    kind: 'ScaledJob',
    count: () => cache.list('ScaledJob').length,
  })
  const relogins = new Relogins()
  return {
    controller: {
      name: 'scaledjob',
      watches: [
        {
          kind: 'ScaledJob',
          // a status that this controller writes itself wakes nobody
          toKeys: (now, old) => (old !== undefined && isSame(now, old) ? [] : ownKey(now)),
        },
        { kind: 'Job', toKeys: ownerOf },
        // looked at with each look at the triggers
        { kind: 'ResourceQuota', toKeys: () => [] },
        ...credentialWatches('ScaledJob', cache, (ref) => relogins.note(ref)),
      ],
      reconciler: new ScaledJobReconciler(options, looks, relogins),
      concurrency: 16,
    },
    runnable: looks.runnable('scaledjobs'),
  }
}

class ScaledJobReconciler {
  readonly #options: ScaledJobOptions
  readonly #looks: Looks<JobScaler>
  readonly #relogins: Relogins

  constructor(options: ScaledJobOptions, looks: Looks<JobScaler>, relogins: Relogins) {
    this.#options = options
    this.#looks = looks
    this.#relogins = relogins
  }

  async reconcile(ref: ObjectRef): Promise<Outcome> {
    const object = this.#options.cache.get<ScaledJob>(ref)
    const key = `${ref.namespace}/${ref.name}`
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) {
      await this.#looks.remove(key)
      this.#relogins.forget(ref)
      return settled
    }
    await this.#relogins.actOn(ref, (relogin) => this.#takeIn(key, object, relogin))
    return settled
  }

  async #takeIn(key: string, object: ScaledJob, relogin: boolean): Promise<void> {
    const known = this.#looks.get(key)
    if (known !== undefined && known.object.metadata.uid !== object.metadata.uid)
      await this.#looks.remove(key)
    const scaler = this.#looks.get(key) ?? this.#add(key, object)
    await this.#looks.carryOut(key, await scaler.update(object, this.#problemOf(object), relogin))
  }

  #add(key: string, object: ScaledJob): JobScaler {
    const onFailure = (error: unknown) => this.#looks.failed(key, error)
    return this.#looks.add(key, new JobScaler(object, { ...this.#options, onFailure }))
  }

  #problemOf({ spec }: ScaledJob): JobProblem | undefined {
    if (isPodTemplate(spec.jobTargetRef.template))
      return {
        reason: 'UnsupportedImage',
        message: 'there are no container images here: say in spec.jobTargetRef.template which program to run',
      }
    const unknown = spec.triggers.find(({ type }) => !this.#options.isSupported(type))
    if (unknown === undefined) return undefined
    return {
      reason: 'UnsupportedTrigger',
      message: `there is no source for triggers of type ${unknown.type}: use another, or type external with a scaler of KEDA's`,
    }
  }
}

/** What becomes of a Job concerns the ScaledJob that made it. */
function ownerOf(object: AnyResource): readonly ObjectRef[] {
  const { metadata } = object as unknown as Job
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === 'ScaledJob')
  return owner === undefined ? [] : [{ kind: 'ScaledJob', namespace: metadata.namespace, name: owner.name }]
}

function isSame(now: AnyResource, old: AnyResource): boolean {
  return now.metadata.deletionTimestamp === old.metadata.deletionTimestamp && sameOrders(now, old)
}
