/** What names a boot where there is no /proc. */
import { execFileSync } from 'node:child_process'

/** Runs a command to its end; undefined where it is missing or fails. */
export type Ask = (program: string, args: readonly string[]) => string | undefined

/**
 * The best first; none moves when somebody sets the clock, as the time of boot does. macOS and FreeBSD name each boot; elsewhere
 * the kernel has noted when the first process began, and shows it as it noted it.
 */
const SOURCES: readonly (readonly [program: string, ...args: string[]])[] = [
  ['sysctl', '-n', 'kern.bootsessionuuid'],
  ['sysctl', '-n', 'kern.boot_id'],
  ['ps', '-p', '1', '-o', 'lstart='],
]

/** One word. Where nothing tells boots apart it is always the same: then a process is known by its arguments alone. */
export function findBootId(ask: Ask = askMachine): string {
  for (const [program, ...args] of SOURCES) {
    const answer = ask(program, args)?.trim().replaceAll(/\s+/g, '-')
    if (answer !== undefined && answer !== '') return answer
  }
  return 'unknown'
}

function askMachine(program: string, args: readonly string[]): string | undefined {
  try {
    const env = { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C', TZ: 'UTC' }
    return execFileSync(program, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return undefined
  }
}
