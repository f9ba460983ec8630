/** What the live views show: services, instances, events and namespaces, kept current through outages of the store. */
import type { Client, DaemonState } from '../client/client.ts'
import { follow } from '../client/follow.ts'
import { type Clock, delay } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import type { AnyResource } from '../resources/object.ts'

const KINDS = ['Service', 'Instance', 'Event', 'Namespace', 'Node', 'ScaledObject'] as const
const DAEMON_CHECK_MS = 2_000
const RETRY_MS = 1_000

export interface WatchSnapshot {
  readonly services: readonly AnyResource[]
  readonly instances: readonly AnyResource[]
  readonly events: readonly AnyResource[]
  readonly namespaces: readonly string[]
  /** ScaledObjects. */
  readonly scalers: readonly AnyResource[]
  readonly storeUrl: string
  /** Undefined until it is first known. */
  readonly daemon: DaemonState | undefined
  /** The store cannot be reached: since when (milliseconds since the epoch), and why. What is shown is from before. */
  readonly outage: { readonly sinceMs: number; readonly message: string } | undefined
  /** The first list is there. */
  readonly isLoaded: boolean
}

export interface WatchFeedOptions {
  readonly client: Client
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Called after every change with all of it; not more than once in a turn of the event loop. */
  readonly onSnapshot: (snapshot: WatchSnapshot) => void
}

/** Feeds snapshots until the signal aborts. Never throws for a store that is away: the snapshot says so, and it tries again. */
export async function runWatchFeed(options: WatchFeedOptions): Promise<void> {
  const { client, clock, signal } = options
  let objects: ReadonlyMap<string, AnyResource> = new Map()
  let daemon: DaemonState | undefined
  let outage: WatchSnapshot['outage']
  let isLoaded = false
  const publish = () => {
    if (!signal.aborted)
      options.onSnapshot(snapshotOf(objects, { storeUrl: client.storeUrl, daemon, outage, isLoaded }))
  }
  const watchDaemon = async () => {
    while (!signal.aborted) {
      // a store that is away is told by the other loop
      const now = await client.daemon().catch(() => daemon)
      if (JSON.stringify(now) !== JSON.stringify(daemon)) {
        daemon = now
        publish()
      }
      await pause(clock, DAEMON_CHECK_MS, signal)
    }
  }
  const watchObjects = async () => {
    const kinds = KINDS.map((kind) => client.kinds.byKind(kind))
    while (!signal.aborted) {
      try {
        for await (const state of follow(client, kinds, signal)) {
          objects = state.objects
          outage = undefined
          isLoaded = true
          publish()
        }
      } catch (error) {
        outage ??= { sinceMs: clock.now(), message: messageOf(error) }
        publish()
      }
      if (!signal.aborted) await pause(clock, RETRY_MS, signal)
    }
  }
  await Promise.all([watchObjects(), watchDaemon()])
}

/** Waits, or ends early when the signal aborts; never throws. */
function pause(clock: Clock, forMs: number, signal: AbortSignal): Promise<void> {
  return delay(clock, forMs, signal).catch(() => {})
}

function snapshotOf(
  objects: ReadonlyMap<string, AnyResource>,
  rest: Pick<WatchSnapshot, 'storeUrl' | 'daemon' | 'outage' | 'isLoaded'>,
): WatchSnapshot {
  const services: AnyResource[] = []
  const instances: AnyResource[] = []
  const events: AnyResource[] = []
  const namespaces: string[] = []
  const scalers: AnyResource[] = []
  for (const object of objects.values()) {
    if (object.kind === 'Service') services.push(object)
    else if (object.kind === 'Instance') instances.push(object)
    else if (object.kind === 'Event') events.push(object)
    else if (object.kind === 'ScaledObject') scalers.push(object)
    else if (object.kind === 'Namespace') namespaces.push(object.metadata.name)
  }
  return { ...rest, services, instances, events, scalers, namespaces: namespaces.sort() }
}
