/** What this machine's agent begins with, whichever process it runs in. */
import { dirname } from 'node:path'
import { placeKept } from '../agent/material/restore.ts'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { NodeKey } from './node-key.ts'
import type { Environment } from './paths.ts'
import type { LocalRuntime, RuntimeChoice } from './runtimes.ts'

/** After a boot what ran is started at once: until it is known what is wanted now, seconds may pass, or hours where the store is away. */
export async function restoreKept(runtime: LocalRuntime, { keep }: NodeKey, logger: Logger): Promise<void> {
  try {
    const restored = (await runtime.restore?.((id) => placeKept(id, { keep, runtime, logger }))) ?? []
    if (restored.length > 0)
      logger.log('info', 'started again what ran before the boot', { programs: restored.length })
  } catch (error) {
    // the agent starts what is missing as soon as it knows what is wanted
    logger.log('warn', `cannot start again what ran before the boot: ${messageOf(error)}`)
  }
}

/** What every program finds in its environment besides its own: PATH with this Node's folder last, and who the user is. */
export function baseEnvironment(choice: RuntimeChoice, env: Environment): Readonly<Record<string, string>> {
  const path = [env.PATH ?? '/usr/local/bin:/usr/bin:/bin', dirname(process.execPath)].join(':')
  // systemd gives a program the variables of the user that it runs as
  const names = choice === 'process' ? ['HOME', 'USER', 'LOGNAME', 'LANG', 'TZ', 'TMPDIR'] : ['LANG', 'TZ']
  const kept = names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]))
  return { ...Object.fromEntries(kept), PATH: path }
}
