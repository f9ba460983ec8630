/** The fence around what is unique on this machine. */
import { Fence } from '../agent/unique/fence.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Runtime, RuntimeFence } from '../runtimes/runtime.ts'
import type { RenewalGuard } from '../store/lease.ts'
import { countingSuspension } from './boot-clock.ts'

export interface Fenced {
  /** Undefined where the runtime cannot end programs by itself: nothing unique is started there. */
  readonly fence: Fence | undefined
  /** What the node's lease is held with. */
  readonly lease: { readonly clock: Clock; readonly guard?: RenewalGuard }
}

export function fenceOf(
  runtime: Pick<Runtime, 'info'> & Partial<RuntimeFence>,
  wall: Clock,
  logger: Logger,
): Fenced {
  const clock = countingSuspension(wall)
  const [arm, fenced] = [runtime.arm?.bind(runtime), runtime.fenced?.bind(runtime)]
  if (arm === undefined || fenced === undefined || runtime.info.cannot.includes('unique'))
    return { fence: undefined, lease: { clock } }
  const fence = new Fence({ runtime: { arm, fenced }, clock, logger })
  return { fence, lease: { clock, guard: fence } }
}
