/** Work whose output somebody reads: who stops reading, or a disk that is full, ends it. */
import type { Writable } from 'node:stream'

/** Runs `work` with a signal that also aborts once something cannot be written any more, with why as its reason. */
export async function whileWritable<T>(
  outputs: readonly Writable[],
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const failed = new AbortController()
  const onError = (error: Error) => failed.abort(error)
  for (const output of outputs) output.on('error', onError)
  try {
    return await work(AbortSignal.any([signal, failed.signal]))
  } finally {
    // what is on its way into one that failed fails once more
    if (!failed.signal.aborted) for (const output of outputs) output.off('error', onError)
  }
}
