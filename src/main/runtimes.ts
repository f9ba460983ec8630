/** Chooses and opens what runs programs on this machine. */
import type { Clock } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type {
  Runtime,
  RuntimeCleaner,
  RuntimeFence,
  RuntimeMaterials,
  RuntimeReader,
  RuntimeRestorer,
  RuntimeStorage,
} from '../runtimes/runtime.ts'
import { type Environment, runtimePathsOf } from './paths.ts'

/** All that a runtime can do; not all of them survive a reboot. */
export type LocalRuntime = Runtime &
  RuntimeMaterials &
  RuntimeStorage &
  RuntimeCleaner &
  RuntimeReader &
  Partial<RuntimeRestorer> &
  Partial<RuntimeFence>

/** What a user may ask for; `auto` is systemd where there is one that answers, else plain processes. */
export const RUNTIME_NAMES = ['auto', 'systemd', 'process'] as const
export type RuntimeName = (typeof RUNTIME_NAMES)[number]

/** A runtime that was chosen, as the daemon tells others: `process`, `systemd-system`, `systemd-user`. */
export type RuntimeChoice = 'process' | 'systemd-system' | 'systemd-user'

export interface OpenRuntimeOptions {
  readonly env: Environment
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** Which runtime `wanted` comes to on this machine. Throws Unsupported where systemd was asked for and is not there. */
export async function chooseRuntime(wanted: RuntimeName): Promise<RuntimeChoice> {
  if (wanted === 'process') return 'process'
  const { detectSystemd } = await import('../runtimes/systemd/detect.ts')
  const found = await detectSystemd()
  if (found !== undefined) return found.scope === 'system' ? 'systemd-system' : 'systemd-user'
  if (wanted === 'auto') return 'process'
  throw new NsctlError(
    'Unsupported',
    'no systemd manager answers here, neither the system one nor a user one',
    {
      value: wanted,
      next: 'nsctl up --runtime process supervises plain processes instead',
    },
  )
}

/** Opens the runtime for the one process that owns it. */
export async function openRuntime(choice: RuntimeChoice, options: OpenRuntimeOptions): Promise<LocalRuntime> {
  const { stateDir, runDir } = runtimePathsOf(choice, options.env)
  const { clock, logger, signal } = options
  const reader = await openRuntimeReader(choice, options.env)
  const own =
    choice === 'process'
      ? await (await import('../runtimes/process/runtime.ts')).openProcessRuntime({
          stateDir,
          clock,
          logger,
          signal,
        })
      : await (await import('../runtimes/systemd/runtime.ts')).openSystemdRuntime({
          scope: choice === 'systemd-system' ? 'system' : 'user',
          stateDir,
          runDir,
          clock,
          logger,
          signal,
        })
  return withReader(own, reader)
}

/** Reads logs and runs commands beside programs, without owning the runtime. */
export async function openRuntimeReader(choice: RuntimeChoice, env: Environment): Promise<RuntimeReader> {
  const { stateDir } = runtimePathsOf(choice, env)
  if (choice === 'process')
    return (await import('../runtimes/process/reader.ts')).openProcessReader({ stateDir })
  const { openSystemdReader } = await import('../runtimes/systemd/reader.ts')
  return openSystemdReader({ scope: choice === 'systemd-system' ? 'system' : 'user', stateDir })
}

function withReader(
  own: Runtime & RuntimeMaterials & RuntimeStorage & RuntimeCleaner,
  reader: RuntimeReader,
): LocalRuntime {
  return new Proxy(own, {
    get(target, name) {
      const source = name === 'logs' || name === 'exec' ? reader : target
      const member = Reflect.get(source, name, source)
      return typeof member === 'function' ? member.bind(source) : member
    },
  }) as LocalRuntime
}
