/** What changes would do to running instances, for the last line of diff. Pure. */
import type { ChangeResult } from '../api/api.ts'
import type { ServiceSpec } from '../resources/generated/types.ts'
import { templateHash } from '../resources/template.ts'
import type { DiffOutcome } from '../views/diff.ts'

/** Counts what is created and changed, and the instances that would be replaced. */
export function effectOf(changed: readonly ChangeResult[]): DiffOutcome {
  const created = changed.filter((result) => result.before === undefined)
  const configured = changed.filter((result) => result.before !== undefined)
  const replacing = configured.flatMap((result) => replacement(result) ?? [])
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
  if (kind.kind !== 'Service' || before?.spec === undefined || object.spec === undefined) return undefined
  const [from, to] = [before.spec, object.spec] as unknown as readonly [ServiceSpec, ServiceSpec]
  if (templateHash(from.template, from.storage) === templateHash(to.template, to.storage)) return undefined
  const instances = Math.min(from.replicas, to.replicas)
  const { strategy, maxSurge, maxUnavailable } = to.update
  const step = share(maxSurge, to.replicas, Math.ceil) + share(maxUnavailable, to.replicas, Math.floor)
  return { instances, atATime: strategy === 'Recreate' ? instances : Math.max(1, step) }
}

/** `1` or `25%` of the replicas. */
function share(value: number | string, replicas: number, round: (n: number) => number): number {
  const text = String(value)
  return text.endsWith('%') ? round((Number(text.slice(0, -1)) / 100) * replicas) : Number(text)
}
