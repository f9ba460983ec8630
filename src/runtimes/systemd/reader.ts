/** What a command may do beside the agent: read logs, run commands where a program runs. */
import { NsctlError } from '../../core/errors.ts'
import { silentLogger } from '../../core/logger.ts'
import type { ProgramId, RuntimeReader } from '../runtime.ts'
import type { ManagerScope } from './dbus/address.ts'
import { openDbusManager } from './dbus-manager.ts'
import { execBeside } from './exec.ts'
import { readLogs } from './logs.ts'
import type { UnitChange } from './manager.ts'
import { unitName } from './names.ts'

export interface SystemdReaderOptions {
  readonly scope: ManagerScope
  readonly stateDir: string
}

/** Opens nothing until it is used. */
export function openSystemdReader({ scope }: SystemdReaderOptions): RuntimeReader {
  return {
    logs: (id, options, signal) => readLogs(scope, id, options, signal),
    async exec(id, options, signal) {
      return execBeside(await mainPid(scope, id, signal), scope, options, signal)
    },
  }
}

async function mainPid(scope: ManagerScope, id: ProgramId, signal: AbortSignal): Promise<number> {
  let seen: ReadonlyMap<string, UnitChange> = new Map()
  const events = {
    changed() {},
    removed() {},
    all(units: ReadonlyMap<string, UnitChange>) {
      seen = units
    },
  }
  const unit = unitName(id)
  const manager = await openDbusManager({ scope, events, logger: silentLogger, signal, pattern: unit })
  await manager.close()
  const pid = seen.get(unit)?.mainPid
  if (pid) return pid
  throw new NsctlError(
    'NotFound',
    `${id.service}-${id.ordinal} does not run, so nothing can be run beside it`,
    {
      value: unit,
    },
  )
}
