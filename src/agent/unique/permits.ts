/**
 * Who of the unique instances may be started, and with which fencing token. What was read before the lease was acquired may have been replaced
 * elsewhere since, so the store is asked each time: whoever takes an instance away does so only while the lease is void.
 */
import type { ResourceReader } from '../../api/api.ts'
import type { Instance } from '../../resources/generated/types.ts'
import { readTokenFloor } from '../../store/layout.ts'
import type { StoreReader } from '../../store/store.ts'
import type { Heartbeat } from '../heartbeat.ts'
import type { Obstacle } from '../instance/record.ts'
import type { Fence } from './fence.ts'

export type Permit =
  /** `signal` aborts when it must not be started any more. */
  | { readonly kind: 'granted'; readonly token: number; readonly signal: AbortSignal }
  | { readonly kind: 'refused'; readonly obstacle: Obstacle }

export interface PermitsOptions {
  readonly api: Pick<ResourceReader, 'get'>
  readonly store: Pick<StoreReader, 'get'>
  readonly heartbeat: Pick<Heartbeat, 'lease'>
  /** Undefined where the runtime cannot end programs by itself. */
  readonly fence: Fence | undefined
}

export class Permits {
  readonly fence: Fence | undefined
  readonly #options: PermitsOptions
  /** By ordinal, what its last token has come of: no two of its starts get the same. */
  readonly #used = new Map<string, number>()

  constructor(options: PermitsOptions) {
    this.#options = options
    this.fence = options.fence
  }

  /** Rejects with what the store throws. */
  async permit({ metadata, spec }: Instance): Promise<Permit> {
    const { api, store, heartbeat, fence } = this.#options
    if (fence === undefined) return refused('Failed', 'CannotFence', CANNOT)
    const lease = heartbeat.lease
    if (lease === undefined || !(await fence.raise(() => lease.renew()))) return refused(...WAITS)
    const { signal } = fence
    // one is made by renewing
    const ordinal = `${metadata.namespace}/${spec.service}/${spec.ordinal}`
    const used = this.#used.get(ordinal) ?? 0
    if (lease.revision <= used) await lease.renew()
    const { namespace, name, uid } = metadata
    const [found, floor] = await Promise.all([
      api.get<Instance>({ kind: 'Instance', namespace, name }),
      readTokenFloor(store),
    ])
    const isSame = found !== undefined && found.metadata.uid === uid
    if (!isSame || found.metadata.deletionTimestamp !== undefined)
      return refused('Pending', 'Replaced', 'it has been replaced or is about to end')
    const { revision } = lease
    const isHeld = heartbeat.lease === lease && !lease.lost.aborted && revision > used
    if (signal.aborted || !isHeld) return refused(...WAITS)
    this.#used.set(ordinal, revision)
    const token = floor + Math.max(revision, Number(found.metadata.resourceVersion) || 0)
    return { kind: 'granted', token, signal }
  }
}

const WAITS = [
  'Pending',
  'WaitingForLease',
  'it is unique, and waits until this node has renewed its lease',
] as const
const CANNOT =
  'it is unique, and the runtime here cannot end programs by itself where the agent cannot: use --runtime systemd'

function refused(phase: Obstacle['phase'], reason: string, message: string): Permit {
  return { kind: 'refused', obstacle: { phase, reason, message } }
}
