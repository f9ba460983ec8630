/** Several servers that could answer the same. */

/** How long one is waited for before another is tried beside it: some drop packets instead of refusing. */
const STAGGER_MS = 250

/**
 * What the first of `candidates` that succeeds comes to; they are tried in order, the next as soon as one fails or keeps us waiting. The attempts'
 * signal aborts once one has won; what still succeeds after that is handed to `discard`. Rejects with the last failure.
 */
export function firstOf<T, Candidate>(
  candidates: readonly Candidate[],
  attempt: (candidate: Candidate, signal: AbortSignal) => Promise<T>,
  discard: (late: T) => void,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const over = new AbortController()
    const stop = AbortSignal.any([signal, over.signal])
    let failed = 0
    let next = 0
    let timer: NodeJS.Timeout | undefined
    const settle = (act: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      over.abort()
      act()
    }
    const onAbort = () => settle(() => reject(signal.reason))
    const tryNext = () => {
      clearTimeout(timer)
      if (next === candidates.length || over.signal.aborted) return
      const candidate = candidates[next++] as Candidate
      timer = setTimeout(tryNext, STAGGER_MS)
      attempt(candidate, stop).then(
        (result) => (over.signal.aborted ? discard(result) : settle(() => resolve(result))),
        (error: unknown) => {
          failed++
          if (over.signal.aborted) return
          if (failed === candidates.length) settle(() => reject(error))
          else tryNext()
        },
      )
    }
    if (signal.aborted) return reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    tryNext()
  })
}
