/** The part of an agent that looks after the node's load balancer, added to its manager. */
import type { Clock } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Manager } from '../../engine/manager.ts'
import type { Balancer, BalancerEvents } from '../../traffic/balancer.ts'
import { createEdge, type EdgeOptions, PASS } from './controller.ts'

/** Opens the balancer, which is the agent's to close. */
export type OpenBalancer = (events: BalancerEvents) => Balancer

const HAND_OVER_LIMIT_MS = 5_000

/** Returns what the node's balancer is called for people. */
export function addEdge(
  manager: Manager,
  open: OpenBalancer,
  options: Pick<EdgeOptions, 'node' | 'api'> & { readonly clock: Clock; readonly logger: Logger },
): string {
  let enqueue = () => {}
  let held = (_: string) => {}
  let requested = (_: string) => {}
  const balancer = open({ onHeld: (route) => held(route), onRequests: (route) => requested(route) })
  const edge = createEdge({ ...options, cache: manager.cache, balancer }, () => enqueue())
  held = (route) => edge.held(route)
  requested = (route) => edge.requested(route)
  const handle = manager.add(edge.spec)
  enqueue = () => handle.enqueue(PASS)
  manager.addRunnable({
    name: 'edge',
    async run(signal) {
      // also where there are no Routes: those of an earlier time may still be led
      enqueue()
      await edge.run(signal)
      try {
        await balancer.handOver(AbortSignal.timeout(HAND_OVER_LIMIT_MS))
      } catch (error) {
        options.logger.log('warn', `${balancer.name} leads nothing until this is back: ${messageOf(error)}`)
      } finally {
        await balancer.close()
      }
    },
  })
  return balancer.name
}
