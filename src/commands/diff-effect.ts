/** What changes would do to running instances, for the last line of diff. Pure. */
import type { ChangeResult } from '../api/api.ts'
import type { Config, Secret, ServiceSpec } from '../resources/generated/types.ts'
import { configVersion, materialKey, materialRefs, secretVersion } from '../resources/materials.ts'
import type { AnyResource } from '../resources/object.ts'
import { templateHash } from '../resources/template.ts'
import type { DiffOutcome } from '../views/diff.ts'

/**
 * Counts what is created and changed, and the instances that would be replaced. `services` are those that are stored: a Config or a
 * Secret that changes replaces the instances of those that take it.
 */
export function effectOf(
  changed: readonly ChangeResult[],
  services: readonly AnyResource[] = [],
): DiffOutcome {
  const created = changed.filter((result) => result.before === undefined)
  const configured = changed.filter((result) => result.before !== undefined)
  const replacing = configured.flatMap((result) => replacement(result) ?? [])
  const own = new Set(changed.filter(isService).map(({ object }) => fullName(object)))
  const materials = new Set(configured.flatMap((result) => restartingMaterial(result) ?? []))
  for (const service of materials.size === 0 ? [] : services)
    if (!own.has(fullName(service)) && takes(service, materials))
      replacing.push(stepOf(service.spec as unknown as ServiceSpec))
  const kinds = new Set(changed.map((result) => result.kind.singular))
  return {
    created: created.length,
    changed: configured.length,
    replaced: replacing.reduce((sum, one) => sum + one.instances, 0),
    atATime: Math.max(1, ...replacing.map((one) => one.atATime)),
    noun: kinds.size === 1 ? ([...kinds][0] ?? 'object') : 'object',
  }
}

/** How many instances a change of a Service replaces; undefined where its template stays. */
function replacement({
  kind,
  before,
  object,
}: ChangeResult): { instances: number; atATime: number } | undefined {
  if (!isService({ kind }) || before?.spec === undefined || object.spec === undefined) return undefined
  const [from, to] = [before.spec, object.spec] as unknown as readonly [ServiceSpec, ServiceSpec]
  const hashOf = ({ template, storage, unique }: ServiceSpec) =>
    templateHash(template, storage, undefined, unique)
  if (hashOf(from) === hashOf(to)) return undefined
  return stepOf(to, Math.min(from.replicas, to.replicas))
}

function stepOf(
  { replicas, update: { strategy, maxSurge, maxUnavailable } }: ServiceSpec,
  instances = replicas,
): { instances: number; atATime: number } {
  const step = share(maxSurge, replicas, Math.ceil) + share(maxUnavailable, replicas, Math.floor)
  return { instances, atATime: strategy === 'Recreate' ? instances : Math.max(1, step) }
}

/** Whether a Config or a Secret changes in its content; its name for `takes`. */
function restartingMaterial({ kind, before, object }: ChangeResult): string | undefined {
  const [from, to] = [before, object] as unknown as readonly [Config & Secret, Config & Secret]
  const isOther =
    kind.kind === 'Config'
      ? configVersion(from) !== configVersion(to)
      : kind.kind === 'Secret' && secretVersion(from) !== secretVersion(to)
  return isOther ? `${object.metadata.namespace}/${kind.kind}/${object.metadata.name}` : undefined
}

function takes({ metadata, spec }: AnyResource, materials: ReadonlySet<string>): boolean {
  return materialRefs((spec as unknown as ServiceSpec).template).some(
    (ref) => ref.restarts && materials.has(`${metadata.namespace}/${materialKey(ref)}`),
  )
}

function isService({ kind }: Pick<ChangeResult, 'kind'>): boolean {
  return kind.kind === 'Service'
}

function fullName({ metadata: { namespace, name } }: AnyResource): string {
  return `${namespace}/${name}`
}

/** `1` or `25%` of the replicas. */
function share(value: number | string, replicas: number, round: (n: number) => number): number {
  const text = String(value)
  return text.endsWith('%') ? round((Number(text.slice(0, -1)) / 100) * replicas) : Number(text)
}
