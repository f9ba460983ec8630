/** Waiting for a rollout, with what it looks like meanwhile. */
import type { Client } from '../client/client.ts'
import { waitUntilCurrent } from '../client/current.ts'
import { followKey } from '../client/follow.ts'
import type { Clock } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import { formatAge } from '../core/quantity.ts'
import { type AnyResource, type ObjectRef, refText } from '../resources/object.ts'
import type { Progress } from '../views/progress.ts'
import { type RolloutState, rolloutState } from '../views/rollout.ts'
import { notFound } from './targets.ts'

const TICK_MS = 200
const DAEMON_CHECK_MS = 2_000

export interface RolloutWait {
  readonly client: Client
  readonly ref: ObjectRef
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly timeoutMs: number
  /** Called with every state that differs in words, and with each tick. */
  readonly onState: (state: RolloutState) => void
}

/**
 * Waits until the rollout is done or has failed. Throws NoDaemon where nobody acts on it, at the start or later, NotFound where
 * the service goes away, Timeout when the time is over.
 */
export async function waitForRollout(wait: RolloutWait): Promise<RolloutState> {
  const { client, ref, clock } = wait
  const kinds = [client.kinds.byKind('Service'), client.kinds.byKind('Instance')]
  const daemon = watchDaemon(wait)
  let last: RolloutState | undefined
  try {
    const ended = await waitUntilCurrent<RolloutState>(
      {
        client,
        kinds,
        scope: ref.namespace === undefined ? {} : { namespace: ref.namespace },
        clock,
        signal: daemon.signal,
        timeoutMs: wait.timeoutMs,
        tickMs: TICK_MS,
      },
      (objects, isCurrent) => {
        const state = stateOf(objects, ref, clock.now())
        daemon.watch()
        if (state.kind !== 'waiting' && !isCurrent) return undefined
        last = state
        wait.onState(state)
        return state.kind === 'waiting' ? undefined : state
      },
    )
    if (ended !== undefined) return ended
  } finally {
    daemon.stop()
  }
  throw new NsctlError(
    'Timeout',
    `${refText(ref)} was not rolled out within ${formatAge(wait.timeoutMs)}: ${last?.message ?? 'nothing was seen'}`,
    { next: `see: nsctl describe ${refText(ref)}` },
  )
}

function stateOf(objects: ReadonlyMap<string, AnyResource>, ref: ObjectRef, nowMs: number): RolloutState {
  const service = objects.get(followKey(ref))
  if (service === undefined) throw notFound(ref)
  const instances = [...objects.values()].filter((object) => object.kind === 'Instance')
  return rolloutState(service, instances, nowMs)
}

/** Once it watches, aborts with NoDaemon as soon as nobody acts any more: looked at every other second. */
function watchDaemon(wait: RolloutWait) {
  const gone = new AbortController()
  let cancel = () => {}
  let isWatching = false
  let isStopped = false
  const look = async () => {
    const { running } = await wait.client.daemon()
    if (isStopped) return
    if (running) cancel = wait.clock.schedule(DAEMON_CHECK_MS, () => void look().catch(fail))
    else gone.abort(nobodyActs(wait.ref))
  }
  const fail = (error: unknown) => gone.abort(error)
  return {
    signal: AbortSignal.any([wait.signal, gone.signal]),
    watch() {
      if (isWatching) return
      isWatching = true
      void look().catch(fail)
    },
    stop() {
      isStopped = true
      cancel()
    },
  }
}

/** Exit code 1, as kubectl's `rollout status` has for "no": the answer, not a fault of the store. */
function nobodyActs(ref: ObjectRef): NsctlError {
  return new NsctlError('Failed', `nobody is acting on ${refText(ref)}: nsctl is not running`, {
    next: 'start it with nsctl up, then ask again',
  })
}

/** The progress of a state that is still waiting. */
export function progressOfState(state: RolloutState): Progress | undefined {
  return state.kind === 'waiting' ? state.progress : undefined
}
