/** Waiting for something that may be given up. */

/** What `work` comes to, or a rejection with the reason of the first of `signals` that aborts. Leaves no listener behind. */
export async function orAborted<T>(work: Promise<T>, ...signals: readonly AbortSignal[]): Promise<T> {
  const given = Promise.withResolvers<never>()
  const stop = whenAborted(signals, given.reject)
  try {
    return await Promise.race([work, given.promise])
  } finally {
    stop()
  }
}

/** Calls `listener` with the reason of the first of `signals` that aborts, at once where one has. Returns what unsubscribes. */
export function whenAborted(
  signals: readonly AbortSignal[],
  listener: (reason: unknown) => void,
): () => void {
  const stop = () => {
    for (const signal of signals) signal.removeEventListener('abort', onAbort)
  }
  const onAbort = () => {
    stop()
    listener(signals.find(({ aborted }) => aborted)?.reason)
  }
  for (const signal of signals) signal.addEventListener('abort', onAbort)
  if (signals.some(({ aborted }) => aborted)) onAbort()
  return stop
}
