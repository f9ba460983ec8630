/** So many instances from one time to another, as KEDA's cron: outside of its window it asks for one, and is not active. */
import { cronWindow } from '../cron-window.ts'
import type { Source, SourceType } from '../source.ts'

export const cron: SourceType = {
  types: ['cron'],
  open({ parameters }, { clock }): Source {
    const readingAt = cronWindow(parameters)
    return {
      async measure(signal) {
        signal.throwIfAborted()
        return readingAt(clock.now())
      },
      close: async () => {},
    }
  },
}
