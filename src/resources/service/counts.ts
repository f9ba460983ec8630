/** Numbers of instances, as Services say them. Pure. */

/**
 * maxSurge or maxUnavailable as a number of instances: a number as it stands, `25%` of `replicas` rounded up for surge and down
 * for unavailability, as Kubernetes does.
 */
export function resolveCount(value: number | string, replicas: number, round: 'up' | 'down'): number {
  if (typeof value === 'number') return value
  const part = (Number.parseFloat(value) / 100) * replicas
  return round === 'up' ? Math.ceil(part) : Math.floor(part)
}
