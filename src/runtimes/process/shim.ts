/**
 * The shim: the few lines of sh that run one attempt of a program, outlive nsctl and keep how it ended.
 *
 * It links its claim before it runs anything, and link(2) has one winner: either the attempt is claimed and will be found
 * by whoever owns the runtime next, or that one has linked `cancelled` there first, and the attempt never runs. At the
 * end it writes the exit status in one write; the file is whole when it ends in a newline.
 *
 * The claim names two processes: the shim, which leads a session and a process group of its own, and the program, which
 * takes over the subshell's. Signals to the group reach the program; the shim catches them (caught signals, unlike ignored ones,
 * are back to their default in what is executed), so that it stays to tell the end.
 *
 * Its variables have long names, because the program's environment passes through it.
 */
import { createHash } from 'node:crypto'
import { existsSync, linkSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Layout } from './layout.ts'

const STAT_FIELDS = Array.from({ length: 20 }, (_, i) => `nsctl__${i + 2}`).join(' ')

/** Arguments: run prefix, stdout file, stderr file, boot id, ln, `none` for no core dumps, program, its arguments. */
export const SHIM = `# nsctl: runs one attempt of a program and keeps how it ended
nsctl__run=$1 nsctl__out=$2 nsctl__err=$3 nsctl__boot=$4 nsctl__ln=$5 nsctl__core=$6
shift 6
[ "$nsctl__core" = none ] && ulimit -c 0
trap : HUP INT QUIT USR1 USR2 TERM
exec 2>>"$nsctl__run.said"
nsctl__start=0
nsctl__shim=$$
[ -r /proc/self/stat ] && read -r nsctl__1 ${STAT_FIELDS} nsctl__start nsctl__rest </proc/self/stat
nsctl__shim_start=$nsctl__start
(
  nsctl__1=$nsctl__shim
  [ -r /proc/self/stat ] && read -r nsctl__1 ${STAT_FIELDS} nsctl__start nsctl__rest </proc/self/stat
  echo "$nsctl__shim $nsctl__shim_start $nsctl__1 $nsctl__start $nsctl__boot" >"$nsctl__run.pid" || exit 75
  "$nsctl__ln" "$nsctl__run.pid" "$nsctl__run.claim" 2>/dev/null || exit 75
  # where the program cannot be executed, sh ends through its EXIT trap; a subshell of bash does not, but bash itself goes on
  [ -n "\${BASH_VERSION-}" ] && exec "$BASH" -O execfail -c '
    nsctl__run=$1 nsctl__out=$2 nsctl__err=$3
    shift 3
    exec "$@" >>"$nsctl__out" 2>>"$nsctl__err"
    nsctl__status=$?
    echo >"$nsctl__run.refused"
    exit "$nsctl__status"
  ' nsctl "$nsctl__run" "$nsctl__out" "$nsctl__err" "$@"
  trap 'echo >"$nsctl__run.refused"' EXIT
  exec "$@" >>"$nsctl__out" 2>>"$nsctl__err"
)
nsctl__status=$?
nsctl__said=
[ -s "$nsctl__run.said" ] && read -r nsctl__said <"$nsctl__run.said"
echo "$nsctl__status $nsctl__said" >"$nsctl__run.exit"
exit "$nsctl__status"
`

/** Writes the shim where it is not there yet and returns its path. A shim that runs is never written over: sh reads as it goes. */
export function installShim(layout: Layout): string {
  const path = join(layout.root, `shim-${createHash('sha256').update(SHIM).digest('hex').slice(0, 12)}.sh`)
  if (!existsSync(path)) {
    writeFileSync(`${path}.new`, SHIM, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }
  return path
}

/** Who runs an attempt. Start times are ticks since boot, and 0 where the system has none to offer. */
export interface Claim {
  readonly shimPid: number
  readonly shimStart: number
  readonly pid: number
  readonly start: number
  readonly bootId: string
}

/** What a claim file says; `cancelled` where the attempt must never run, undefined where it makes no sense. */
export function parseClaim(text: string): Claim | 'cancelled' | undefined {
  if (text.startsWith('cancelled')) return 'cancelled'
  const match = /^(\d+) (\d+) (\d+) (\d+) (\S+)\n$/.exec(text)
  if (match === null) return undefined
  const [shimPid, shimStart, pid, start] = match.slice(1, 5).map(Number) as [number, number, number, number]
  return { shimPid, shimStart, pid, start, bootId: match[5] as string }
}

/** What stands in the claim of an attempt that must never run. */
export function cancelledClaim(bootId: string): string {
  return `cancelled ${bootId}\n`
}

/** Claims an attempt for nobody. False where its shim was faster. */
export function cancelAttempt(claimPath: string, bootId: string): boolean {
  const own = `${claimPath}.cancel`
  writeFileSync(own, cancelledClaim(bootId), { mode: 0o600 })
  try {
    linkSync(own, claimPath)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    unlinkSync(own)
  }
}
