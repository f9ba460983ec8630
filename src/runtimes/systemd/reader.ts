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
  const unit = unitName(id)
  let pid: number | undefined
  const look = (change: UnitChange | undefined) => {
    pid = change?.mainPid ?? pid
  }
  const events = {
    changed: (_: string, change: UnitChange) => look(change),
    removed: () => {
      look({ mainPid: 0 })
      return true
    },
    all: (units: ReadonlyMap<string, UnitChange>) => look(units.get(unit)),
  }
  const manager = await openDbusManager({ scope, events, logger: silentLogger, signal, pattern: unit })
  await manager.close()
  if (pid) return pid
  throw new NsctlError(
    'NotFound',
    `${id.service}-${id.ordinal} does not run, so nothing can be run beside it`,
    {
      value: unit,
    },
  )
}
