/** Runs a command where a program of another machine runs, as `execBeside` does on this one: looked up and entered by one script there. */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:os'
import { NsctlError } from '../../../core/errors.ts'
import type { CommandEnd, Transport } from '../../../transport/transport.ts'
import { MARK } from '../../marked.ts'
import type { ExecOptions } from '../../runtime.ts'
import { JOIN, SET_GIVEN } from '../exec.ts'

/** What the script ends with where the process cannot be entered, having said so. */
const GONE = 97

/**
 * `$1` the process, `$2` what sets its variables inside, `$3` what joins its groups, then the command. Its variables come by descriptor 3, quoted for sh:
 * they must not act on a process of root's.
 */
const ENTER = String.raw`
pid=$1 given=$2 join=$3
shift 3
[ -r "/proc/$pid/environ" ] && [ -e "/proc/$pid/cwd" ] || { echo "gone ${'$'}${MARK}" >&2; exit ${GONE}; }
groups=
while read -r name one two more; do
  case $name in
    Uid:) uid=$two ;;
    Gid:) gid=$two ;;
    Groups:) groups=$(echo $one $two $more | tr ' ' ',') ;;
  esac
done <"/proc/$pid/status"
spaces=
for one in mnt:mount net:net ipc:ipc uts:uts user:user; do
  [ "$(readlink "/proc/$pid/ns/${'${'}one%:*}")" = "$(readlink "/proc/self/ns/${'${'}one%:*}")" ] || spaces="$spaces --${'${'}one#*:}"
done
unified=unified
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || unified=
files=
while IFS=: read -r _ controllers path; do
  case $path in *.service) ;; *) continue ;; esac
  tree=${'${'}controllers#name=}
  [ -n "$controllers" ] || tree=$unified
  file="/sys/fs/cgroup/$tree$path/cgroup.procs"
  [ ! -w "$file" ] || files="$files $file"
done <"/proc/$pid/cgroup"
setpriv=$(command -v setpriv) && nsenter=$(command -v nsenter) || { echo 'setpriv and nsenter, of util-linux, are not there' >&2; exit 127; }
drop='--inh-caps=-all --bounding-set=-all --no-new-privs'
[ "$uid" != 0 ] || drop=
groups=${'${'}groups:+--groups=$groups}
set -- /bin/sh -c "$given" sh "$@"
set -- "$setpriv" "--reuid=$uid" "--regid=$gid" --keep-groups $drop -- "$@"
set -- "$nsenter" "--target=$pid" --wd $spaces --preserve-credentials -- "$@"
set -- "$setpriv" ${'${'}groups:---clear-groups} -- "$@"
set -- env -i "PATH=$PATH" "${MARK}=${'$'}${MARK}" "$@"
set -- /bin/sh -c "$join" sh $files -- "$@"
exec 4<&0
LC_ALL=C sed -nz "/^[A-Za-z_][A-Za-z0-9_]*=/{s/'/'\\\\''/g;s/=/='/;s/\$/'/;p;}" "/proc/$pid/environ" | tr '\0' '\n' | { exec 3<&0 <&4 4<&-; exec "$@"; }
`

/** `$1` the mark. What is killed may have started more meanwhile. */
const END_MARKED = String.raw`
for round in 1 2 3 4 5; do
  found=$(grep -lsaE "${MARK}=$1" /proc/[0-9]*/environ | sed 's,^/proc/\([0-9]*\)/environ$,\1,' | grep -vx $$)
  [ -n "$found" ] || exit 0
  kill -s KILL -- $found 2>/dev/null
done
`
const END_LIMIT_MS = 5_000
const KEPT_ERRORS = 200

/**
 * Resolves to the command's exit code, 128 + n where signal n ended it. On abort what it started is killed, and the signal's reason thrown.
 * @throws Unreachable where the process is gone; Unsupported for a terminal
 */
export async function execOver(
  transport: Transport,
  pid: number,
  { command, streams, quiet, tty }: ExecOptions,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted()
  if (tty || streams?.terminal !== undefined)
    throw new NsctlError(
      'Unsupported',
      `${transport.name} is looked after over SSH: there are no terminals beside its programs`,
      {
        value: transport.name,
        next: 'leave out -t, or make the machine a node with an agent: nsctl node bootstrap',
      },
    )
  const mark = randomBytes(8).toString('hex')
  const argv = ['/bin/sh', '-c', ENTER, 'enter', String(pid), SET_GIVEN, JOIN, ...command] as const
  const child = await transport.spawn({ argv, env: { [MARK]: mark } }, signal)
  // it may end without reading
  child.stdin.on('error', () => {})
  if (streams?.stdin !== undefined) streams.stdin.pipe(child.stdin)
  else child.stdin.end()
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-KEPT_ERRORS)
  })
  if (quiet === true || streams === undefined) child.stdout.resume()
  else {
    child.stdout.pipe(streams.stdout, { end: false })
    child.stderr.pipe(streams.stderr, { end: false })
  }
  try {
    const end = await child.ended
    if (end.exitCode === GONE && errors.includes(`gone ${mark}`)) throw gone(pid, transport.name)
    return codeOf(end)
  } catch (error) {
    if (signal.aborted) await endMarked(transport, mark)
    throw error
  } finally {
    streams?.stdin?.unpipe(child.stdin)
  }
}

/** What left the command's group, or was started while the rest was killed. */
async function endMarked(transport: Transport, mark: string): Promise<void> {
  const argv = ['/bin/sh', '-c', END_MARKED, 'end', mark] as const
  await transport.run({ argv }, { signal: AbortSignal.timeout(END_LIMIT_MS) }).catch(() => {})
}

function codeOf({ exitCode, signal }: CommandEnd): number {
  return exitCode ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? constants.signals.SIGKILL)
}

function gone(pid: number, name: string): NsctlError {
  return new NsctlError('Unreachable', `process ${pid} of ${name} cannot be entered: it has ended`, {
    value: pid,
  })
}
