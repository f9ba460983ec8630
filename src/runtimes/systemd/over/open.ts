/**
 * The systemd runtime of a machine on which nothing of nsctl runs, over a transport: its manager by D-Bus through a forwarded socket, its files by a
 * mirror, and what is left by short scripts. It stands on one connection; where that ends, or a change is lost, it is opened anew.
 */
import type { Clock } from '../../../core/clock.ts'
import { NsctlError } from '../../../core/errors.ts'
import type { Logger } from '../../../core/logger.ts'
import { Questions } from '../../../transport/questions.ts'
import type { Transport } from '../../../transport/transport.ts'
import type { Disk } from '../../disk.ts'
import { programKey, type RuntimeReader } from '../../runtime.ts'
import { openDbusManager } from '../dbus-manager.ts'
import type { DesiredFiles } from '../desired.ts'
import { layoutOf } from '../layout.ts'
import { readLogs } from '../logs.ts'
import type { SystemdMachine } from '../machine.ts'
import { unitName } from '../names.ts'
import { openSystemdRuntime, type SystemdRuntime } from '../runtime.ts'
import { execOver } from './exec.ts'
import { journalOver } from './journal.ts'
import { openMirror } from './mirror.ts'
import { volumesOver } from './storage.ts'
import { readSystem, readUptimeMs, type System } from './system.ts'
import { usageOver } from './usage.ts'

export interface OverOptions {
  readonly transport: Transport
  /**
   * Another way there, for what lasts as long as somebody wants: logs that are followed, and commands beside programs. A server allows few commands at a
   * time on one connection, and what the node lives by must not wait for them. The same one where left out.
   */
  readonly beside?: (signal: AbortSignal) => Promise<Transport>
  /** On that machine. */
  readonly stateDir: string
  readonly runDir: string
  readonly clock: Clock
  readonly logger: Logger
  /** Closes the runtime; what runs goes on. */
  readonly signal: AbortSignal
  /** Called once, where what is known of the machine cannot be relied on any more. */
  readonly onBroken: (error: NsctlError) => void
}

/** What there is no way to from another machine, by names that people know. */
const CANNOT = ['runtime'] as const
const PRIVATE_SOCKET = '/run/systemd/private'

/** @throws Unsupported for a machine that will not do, with what it lacks; Denied where we are not root there; Unreachable */
export async function openSystemdOver(options: OverOptions): Promise<SystemdRuntime & RuntimeReader> {
  const { transport, clock, logger, signal, stateDir, runDir, beside = async () => transport } = options
  const system = await readSystem(transport, signal)
  const names = layoutOf({ scope: 'system', stateDir, runDir })
  const disk = await openMirror({
    transport,
    roots: [runDir, names.desiredDir, `${names.unitDir}/nsctl*`],
    secretDir: names.materialDir,
    inMemory: system.inMemory,
    uid: 0,
    onBroken: options.onBroken,
    signal,
  })
  const machine = machineOver(options, system, disk)
  const runtime = await openSystemdRuntime({
    scope: 'system',
    stateDir,
    runDir,
    machine,
    clock,
    logger,
    signal,
  })
  return Object.assign(runtime, {
    async *logs(...[id, how, given]: Parameters<RuntimeReader['logs']>) {
      const way = await beside(given)
      yield* readLogs('system', id, how, given, journalOver(way, signal))
    },
    exec: async (...[id, how, given]: Parameters<RuntimeReader['exec']>) => {
      const pid = runtime.observe().get(programKey(id))?.pid
      if (pid !== undefined) return await execOver(await beside(given), pid, how, given)
      const message = `${id.service}-${id.ordinal} does not run, so nothing can be run beside it`
      throw new NsctlError('NotFound', message, { value: unitName(id) })
    },
  })
}

function machineOver({ transport, signal }: OverOptions, system: System, disk: Disk): SystemdMachine {
  const questions = new Questions(transport, signal)
  return {
    disk,
    cores: system.cores,
    systemctl: system.systemctl,
    cannot: CANNOT,
    desired: desiredOn(disk),
    looks: {
      realpath: (path) => questions.ask('realpath', path),
      firstLine: async (file) => (await questions.ask('first-line', file)) || undefined,
    },
    journal: journalOver(transport, signal),
    uptimeMs: () => readUptimeMs(transport, signal),
    openManager: (wanted) => {
      const open = (given: AbortSignal) => transport.connect({ socketPath: PRIVATE_SOCKET }, given)
      const endpoint = { socketPath: PRIVATE_SOCKET, bus: false, remote: { uid: 0, open } }
      return openDbusManager({ ...wanted, endpoints: [endpoint] })
    },
    volumes: (layout) => volumesOver(transport, layout, signal),
    usage: (controlGroup, how) => usageOver(transport, controlGroup, how, signal),
    // under cgroup version 1 a kill for want of memory is told as a SIGKILL
    oomWatcher: () => undefined,
    whyNoContainers: () => 'containers need an agent on the machine, and it is reached over SSH',
  }
}

/** With the other files: a machine that loses its power has lost what ran, too. */
function desiredOn(disk: Disk): DesiredFiles {
  return {
    async list(dir) {
      disk.makeFolder(dir, 0o700)
      const names = disk.names(dir).filter((name) => name.endsWith('.json'))
      return names.map((name) => [name, disk.read(`${dir}/${name}`)?.toString() ?? ''] as const)
    },
    async replace(dir, name, text) {
      disk.makeFolder(dir, 0o700)
      disk.write(`${dir}/${name}`, text, { mode: 0o600 })
      await disk.settled()
    },
    async remove(dir, name) {
      disk.remove(`${dir}/${name}`)
      await disk.settled()
    },
  }
}
