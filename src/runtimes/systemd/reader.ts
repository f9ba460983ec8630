/** What a command may do beside the agent: read logs, run commands where a program runs. */
import { NsctlError } from '../../core/errors.ts'
import { silentLogger } from '../../core/logger.ts'
import type { ProgramId, RuntimeReader } from '../runtime.ts'
import type { ManagerScope } from './dbus/address.ts'
import { openDbusManager } from './dbus-manager.ts'
import { execBeside } from './exec.ts'
import { readContainedPid, readTemplate } from './files.ts'
import { layoutOf } from './layout.ts'
import { readLogs } from './logs.ts'
import type { UnitChange } from './manager.ts'
import { unitName } from './names.ts'
import { execInside } from './nspawn/exec.ts'
import { isContainer } from './nspawn/lines.ts'

export interface SystemdReaderOptions {
  readonly scope: ManagerScope
  readonly stateDir: string
}

/** Opens nothing until it is used. */
export function openSystemdReader(options: SystemdReaderOptions): RuntimeReader {
  const { scope } = options
  return {
    logs: (id, wanted, signal) => readLogs(scope, id, wanted, signal),
    async exec(id, execution, signal) {
      const main = await mainPid(scope, id, signal)
      const layout = layoutOf(options)
      if (!isContainer(readTemplate(layout, id) ?? '')) return execBeside(main, scope, execution, signal)
      // its unit's main process is the machine's, with all of root's rights
      const pid = readContainedPid(layout, id)
      if (pid === undefined) throw doesNotRun(id)
      return execInside(pid, execution, signal)
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
  throw doesNotRun(id)
}

function doesNotRun(id: ProgramId): NsctlError {
  const message = `${id.service}-${id.ordinal} does not run, so nothing can be run beside it`
  return new NsctlError('NotFound', message, { value: unitName(id) })
}
