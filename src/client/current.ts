/** Waiting for what status says, without taking for true what an earlier daemon wrote and nobody has looked at since. */
import { type Clock, delay } from '../core/clock.ts'
import type { AnyResource } from '../resources/object.ts'
import type { Client, DaemonState } from './client.ts'
import { type WaitOptions, waitUntil } from './follow.ts'

/** How often it is asked whether somebody has looked. */
const LOOK_MS = 100

/** Whether stored status says what is: somebody keeps it true, and has looked at everything since it started. */
export async function isStatusCurrent(client: Pick<Client, 'daemon'>): Promise<boolean> {
  return isCurrent(await client.daemon())
}

/** One that cannot be seen counts once it has been heard of since `before`. */
function isCurrent(now: DaemonState, before?: DaemonState): boolean {
  if (!now.running || now.catchingUp === true) return false
  return now.isHearsay !== true || (before !== undefined && before.lastSeenMs !== now.lastSeenMs)
}

export interface CurrentWaitOptions extends Omit<WaitOptions, 'reader'> {
  readonly client: Client
}

/**
 * As `waitUntil`, with a judge that is told whether status counts. Once it does, everything is listed anew: what was read
 * before may be older than the look.
 */
export async function waitUntilCurrent<T>(
  options: CurrentWaitOptions,
  judge: (objects: ReadonlyMap<string, AnyResource>, isCurrent: boolean) => T | undefined,
): Promise<T | undefined> {
  const { client, clock, timeoutMs } = options
  const wait = { ...options, reader: client }
  if (await isStatusCurrent(client)) return waitUntil(wait, (objects) => judge(objects, true))
  const startedMs = clock.monotonic()
  const look = watchCurrency(client, clock)
  try {
    const early = await waitUntil<{ readonly answer?: T }>(
      { ...wait, tickMs: Math.min(LOOK_MS, options.tickMs ?? LOOK_MS) },
      (objects) => {
        const answer = judge(objects, false)
        if (answer !== undefined) return { answer }
        return look.isCurrent() ? {} : undefined
      },
    )
    if (early === undefined || early.answer !== undefined) return early?.answer
  } finally {
    look.stop()
  }
  const leftMs = Math.max(0, timeoutMs - (clock.monotonic() - startedMs))
  return waitUntil({ ...wait, timeoutMs: leftMs }, (objects) => judge(objects, true))
}

function watchCurrency(
  client: Pick<Client, 'daemon'>,
  clock: Clock,
): { readonly isCurrent: () => boolean; readonly stop: () => void } {
  const ended = new AbortController()
  let first: DaemonState | undefined
  let found = false
  const watch = async () => {
    while (!ended.signal.aborted && !found) {
      // a store that is away is told by whoever follows the objects
      const now = await client.daemon().catch(() => undefined)
      found = now !== undefined && isCurrent(now, first)
      first ??= now
      await delay(clock, LOOK_MS, ended.signal).catch(() => {})
    }
  }
  void watch()
  return { isCurrent: () => found, stop: () => ended.abort() }
}
