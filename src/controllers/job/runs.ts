/** A Job's runs as Instances. */
import { FINALIZERS } from '../../api/api.ts'
import { digest } from '../../core/ids.ts'
import type { JsonObject } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { needsOf } from '../../placement/inputs.ts'
import type { Batch } from '../../placement/placement.ts'
import type { Config, Instance, Job, Secret, ServiceTemplate } from '../../resources/generated/types.ts'
import { serviceOfRuns } from '../../resources/job/runs.ts'
import {
  configContent,
  contentForHash,
  type Material,
  type MissingMaterial,
  materialRefs,
  resolveMaterials,
  secretContent,
} from '../../resources/materials.ts'
import { type AnyResource, API_VERSION } from '../../resources/object.ts'
import { templateHash } from '../../resources/template.ts'
import type { Priority } from '../priorities.ts'
import type { RunView } from './plan.ts'

/** What a Job's template comes to now. */
export interface RunTemplate {
  readonly hash: string
  /** What the runs are made with. */
  readonly template: ServiceTemplate
  readonly materials: readonly Material[]
  /** Without these nothing is started. */
  readonly missing: readonly MissingMaterial[]
}

export function runTemplateOf(
  { spec, metadata: { namespace } }: Job,
  cache: Pick<ObjectCache, 'get'>,
): RunTemplate {
  const refs = materialRefs(spec.template)
  const { materials, missing } = resolveMaterials(refs, (kind, name) => {
    const object = cache.get({ kind, namespace, name })
    if (object === undefined) return undefined
    return kind === 'Config'
      ? configContent(object as unknown as Config)
      : secretContent(object as unknown as Secret)
  })
  const hash = templateHash(spec.template, [], contentForHash(refs, materials))
  return { hash, template: spec.template, materials, missing }
}

/** The same name for the same Job and ordinal. */
export function runName({ metadata }: Job, ordinal: number): string {
  return `${metadata.name}-${ordinal}-${digest(`${metadata.uid}/${ordinal}`, 5)}`
}

/** Runs that want a node each, by their ids. */
export function batchOf(
  job: Job,
  { hash, template, materials }: RunTemplate,
  priority: Priority,
  ids: readonly string[],
): Batch {
  const { namespace = '' } = job.metadata
  return {
    service: `${namespace}/${serviceOfRuns(job.metadata.name)}`,
    namespace,
    hash,
    needs: needsOf(template),
    rule: job.spec.placement,
    withSecrets: materials.some(({ kind }) => kind === 'Secret'),
    priority: priority.value,
    preempts: priority.preempts,
    seats: ids.map((id) => ({ id })),
  }
}

/** One run, held by the finalizer that its agent's word takes off, and by the one that goes when it is counted. The same name for the same Job and ordinal. */
export function makeRun(
  job: Job,
  template: RunTemplate,
  { ordinal, node, priority }: { readonly ordinal: number; readonly node: string; readonly priority: number },
): AnyResource {
  const { metadata } = job
  return {
    apiVersion: API_VERSION,
    kind: 'Instance',
    metadata: {
      name: runName(job, ordinal),
      namespace: metadata.namespace,
      ...(metadata.labels === undefined ? {} : { labels: metadata.labels }),
      finalizers: [FINALIZERS.runtime, FINALIZERS.job],
      ownerReferences: [
        {
          apiVersion: job.apiVersion,
          kind: job.kind,
          name: metadata.name,
          uid: metadata.uid ?? '',
          controller: true,
        },
      ],
    },
    spec: {
      service: serviceOfRuns(job.metadata.name),
      job: metadata.name,
      restartPolicy: 'Never',
      ordinal,
      node,
      templateHash: template.hash,
      attempt: 0,
      template: template.template as unknown as JsonObject,
      ...(priority === 0 ? {} : { priority }),
      ...(template.materials.length === 0
        ? {}
        : { materials: template.materials as unknown as JsonObject[] }),
    },
  } as AnyResource
}

/** For an index: the Job, as `refKey` writes it, that is still to count the run. */
export function heldFor(object: AnyResource): readonly string[] {
  const { spec, metadata } = object as unknown as Instance
  const isHeld = metadata.finalizers?.includes(FINALIZERS.job) === true
  return spec.job !== undefined && isHeld ? [`Job/${metadata.namespace}/${spec.job}`] : []
}

/** @param isLost on a node that is lost, where nobody can say how it ends: it counts as failed, and ends when its node is back */
export function runViewOf({ metadata, spec, status }: Instance, isLost: boolean): RunView {
  const state = stateOf(status)
  const view = {
    name: metadata.name,
    uid: metadata.uid ?? '',
    ordinal: spec.ordinal,
    held: metadata.finalizers?.includes(FINALIZERS.job) === true,
    state,
    deleting: metadata.deletionTimestamp !== undefined,
    stopped: status?.phase === 'Stopped',
    ...(status?.message === undefined ? {} : { message: status.message }),
  } as const
  if (state !== 'active' || !isLost) return view
  return { ...view, state: 'failed', message: `was on node/${spec.node}, which is lost` }
}

/** The phase of one that is deleted tells of its end only; how its programs ended before stays. */
function stateOf(status: Instance['status']): RunView['state'] {
  const { phase, programs = [] } = status ?? {}
  if (phase === 'Succeeded') return 'succeeded'
  if (phase === 'Failed') return 'failed'
  if (phase !== 'Stopping' && phase !== 'Stopped') return 'active'
  if (programs.some(({ state }) => state === 'failed')) return 'failed'
  const isOver = programs.length > 0 && programs.every(({ state }) => state === 'succeeded')
  return isOver ? 'succeeded' : 'active'
}
