/** What is said of a Service's exposure: read off its Routes, which load balancers' nodes say for themselves. Pure. */
import { formatCount } from '../../core/words.ts'
import type { ConditionInput } from '../../resources/conditions.ts'
import type { Route, Service } from '../../resources/generated/types.ts'

/** The condition's type. */
export const EXPOSED = 'Exposed'

/** Undefined where it is not exposed. */
export function exposedCondition({ spec }: Service, routes: readonly Route[]): ConditionInput | undefined {
  if (spec.expose === undefined) return undefined
  const type = EXPOSED
  if (routes.length === 0) {
    const message =
      'no node has a load balancer: start one with nsctl up --caddy-admin URL where Caddy runs; a machine that joined needs the label nsctl.dev/edge=true'
    return { type, status: 'False', reason: 'NoBalancer', message }
  }
  const failed = routes.find(({ status }) => status?.phase === 'Failed')
  if (failed !== undefined) {
    const message = `on ${failed.spec.node}: ${failed.status?.message}`
    return { type, status: 'False', reason: failed.status?.reason ?? 'Failed', message }
  }
  const pending = routes.filter(({ status }) => status?.phase !== 'Led').map((one) => one.spec.node)
  if (pending.length > 0) {
    const message = `waits for ${pending.join(', ')}`
    return { type, status: 'False', reason: 'Pending', message }
  }
  const places = routes.map(({ spec: { node } }) => node).sort()
  const instances = Math.max(...routes.map(({ status }) => status?.backends ?? 0))
  const message = `${urlOf(routes)} on ${places.join(', ')} leads to ${formatCount(instances, 'instance')}`
  return { type, status: 'True', reason: EXPOSED, message }
}

/** Where an exposed Service is reached; undefined where nobody leads anything to it. */
export function exposedUrl({ spec }: Service, routes: readonly Route[]): string | undefined {
  return spec.expose === undefined || routes.length === 0 ? undefined : urlOf(routes)
}

function urlOf(routes: readonly Route[]): string | undefined {
  return routes.toSorted((a, b) => (a.spec.node < b.spec.node ? -1 : 1))[0]?.spec.url
}
