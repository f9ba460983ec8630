/** Runs a command in a program's container: its root, processes, network, user, directory, environment and cgroup. */
import { readFileSync } from 'node:fs'
import type { ExecOptions } from '../../runtime.ts'
import { findTool } from '../../tools.ts'
import { cgroupFiles, givenOf, inCgroups, lookAt, run, withGiven } from '../exec.ts'
import { TOOLS_PATH } from './lines.ts'

/**
 * The command is a child of sh, since only children are in the container's processes, and nsenter's own fork would die of a terminal's
 * Ctrl-C that the command is to handle. What sh catches, unlike what it ignores, has its default again in the child.
 */
const WAIT = `trap : HUP INT QUIT TERM
(exec "$@")
exit $?`

const NAMESPACES = ['--mount', '--uts', '--ipc', '--net', '--pid', '--user', '--cgroup']

/** As execBeside, of a program with this pid in a container. @throws Unreachable where it is gone */
export async function execInside(pid: number, options: ExecOptions, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted()
  const target = lookAt(pid)
  const shell = shellOf(pid)
  const command = [
    findTool('nsenter'),
    `--target=${pid}`,
    '--wd',
    ...NAMESPACES,
    '--no-fork',
    `--setuid=${inside(pid, 'uid', target.uid)}`,
    `--setgid=${inside(pid, 'gid', target.gid)}`,
    '--',
    ...withGiven(shell, [shell, '-c', WAIT, 'sh', ...options.command]),
  ] as const
  const joined = inCgroups(cgroupFiles(pid, isOfUnit), command)
  return run(joined, { env: { PATH: TOOLS_PATH }, given: givenOf(target.env) }, options, signal)
}

/** Under version 2 a container has groups of its own below its unit's. */
function isOfUnit(path: string): boolean {
  return /\.service(?:\/payload)?$/.test(path)
}

/** What the machine's number is called inside. */
function inside(pid: number, kind: 'uid' | 'gid', outside: string): number {
  const [first, from] = readFileSync(`/proc/${pid}/${kind}_map`, 'utf8').trim().split(/\s+/).map(Number)
  return Number(outside) - (from ?? 0) + (first ?? 0)
}

/** The sh that started the program is one that is there. */
function shellOf(pid: number): string {
  const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return readFileSync(`/proc/${parent}/cmdline`, 'utf8').split('\0')[0] || '/bin/sh'
}
