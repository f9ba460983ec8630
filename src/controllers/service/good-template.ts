/** Finds the templates that a Service's instances should have. */
import type { ResourceReader } from '../../api/api.ts'
import type { Service, ServiceSpec } from '../../resources/generated/types.ts'
import type { Material } from '../../resources/materials.ts'
import type { ObjectRef } from '../../resources/object.ts'
import type { ResolvedTemplate } from './instances.ts'
import type { Situation } from './situation.ts'
import type { TemplateMemory } from './target.ts'

/** The template that is wanted, with what it runs with of Configs and Secrets. */
export function wantedTemplate(
  { spec, metadata }: Service,
  hash: string,
  materials: readonly Material[],
): ResolvedTemplate {
  return { ...resolved(hash, spec, metadata.revision), materials }
}

/**
 * The last good template with what that was good with, from what runs or from the Service's revisions; undefined where none is known or
 * kept.
 */
export async function stableTemplate(
  api: Pick<ResourceReader, 'history'>,
  { service, instances }: Pick<Situation, 'service' | 'instances'>,
  { stableHash, stableRevision, stableMaterials }: TemplateMemory,
): Promise<ResolvedTemplate | undefined> {
  if (stableHash === undefined) return undefined
  const running = instances.find((one) => one.spec.templateHash === stableHash)
  if (running !== undefined)
    return {
      ...resolved(stableHash, running.spec, stableRevision),
      materials: stableMaterials ?? running.spec.materials ?? [],
    }
  const { namespace, name } = service.metadata
  const ref: ObjectRef = { kind: 'Service', namespace, name }
  const record = (await api.history(ref)).find((one) => one.revision === stableRevision)
  return record === undefined
    ? undefined
    : {
        ...resolved(stableHash, record.spec as unknown as ServiceSpec, stableRevision),
        materials: stableMaterials ?? [],
      }
}

function resolved(
  hash: string,
  { template, storage = [], unique = false }: Pick<ServiceSpec, 'template' | 'storage' | 'unique'>,
  revision: number | undefined,
): Omit<ResolvedTemplate, 'materials'> {
  return { hash, template, storage, unique, revisionName: `r${revision ?? 0}` }
}
