/** Which events a decision, and a change of what can be read, are worth. Pure. */
import type { EventInput } from '../../api/api.ts'
import { findCondition } from '../../resources/conditions.ts'
import type { ScaledObject, ScaledObjectStatus, Service } from '../../resources/generated/types.ts'

type News = Pick<EventInput, 'type' | 'reason' | 'message'>

/** Told of the Service as well as of the ScaledObject. */
export function scaledEvents(
  object: ScaledObject,
  service: Service,
  scale: { readonly from: number; readonly to: number; readonly because: string },
): readonly EventInput[] {
  const { from, to, because } = scale
  const reason = to > from ? 'ScaledUp' : 'ScaledDown'
  const news: News = { type: 'Normal', reason, message: `${from} → ${to}: ${because}` }
  return [about(object, news), about(service, news)]
}

/** What `after` says and `before` did not. Each is told once, when it begins and when it ends. */
export function statusEvents(
  object: ScaledObject,
  before: Omit<ScaledObjectStatus, 'decision'> | undefined,
  after: ScaledObjectStatus,
): readonly EventInput[] {
  const news = [
    ...healthNews(before, after),
    ...readyNews(before, after),
    ...began(before, after, 'Fallback', { begins: 'FallbackInForce', ends: 'FallbackEnded' }),
    ...began(before, after, 'Paused', { begins: 'Paused', ends: 'Resumed' }),
  ]
  return news.map((one) => about(object, one))
}

function healthNews(
  before: Omit<ScaledObjectStatus, 'decision'> | undefined,
  after: ScaledObjectStatus,
): readonly News[] {
  return Object.entries(after.health ?? {}).flatMap(([key, { status, message = '' }]): News[] => {
    const was = before?.health?.[key]?.status ?? 'Happy'
    if (status === was) return []
    if (status === 'Happy')
      return [{ type: 'Normal', reason: 'TriggerRecovered', message: `${key} can be read again` }]
    return [{ type: 'Warning', reason: 'TriggerFailed', message: `${key}: ${message}` }]
  })
}

/** What keeps it from acting; of triggers it is said by themselves. */
function readyNews(
  before: Omit<ScaledObjectStatus, 'decision'> | undefined,
  after: ScaledObjectStatus,
): readonly News[] {
  const [was, is] = [findCondition(before?.conditions, 'Ready'), findCondition(after.conditions, 'Ready')]
  if (is === undefined || is.reason === was?.reason) return []
  if (is.status === 'True')
    return was === undefined ? [] : [{ type: 'Normal', reason: 'Acting', message: is.message ?? '' }]
  if (after.health !== undefined && Object.values(after.health).some(({ status }) => status === 'Failing'))
    return []
  return [{ type: 'Warning', reason: is.reason, message: is.message ?? '' }]
}

function began(
  before: Omit<ScaledObjectStatus, 'decision'> | undefined,
  after: ScaledObjectStatus,
  type: string,
  reasons: { readonly begins: string; readonly ends: string },
): readonly News[] {
  const was = findCondition(before?.conditions, type)?.status === 'True'
  const is = findCondition(after.conditions, type)
  if (was === (is?.status === 'True')) return []
  const severity = type === 'Fallback' && !was ? 'Warning' : 'Normal'
  const reason = was ? reasons.ends : reasons.begins
  return [{ type: severity, reason, message: is?.message ?? 'it acts again on what its triggers say' }]
}

function about({ kind, metadata }: ScaledObject | Service, news: News): EventInput {
  const { namespace, name, uid } = metadata
  return { ...news, about: { kind, namespace, name, uid }, source: 'scaledobject-controller' }
}
