/** What wakes a Job: itself, its runs, what its template names while it waits for that, and the nodes. */
import { deepEqual } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { ownKey, type Watch } from '../../engine/controller.ts'
import type { Instance, Job, Node } from '../../resources/generated/types.ts'
import { type MaterialKind, materialKey, materialRefs } from '../../resources/materials.ts'
import { isLost } from '../../resources/node.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../../resources/object.ts'
import { frees, keepsAwayAsBefore, type Placer, takesAsBefore } from '../placer.ts'
import { isSaidAsBefore, type Quotas } from '../quotas.ts'

export function jobWatches(
  cache: ObjectCache,
  placer: Pick<Placer, 'waiting'>,
  quotas: Pick<Quotas, 'waiting'>,
): readonly Watch[] {
  const waiting = () => placer.waiting('Job')
  const beyondQuota = ({ metadata }: AnyResource) => quotas.waiting('Job', metadata.namespace)
  const named = cache.index('Job', (one) => materialKeys(one as unknown as Job))
  const onNode = cache.index('Instance', ({ spec }) => [String(spec?.node ?? '')])
  const thatName = (kind: MaterialKind) => (now: AnyResource, old?: AnyResource) =>
    old !== undefined && deepEqual(now.spec, old.spec)
      ? []
      : named
          .get<Job>(`${now.metadata.namespace}/${kind}/${now.metadata.name}`)
          .map((one) => refOfObject(one))
  return [
    { kind: 'Job', toKeys: ownKey },
    {
      kind: 'Instance',
      toKeys: (now, old) => [...jobOf(now), ...(frees(now, old) ? [...waiting(), ...beyondQuota(now)] : [])],
    },
    { kind: 'ResourceQuota', toKeys: (now, old) => (isSaidAsBefore(now, old) ? [] : beyondQuota(now)) },
    { kind: 'LimitRange', toKeys: beyondQuota },
    // what names a class that is not there waits with those
    { kind: 'PriorityClass', toKeys: () => [...waiting(), ...quotas.waiting('Job')] },
    { kind: 'Service', toKeys: (now, old) => (keepsAwayAsBefore(now, old) ? [] : waiting()) },
    { kind: 'Config', toKeys: thatName('Config') },
    { kind: 'Secret', toKeys: thatName('Secret') },
    {
      kind: 'Node',
      toKeys: (node, old) => {
        const isStill = old !== undefined && isLostNode(node) === isLostNode(old)
        // what was on a lost node counts to no quota any more
        const there = isStill
          ? []
          : [...onNode.get(node.metadata.name).flatMap(jobOf), ...quotas.waiting('Job')]
        return old !== undefined && takesAsBefore(node, old) ? there : [...there, ...waiting()]
      },
    },
  ]
}

function jobOf(object: AnyResource): readonly ObjectRef[] {
  const { spec, metadata } = object as unknown as Instance
  return spec.job === undefined ? [] : [{ kind: 'Job', namespace: metadata.namespace, name: spec.job }]
}

function isLostNode(object: AnyResource): boolean {
  return isLost(object as unknown as Node)
}

function materialKeys({ spec, metadata: { namespace } }: Job): readonly string[] {
  return materialRefs(spec.template).map((ref) => `${namespace}/${materialKey(ref)}`)
}
