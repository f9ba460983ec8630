/** Processes that came of one command, wherever they have gone since: what a process starts has its environment. */
import { readdirSync, readFileSync } from 'node:fs'

/** The variable that marks them. */
export const MARK = 'NSCTL_EXEC'
/** What is killed may have started more meanwhile. */
const ROUNDS = 5

/** Ends them. What has cleared its environment is not found, nor is anything where there is no /proc. */
export function endMarked(mark: string): void {
  for (let round = 0; round < ROUNDS; round++) {
    const found = marked(mark)
    if (found.length === 0) return
    for (const pid of found) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // it has ended
      }
    }
  }
}

function marked(mark: string): readonly number[] {
  const text = `${MARK}=${mark}\0`
  return pids().filter((pid) => {
    try {
      // an environment that ends with it has the zero byte, too; one that is a zombie's is empty
      return pid !== process.pid && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text)
    } catch {
      return false
    }
  })
}

function pids(): readonly number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}
