/** What wakes a Job: itself, its runs, what its template names while it waits for that, and the nodes. */
import { deepEqual } from '../../core/json.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import { ownKey, type Watch } from '../../engine/controller.ts'
import type { Instance, Job, Node } from '../../resources/generated/types.ts'
import { type MaterialKind, materialKey, materialRefs } from '../../resources/materials.ts'
import { type AnyResource, type ObjectRef, refOfObject } from '../../resources/object.ts'

export function jobWatches(cache: ObjectCache): readonly Watch[] {
  const named = cache.index('Job', (one) => materialKeys(one as unknown as Job))
  const thatName = (kind: MaterialKind) => (now: AnyResource, old?: AnyResource) =>
    old !== undefined && deepEqual(now.spec, old.spec)
      ? []
      : named
          .get<Job>(`${now.metadata.namespace}/${kind}/${now.metadata.name}`)
          .map((one) => refOfObject(one))
  return [
    { kind: 'Job', toKeys: ownKey },
    { kind: 'Instance', toKeys: jobOf },
    { kind: 'Config', toKeys: thatName('Config') },
    { kind: 'Secret', toKeys: thatName('Secret') },
    {
      kind: 'Node',
      toKeys: (node, old) =>
        old !== undefined && phaseOf(node) === phaseOf(old)
          ? []
          : cache.list<Job>('Job').map((one) => refOfObject(one)),
    },
  ]
}

function jobOf(object: AnyResource): readonly ObjectRef[] {
  const { spec, metadata } = object as unknown as Instance
  return spec.job === undefined ? [] : [{ kind: 'Job', namespace: metadata.namespace, name: spec.job }]
}

function phaseOf(object: AnyResource): string | undefined {
  return (object as unknown as Node).status?.phase
}

function materialKeys({ spec, metadata: { namespace } }: Job): readonly string[] {
  return materialRefs(spec.template).map((ref) => `${namespace}/${materialKey(ref)}`)
}
