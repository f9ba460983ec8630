/** What systemd by itself takes to have a killed unit running again: the least that whoever manages units with it can take. */
import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { silentLogger } from '../src/core/logger.ts'
import { openDbusManager } from '../src/runtimes/systemd/dbus-manager.ts'

const UNITS = '/run/systemd/system'
const TEMPLATE = 'nsctl-bench_alone_b2c3d4f5g6@.service'
const UNIT = TEMPLATE.replace('@', '@0')
const QUIET_MS = 500
const LIMIT_MS = 10_000

/** From a SIGKILL to the unit being active again, milliseconds, its RestartSec= included, `rounds` times. As root, on the system manager. */
export async function recoveryBySystemdAlone(text: string, rounds: number): Promise<readonly number[]> {
  writeFileSync(join(UNITS, TEMPLATE), text)
  writeFileSync(`/run/nsctl/env/${UNIT}`, 'PORT="20000"\n')
  execFileSync('systemctl', ['daemon-reload'])
  let pid = 0
  let told = () => {}
  const manager = await openDbusManager({
    scope: 'system',
    logger: silentLogger,
    signal: new AbortController().signal,
    events: {
      changed: (unit, { mainPid, activeState }) => {
        if (unit !== UNIT) return
        if (mainPid !== undefined) pid = mainPid
        if (activeState === 'active') told()
      },
      removed: () => true,
      all: () => {},
    },
  })
  const activeWith = (old: number) =>
    new Promise<number>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`${UNIT}: not active after ${LIMIT_MS} ms`)), LIMIT_MS)
      told = () => {
        if (pid === 0 || pid === old) return
        clearTimeout(limit)
        resolve(performance.now())
      }
    })
  try {
    const results: number[] = []
    for (let round = 0; round < rounds; round++) {
      const running = activeWith(0)
      await manager.start(UNIT)
      await running
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
      const again = activeWith(pid)
      const begunMs = performance.now()
      process.kill(pid, 'SIGKILL')
      results.push((await again) - begunMs)
      pid = 0
      // three restarts a minute are allowed; what is stopped begins anew
      execFileSync('systemctl', ['stop', UNIT])
    }
    return results
  } finally {
    await manager.close()
    rmSync(join(UNITS, TEMPLATE))
    rmSync(`/run/nsctl/env/${UNIT}`)
  }
}
