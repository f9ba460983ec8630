/** How systemd's words for the end of a process become ours. Pure. */
import { constants } from 'node:os'
import type { ProgramExit } from '../runtime.ts'

const CLD_EXITED = 1
const CLD_DUMPED = 3

/** Exit statuses that systemd itself uses for what goes wrong before the program runs (systemd.exec, "Process Exit Codes"). */
const SETUP_STATUSES: Readonly<Record<number, string>> = {
  200: '200/CHDIR: its working directory cannot be entered',
  202: '202/FDS: its file descriptors could not be prepared',
  203: '203/EXEC: the program could not be executed; is it there, executable, and readable to its user?',
  205: '205/LIMITS: a limit could not be set',
  206: '206/OOM_ADJUST: the OOM score could not be set',
  207: '207/SIGNAL_MASK: the signal mask could not be set',
  208: '208/STDIN: its input could not be set up',
  209: '209/STDOUT: its output could not be connected to the journal',
  214: '214/SETSCHEDULER: the scheduler could not be set',
  216: '216/GROUP: its group could not be set',
  217: '217/USER: its user could not be made or set',
  218: '218/CAPABILITIES: the capabilities could not be dropped',
  219: '219/CGROUP: its cgroup could not be set up',
  225: '225/NETWORK: its network namespace could not be made',
  226: '226/NAMESPACE: its view of the file system could not be made; a path of its storage, configs or secrets may lie where nothing can be made (a read-only /etc), or this machine lacks what a protection needs: relax that',
  227: '227/NO_NEW_PRIVILEGES: could not be set',
  228: '228/SECCOMP: the system call filter could not be set',
  233: '233/RUNTIME_DIRECTORY: could not be made',
  238: '238/STATE_DIRECTORY: its storage could not be made',
  243: '243/CREDENTIALS: could not be provided',
}
const FIRST_SETUP_STATUS = 200
const LAST_SETUP_STATUS = 245

/** How a process ended, as systemd tells it. */
export interface RawExit {
  readonly code: number
  readonly status: number
  readonly result: string
  readonly atMs: number
  /** The program itself was never reached. */
  readonly duringSetup: boolean
}

export function toProgramExit(raw: RawExit): ProgramExit {
  const { atMs, status } = raw
  const how = raw.code === CLD_EXITED ? { exitCode: status } : { signal: signalName(status) }
  switch (raw.result) {
    case 'oom-kill':
      return { reason: 'oom-kill', ...how, atMs }
    case 'timeout':
    case 'watchdog':
      return { reason: 'timeout', ...how, atMs, message: 'did not end in time and was killed' }
    case 'resources':
      return failedBefore('resources', atMs)
    default:
  }
  if (raw.code === CLD_DUMPED) return { reason: 'core-dump', ...how, atMs }
  if (raw.code !== CLD_EXITED) return { reason: 'signal', ...how, atMs }
  if (status === 0) return { reason: 'success', exitCode: 0, atMs }
  if (raw.duringSetup && status >= FIRST_SETUP_STATUS && status <= LAST_SETUP_STATUS)
    return {
      reason: 'exec',
      exitCode: status,
      atMs,
      message: SETUP_STATUSES[status] ?? `systemd: status ${status}`,
    }
  return { reason: 'exit-code', exitCode: status, atMs }
}

/** The end of a unit that had no process to end: systemd could not even begin. */
export function failedBefore(result: string, atMs: number): ProgramExit {
  return {
    reason: result === 'timeout' ? 'timeout' : 'resources',
    atMs,
    message: `systemd could not start it (${result}); the journal says more`,
  }
}

/** `SIGKILL` for 9. */
export function signalName(number: number): string {
  for (const [name, value] of Object.entries(constants.signals)) if (value === number) return name
  return `SIG${number}`
}
