/**
 * The lines of sh that stand between systemd and a program in a container, so that systemd sees the program's own end.
 *
 * systemd-nspawn as it is tells exit codes and nothing else: a program that a signal ended is 255 (its stub init passes on no
 * more), signals to it go to that stub, which heeds none of a service's, and what is in its own environment would act on a
 * process of root's. So `KEEPER`, outside, is the unit's main process: it hands signals to the program, says when the program
 * runs, and ends by the same code or signal. `INNER` is the program's parent inside. The two share one open file, the inner
 * one's standard input: what stands in it first are the instance's variables, and what follows is how the program ended, with
 * the shell's own words before it where it has any (it has some for a signal, so that a program that exits with 137 is not taken
 * for one that was killed).
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { localDisk } from '../../disk.ts'

/**
 * Arguments: the path of its own files without their endings, the uid that root is inside, then pairs that say what is to be
 * made ready (`env FILE`, `folder DIR`, `volume DIR`), `--`, and systemd-nspawn's command line.
 */
export const KEEPER = `# nsctl: keeps one program in a container, and ends as it ends
run=$1 owner=$2 keeper= program= pending=
shift 2
umask 077
rm -f "$run.pid"
: >"$run.end" || exit 219
while [ "$1" != -- ]; do
  case $1 in
    env) if [ -e "$2" ]; then cat "$2" >>"$run.end" || exit 219; fi ;;
    folder) mkdir -p -m 755 "$2" || exit 238 ;;
    volume)
      mkdir -p "$2" || exit 238
      [ "$(stat -c %u "$2/.")" = "$owner" ] || chown -hR "$owner:$owner" "$2/." || exit 238 ;;
  esac
  shift 2
done
shift
given=$(wc -l <"$run.end")

send() {
  if [ -n "$program" ]; then kill -s "$1" "$program" 2>/dev/null; else pending=$1; fi
}
for signal in HUP INT QUIT USR1 USR2 TERM; do trap "send $signal" "$signal"; done

# sets state and flags; false where it is no more
look() {
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- \${line##*) }
  state=$1 flags=$7
  [ "$state" != Z ] && [ "$state" != X ]
}
# sets child to the first one of a process
child_of() {
  child=
  { read -r child others <"/proc/$1/task/$1/children"; } 2>/dev/null
  [ -n "$child" ]
}
# the program: nspawn's child is the container's init, whose child is INNER, whose child is it once it was executed (flag 64: not yet)
find_program() {
  child_of "$keeper" && child_of "$child" && child_of "$child" && look "$child" && [ $((flags & 64)) = 0 ] && program=$child
}

exec 3<>"$run.end"
# systemd-nspawn would say that it runs before the program does
(unset NOTIFY_SOCKET; exec setpriv --pdeathsig KILL -- "$@" <&3 3>&-) &
keeper=$!
while look "$keeper"; do
  if find_program; then
    echo "$program" >"$run.pid.part" && mv "$run.pid.part" "$run.pid"
    systemd-notify --ready
    [ -n "$pending" ] && send "$pending"
    break
  fi
  [ -n "$pending" ] && kill -s KILL "$keeper"
  sleep 0.01
done
while look "$keeper"; do wait "$keeper"; done

code= said=
{
  while [ "$given" -gt 0 ]; do read -r line; given=$((given - 1)); done
  while IFS= read -r line; do said=$code code=$line; done
} <"$run.end"
: >"$run.end"
end_by() {
  ulimit -c 0
  trap - HUP INT QUIT USR1 USR2 TERM
  kill -s "$1" $$
}
case $code in
  '' | *[!0-9]*)
    [ -n "$program$pending" ] && end_by KILL
    exit 226 ;;
  127) [ "$said" = refused ] && exit 203 ;;
esac
[ -n "$program" ] || systemd-notify --ready
if [ "$code" -gt 128 ]; then
  # of these two a shell says nothing
  [ -n "$said" ] || [ "$code" = 130 ] || [ "$code" = 141 ] && end_by "$((code - 128))"
fi
exit "$code"
`

/** Arguments: the program and its own. */
export const INNER = `# bash that is called sh says nothing of signals
[ -n "\${BASH_VERSION-}" ] && set +o posix
nsctl__env=
while IFS= read -r nsctl__line; do nsctl__env="$nsctl__env$nsctl__line
"; done
exec 3>&2 2>&0
set -a
eval "$nsctl__env"
set +a
unset nsctl__env nsctl__line
case $1 in
*/*) ;;
*)
  nsctl__name=$1
  shift
  IFS=:
  for nsctl__dir in $PATH; do [ -f "$nsctl__dir/$nsctl__name" ] && [ -x "$nsctl__dir/$nsctl__name" ] && break; done
  unset IFS
  set -- "$nsctl__dir/$nsctl__name" "$@"
  unset nsctl__name nsctl__dir ;;
esac
if [ ! -f "$1" ] || [ ! -x "$1" ]; then
  echo "nsctl: $1 is not there or not executable in the container" >&3
  echo 'refused
127' >&0
  exit 127
fi
# what the shell says of a signal goes to its own standard error; in a subshell, or it would go to the program's
(exec "$@" </dev/null 2>&3 3>&-)
echo "$?" >&0
`

/** Puts the keeper in place, beside one that runs and is read as it goes. Units outlive versions: what they hand over must be understood. */
export function installKeeper(containerDir: string): void {
  const path = keeperPath(containerDir)
  if (!existsSync(path) || readFileSync(path, 'utf8') !== KEEPER)
    localDisk.write(path, KEEPER, { mode: 0o600 })
}

export function keeperPath(containerDir: string): string {
  return join(containerDir, 'keeper.sh')
}
