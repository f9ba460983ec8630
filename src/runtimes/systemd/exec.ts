/** Runs a command where a program runs: its namespaces, user, directory, environment and cgroup. */
import { spawn } from 'node:child_process'
import { accessSync, constants, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { constants as osConstants } from 'node:os'
import { join } from 'node:path'
import { NsctlError } from '../../core/errors.ts'
import type { ExecOptions } from '../runtime.ts'
import type { ManagerScope } from './dbus/address.ts'

const NAMESPACES = ['mnt', 'net', 'ipc', 'uts', 'user'] as const
const NSENTER_OPTIONS = { mnt: '--mount', net: '--net', ipc: '--ipc', uts: '--uts', user: '--user' } as const

/**
 * Resolves to the command's exit code, 128 + n where signal n ended it. On abort the command is killed and the signal's reason
 * thrown.
 * @throws Unreachable where the process is gone or may not be entered; Unsupported where nsenter is missing
 */
export async function execBeside(
  pid: number,
  scope: ManagerScope,
  options: ExecOptions,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted()
  const target = lookAt(pid)
  const command = inCgroups(
    pid,
    scope === 'system' ? enterCommand(pid, target, options.command) : options.command,
  )
  const quiet = options.quiet === true
  const child = spawn(command[0], command.slice(1), {
    env: target.env,
    ...(scope === 'user' ? { cwd: target.cwd } : {}),
    stdio: [
      options.stdin && !quiet ? 'inherit' : 'ignore',
      quiet ? 'ignore' : 'inherit',
      quiet ? 'ignore' : 'inherit',
    ],
  })
  const kill = () => child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        reject(
          new NsctlError('Unsupported', `${command[0]} could not be executed: ${error.message}`, {
            cause: error,
          }),
        )
      })
      child.once('close', (code, name) => {
        if (signal.aborted) reject(signal.reason)
        else resolve(code ?? 128 + osConstants.signals[name ?? 'SIGKILL'])
      })
    })
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

interface Target {
  readonly env: Record<string, string>
  readonly cwd: string
  readonly uid: string
  readonly gid: string
  readonly groups: string
}

function lookAt(pid: number): Target {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const ids = (name: string) =>
      new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim().split(/\s+/) ?? []
    const environ = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    return {
      env: Object.fromEntries(
        environ
          .filter((pair) => pair.includes('='))
          .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
      ),
      cwd: readlinkSync(`/proc/${pid}/cwd`),
      uid: ids('Uid')[1] ?? '65534',
      gid: ids('Gid')[1] ?? '65534',
      groups: ids('Groups').join(','),
    }
  } catch (error) {
    throw new NsctlError(
      'Unreachable',
      `process ${pid} cannot be entered: it has ended, or belongs to another user`,
      {
        value: pid,
        cause: error,
        next: 'run this as the user that runs nsctl up (root for the system manager)',
      },
    )
  }
}

/** nsenter for the namespaces, setpriv for user and privileges; both by full path, since PATH will be the program's. */
function enterCommand(pid: number, target: Target, command: ExecOptions['command']): ExecOptions['command'] {
  const differing = NAMESPACES.filter(
    (name) => readlinkSync(`/proc/${pid}/ns/${name}`) !== readlinkSync(`/proc/self/ns/${name}`),
  )
  const setpriv = findTool('setpriv')
  return [
    // groups first: inside a user namespace nobody may set them
    setpriv,
    target.groups === '' ? '--clear-groups' : `--groups=${target.groups}`,
    '--',
    findTool('nsenter'),
    `--target=${pid}`,
    '--wd',
    ...differing.map((name) => NSENTER_OPTIONS[name]),
    '--preserve-credentials',
    '--',
    setpriv,
    `--reuid=${target.uid}`,
    `--regid=${target.gid}`,
    '--keep-groups',
    ...(target.uid === '0' ? [] : ['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs']),
    '--',
    ...command,
  ]
}

function findTool(name: string): string {
  const folders = [
    ...(process.env.PATH ?? '').split(':'),
    '/usr/bin',
    '/usr/sbin',
    '/bin',
    '/run/current-system/sw/bin',
  ]
  for (const folder of folders) {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return join(folder, name)
    } catch {
      // not in this one
    }
  }
  throw new NsctlError('Unsupported', `${name} (util-linux) is not on this machine`, { value: name })
}

/** A shell joins each group before it becomes the command: $@ is the groups' files, `--`, the command. */
const JOIN = 'while [ "$1" != -- ]; do echo $$ 2>/dev/null >"$1"; shift; done; shift; exec "$@"'

/**
 * Its limits are the program's, and it goes when the program goes. Where joining is not allowed (a user's manager under version 1
 * is delegated nothing) it stays outside.
 */
function inCgroups(pid: number, command: ExecOptions['command']): ExecOptions['command'] {
  return ['/bin/sh', '-c', JOIN, 'sh', ...cgroupFiles(pid), '--', ...command]
}

function cgroupFiles(pid: number): readonly string[] {
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n')
  return groups.flatMap((line) => {
    const [, controllers = '', path = ''] = line.split(':')
    const hierarchy = controllers === '' ? unifiedRoot() : controllers.replace(/^name=/, '')
    const file = join('/sys/fs/cgroup', hierarchy, path, 'cgroup.procs')
    return path.endsWith('.service') && canWrite(file) ? [file] : []
  })
}

function canWrite(file: string): boolean {
  try {
    accessSync(file, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function unifiedRoot(): string {
  return readdirSync('/sys/fs/cgroup').includes('cgroup.controllers') ? '' : 'unified'
}
