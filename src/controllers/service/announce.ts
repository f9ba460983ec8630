/** Which events a change of a Service's status is worth. Pure. */
import type { EventInput } from '../../api/api.ts'
import { formatCount } from '../../core/words.ts'
import { findCondition } from '../../resources/conditions.ts'
import type { Service, ServiceStatus } from '../../resources/generated/types.ts'
import type { Material } from '../../resources/materials.ts'
import { refText } from '../../resources/object.ts'
import { OUTSIDE_LIMITS } from '../bounds.ts'
import { UNSCHEDULABLE } from '../placer.ts'
import { QUOTA_EXCEEDED } from '../quotas.ts'

/** In the order in which they are told; `after` is about to be written over the status that `service` has. */
export function announce(
  service: Service,
  after: ServiceStatus,
  adoptsStorage: boolean,
): readonly EventInput[] {
  const before = service.status
  const events: { type: 'Normal' | 'Warning'; reason: string; message: string }[] = []
  if (adoptsStorage) {
    events.push({
      type: 'Normal',
      reason: 'StorageAdopted',
      message: 'takes up the data that an earlier service of this name left',
    })
  }
  const [wasDone, isDone] = [
    findCondition(before?.conditions, 'Progressing'),
    findCondition(after.conditions, 'Progressing'),
  ]
  if (
    isDone?.reason === 'Complete' &&
    wasDone?.reason !== 'Complete' &&
    after.stableHash !== before?.stableHash
  ) {
    const fresh = before?.stableHash === undefined ? [] : newMaterials(before, after)
    const why = fresh.length === 0 ? '' : `, with what is new in ${fresh.join(', ')}`
    events.push({ type: 'Normal', reason: 'RolledOut', message: `${isDone.message}${why}` })
  }
  const { rollout } = after
  const isStep = rollout?.step !== undefined && rollout.text !== undefined
  if (isStep && (before?.rollout?.step !== rollout.step || before.rollout.hash !== rollout.hash))
    events.push({ type: 'Normal', reason: 'RolloutStep', message: rollout.text ?? '' })
  if (before?.stableMaterials !== undefined && before.stableHash === after.stableHash) {
    const fresh = newMaterials(before, after)
    const message = `all instances have what is new in ${fresh.join(', ')}`
    if (fresh.length > 0) events.push({ type: 'Normal', reason: 'Reloaded', message })
  }
  // once: the numbers in it change with all that comes and goes, and the condition has them
  const isNew = isDone !== undefined && wasDone?.reason !== isDone.reason
  if (isNew && isDone.reason === UNSCHEDULABLE)
    events.push({ type: 'Warning', reason: 'FailedScheduling', message: isDone.message ?? '' })
  if (isNew && (isDone.reason === QUOTA_EXCEEDED || isDone.reason === OUTSIDE_LIMITS))
    events.push({ type: 'Warning', reason: isDone.reason, message: isDone.message ?? '' })
  const [wasDegraded, isDegraded] = [
    findCondition(before?.conditions, 'Degraded'),
    findCondition(after.conditions, 'Degraded'),
  ]
  if (isDegraded?.status === 'True' && wasDegraded?.reason !== isDegraded.reason) {
    events.push({ type: 'Warning', reason: isDegraded.reason, message: isDegraded.message ?? '' })
  }
  if (wasDegraded?.status === 'True' && isDegraded?.status === 'False') {
    events.push({ type: 'Normal', reason: 'Recovered', message: `no longer ${wasDegraded.reason}` })
  }
  const wanted = (status: ServiceStatus | undefined) => Number(status?.ready?.split('/')[1] ?? Number.NaN)
  if (before !== undefined && wanted(before) !== wanted(after) && !Number.isNaN(wanted(before))) {
    const message = `${formatCount(wanted(before), 'instance')} → ${wanted(after)}`
    events.push({ type: 'Normal', reason: 'Scaled', message })
  }
  const { kind, metadata } = service
  const about = { kind, namespace: metadata.namespace, name: metadata.name, uid: metadata.uid }
  return events.map((event) => ({ ...event, about, source: 'service-controller' }))
}

/** What instances run with now and did not run with before: `secret/db`. */
function newMaterials(before: ServiceStatus, after: ServiceStatus): readonly string[] {
  const known = new Set((before.stableMaterials ?? []).map(versionText))
  return (after.stableMaterials ?? []).filter((one) => !known.has(versionText(one))).map(refText)
}

function versionText({ kind, name, version }: Material): string {
  return `${kind}/${name}@${version}`
}
