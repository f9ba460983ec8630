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
 * What is fenced has a watch beside it, in the same group: each second it compares the time since boot with what a file says, then has the
 * group end, then kills it whole, with what has left it and carries the attempt's mark. It stays for as long as there is any of that, also when
 * the program has ended. Before it is claimed it is asked the same.
 *
 * Its variables have long names, because the program's environment passes through it.
 */
import { createHash } from 'node:crypto'
import { existsSync, linkSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Layout } from './layout.ts'

const STAT_FIELDS = Array.from({ length: 20 }, (_, i) => `nsctl__${i + 2}`).join(' ')

/** Arguments: run prefix, stdout file, stderr file, boot id, ln, `none` for no core dumps, the fence's file or `none`, sleep, grep, program, its arguments. */
export const SHIM = `# nsctl: runs one attempt of a program and keeps how it ended
nsctl__run=$1 nsctl__out=$2 nsctl__err=$3 nsctl__boot=$4 nsctl__ln=$5 nsctl__core=$6 nsctl__fence=$7 nsctl__sleep=$8 nsctl__grep=$9
shift 9
[ "$nsctl__core" = none ] && ulimit -c 0
trap : HUP INT QUIT USR1 USR2 TERM
exec 2>>"$nsctl__run.said"
nsctl__start=0
nsctl__shim=$$
[ -r /proc/self/stat ] && read -r nsctl__1 ${STAT_FIELDS} nsctl__start nsctl__rest </proc/self/stat
nsctl__shim_start=$nsctl__start
nsctl__dog=
nsctl__look() {
  nsctl__stop=0 nsctl__kill=0 nsctl__of= nsctl__now=0
  { read -r nsctl__stop nsctl__kill nsctl__of <"$nsctl__fence"; } 2>/dev/null
  [ "$nsctl__of" = "$nsctl__boot" ] || nsctl__stop=0 nsctl__kill=0
  read -r nsctl__now nsctl__rest </proc/uptime
  nsctl__now=\${nsctl__now%%.*}
}
nsctl__others() {
  nsctl__left=
  for nsctl__pid in $("$nsctl__grep" -lszxF "NSCTL_ATTEMPT=$nsctl__run" /proc/[0-9]*/environ 2>/dev/null); do
    nsctl__pid=\${nsctl__pid#/proc/}
    nsctl__pid=\${nsctl__pid%/environ}
    case $nsctl__pid in "$nsctl__shim" | "$nsctl__dog") continue ;; esac
    kill -s 0 "$nsctl__pid" 2>/dev/null && nsctl__left="$nsctl__left $nsctl__pid"
  done
  return 0
}
if [ "$nsctl__fence" != none ]; then
  (
    trap '' HUP INT QUIT USR1 USR2 TERM
    read -r nsctl__dog nsctl__rest </proc/self/stat
    nsctl__asked=
    while "$nsctl__sleep" 1; do
      nsctl__look
      if [ "$nsctl__now" -ge "$nsctl__kill" ]; then
        for nsctl__round in 1 2 3; do
          nsctl__others
          [ -n "$nsctl__left" ] && kill -s KILL $nsctl__left 2>/dev/null
        done
        kill -s KILL -- "-$nsctl__shim"
      fi
      [ -e "$nsctl__run.exit" ] && nsctl__others && [ -z "$nsctl__left" ] && exit
      [ "$nsctl__now" -ge "$nsctl__stop" ] && [ -z "$nsctl__asked" ] && nsctl__asked=1 && kill -s TERM -- "-$nsctl__shim"
    done
  ) &
  nsctl__dog=$!
fi
(
  nsctl__1=$nsctl__shim
  [ -r /proc/self/stat ] && read -r nsctl__1 ${STAT_FIELDS} nsctl__start nsctl__rest </proc/self/stat
  if [ "$nsctl__fence" != none ]; then
    nsctl__look
    [ "$nsctl__now" -lt "$nsctl__stop" ] || exit 75
  fi
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
[ -n "$nsctl__dog" ] && nsctl__others
[ -n "$nsctl__dog" ] && [ -z "$nsctl__left" ] && kill -s KILL "$nsctl__dog" 2>/dev/null
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
