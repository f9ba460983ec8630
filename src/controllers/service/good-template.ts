/** Finds the template that a Service's instances should have. */
import type { ResourceReader } from '../../api/api.ts'
import type { ServiceSpec } from '../../resources/generated/types.ts'
import type { Material } from '../../resources/materials.ts'
import type { ObjectRef } from '../../resources/object.ts'
import type { ResolvedTemplate } from './instances.ts'
import type { Situation } from './situation.ts'
import { isAbandoned, type TemplateMemory } from './target.ts'

/**
 * The wanted template, with `materials`; where it was abandoned the last good one with what that was good with, from what runs or from
 * the Service's revisions.
 */
export async function resolveTarget(
  api: Pick<ResourceReader, 'history'>,
  { service, instances }: Pick<Situation, 'service' | 'instances'>,
  memory: TemplateMemory,
  materials: readonly Material[],
): Promise<ResolvedTemplate> {
  const { spec, metadata } = service
  const wanted = { ...resolved(memory.currentHash ?? '', spec, metadata.revision), materials }
  const { stableHash, stableRevision, stableMaterials } = memory
  if (!isAbandoned(memory) || stableHash === undefined) return wanted
  const running = instances.find((one) => one.spec.templateHash === stableHash)
  if (running !== undefined)
    return {
      ...resolved(stableHash, running.spec, stableRevision),
      materials: stableMaterials ?? running.spec.materials ?? [],
    }
  const ref: ObjectRef = { kind: 'Service', namespace: metadata.namespace, name: metadata.name }
  const record = (await api.history(ref)).find((one) => one.revision === stableRevision)
  // the last good revision is never pruned; where it is gone all the same, the wanted template is all there is
  return record === undefined
    ? wanted
    : {
        ...resolved(stableHash, record.spec as unknown as ServiceSpec, stableRevision),
        materials: stableMaterials ?? [],
      }
}

function resolved(
  hash: string,
  { template, storage = [] }: Pick<ServiceSpec, 'template' | 'storage'>,
  revision: number | undefined,
): Omit<ResolvedTemplate, 'materials'> {
  return { hash, template, storage, revisionName: `r${revision ?? 0}` }
}
