/** Runs a command where a program runs: its namespaces, user, directory, environment and cgroup. */
import { accessSync, constants, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { NsctlError } from '../../core/errors.ts'
import { runBeside } from '../beside.ts'
import type { ExecOptions } from '../runtime.ts'
import { findTool } from '../tools.ts'
import type { ManagerScope } from './dbus/address.ts'
import { environmentFileLine } from './escape.ts'

const TOOLS_PATH = '/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin'
const NAMESPACES = ['mnt', 'net', 'ipc', 'uts', 'user'] as const
const NSENTER_OPTIONS = { mnt: '--mount', net: '--net', ipc: '--ipc', uts: '--uts', user: '--user' } as const

/**
 * The program's variables come by descriptor 3 and are set inside: they are the program's to change, and what it put there must not
 * act on a process of root's (LD_PRELOAD).
 */
export const SET_GIVEN = `nsctl__env=
while IFS= read -r nsctl__line <&3; do nsctl__env="$nsctl__env$nsctl__line
"; done
exec 3<&-
set -a
eval "$nsctl__env"
set +a
unset nsctl__env nsctl__line
exec "$@"`

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** What is written to descriptor 3 for `withGiven`. */
export function givenOf(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .filter(([name]) => VARIABLE_NAME.test(name))
    .map(([name, value]) => environmentFileLine(name, value))
    .join('')
}

export function withGiven(shell: string, command: ExecOptions['command']): ExecOptions['command'] {
  return [shell, '-c', SET_GIVEN, 'sh', ...command]
}

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
  const groups = cgroupFiles(pid, isUnit)
  if (scope === 'user') {
    const { env, cwd } = target
    return run(inCgroups(groups, options.command), { env, cwd }, options, signal)
  }
  const command = enterCommand(pid, target, withGiven('/bin/sh', options.command))
  const where = { env: { PATH: process.env.PATH ?? TOOLS_PATH }, given: givenOf(target.env) }
  return run(inCgroups(groups, command), where, options, signal)
}

/** Standard streams as `options` says. `given` is what it can read from its descriptor 3; nothing where left out. */
export async function run(
  command: ExecOptions['command'],
  where: { readonly env: Readonly<Record<string, string>>; readonly cwd?: string; readonly given?: string },
  options: ExecOptions,
  signal: AbortSignal,
): Promise<number> {
  const failed = (cause: Error) =>
    new NsctlError('Unsupported', `${command[0]} could not be executed: ${cause.message}`, { cause })
  return await runBeside(command, { ...where, options, failed }, signal)
}

export interface Target {
  readonly env: Record<string, string>
  readonly cwd: string
  readonly uid: string
  readonly gid: string
  readonly groups: string
}

export function lookAt(pid: number): Target {
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

/** A shell joins each group before it becomes the command: $@ is the groups' files, `--`, the command. */
export const JOIN = 'while [ "$1" != -- ]; do echo $$ 2>/dev/null >"$1"; shift; done; shift; exec "$@"'

/**
 * Its limits are the program's, and it goes when the program goes. Where joining is not allowed (a user's manager under version 1
 * is delegated nothing) it stays outside.
 */
export function inCgroups(files: readonly string[], command: ExecOptions['command']): ExecOptions['command'] {
  return ['/bin/sh', '-c', JOIN, 'sh', ...files, '--', ...command]
}

function isUnit(path: string): boolean {
  return path.endsWith('.service')
}

/** What to write a pid to, so that it joins those groups of `pid` that are `wanted`, by their paths. */
export function cgroupFiles(pid: number, wanted: (path: string) => boolean): readonly string[] {
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n')
  return groups.flatMap((line) => {
    const [, controllers = '', path = ''] = line.split(':')
    const hierarchy = controllers === '' ? unifiedRoot() : controllers.replace(/^name=/, '')
    const file = join('/sys/fs/cgroup', hierarchy, path, 'cgroup.procs')
    return wanted(path) && canWrite(file) ? [file] : []
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
