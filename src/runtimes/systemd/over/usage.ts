/** What programs of another machine use: all files that say so, in one command. */
import { dirname } from 'node:path'
import { NsctlError } from '../../../core/errors.ts'
import type { Transport } from '../../../transport/transport.ts'
import type { ProgramUsage, UsageOptions } from '../../runtime.ts'
import { SLICE } from '../names.ts'
import { findCgroups, readUsage, type UsageFiles } from '../usage.ts'

/** `$1` the slice below the root of groups, `$2` `io` where that is asked for. A line is a file, a colon and a line of it. */
const READ = `
root=/sys/fs/cgroup
if [ -e $root/cgroup.controllers ]; then unified=yes; base=$root; else unified=; base=$root/systemd; fi
[ -z "$unified" ] || echo "$root/cgroup.controllers:"
slice="$base$1"
[ -d "$slice" ] || exit 0
grep -rs '' --include=cpu.stat --include=memory.current --include=io.stat --include=cgroup.procs "$slice"
[ -z "$unified" ] || [ "$2" = io ] || exit 0
pids=$(grep -rhs '' --include=cgroup.procs "$slice")
set -- "$2"
for pid in $pids; do
  set -- "$@" "/proc/$pid/stat" "/proc/$pid/status"
  [ "$1" != io ] || set -- "$@" "/proc/$pid/io"
done
shift
[ $# -eq 0 ] || grep -sE '^(VmRSS:|read_bytes:|write_bytes:|[0-9]+ \\()' /dev/null "$@"
exit 0
`

const LINE =
  /^(.*?\/(?:cpu\.stat|memory\.current|io\.stat|cgroup\.procs|cgroup\.controllers|stat|status|io)):(.*)$/

export async function usageOver(
  transport: Pick<Transport, 'run' | 'name'>,
  controlGroup: string,
  options: UsageOptions,
  signal: AbortSignal,
): Promise<readonly ProgramUsage[]> {
  const slice = `${controlGroup.replace(/\/$/, '')}/${SLICE}`
  const argv = ['/bin/sh', '-c', READ, 'usage', slice, options.io === true ? 'io' : ''] as const
  const { exitCode, stdout, stderr } = await transport.run({ argv }, { signal })
  if (exitCode !== 0)
    throw new NsctlError(
      'Failed',
      `${transport.name} does not say what programs use: ${stderr.toString().trim()}`,
    )
  const files = filesOf(stdout.toString())
  return readUsage(await findCgroups(controlGroup, files), options, files)
}

/** What was printed, as the files that it is of. Pure. */
export function filesOf(printed: string): UsageFiles {
  const texts = new Map<string, string>()
  const folders = new Map<string, Set<string>>()
  for (const line of printed.split('\n')) {
    const [, file = '', text = ''] = LINE.exec(line) ?? []
    if (file === '') continue
    texts.set(file, `${texts.get(file) ?? ''}${text}\n`)
    for (let path = dirname(file); path !== '/' && path !== '.'; path = dirname(path)) {
      const above = folders.get(dirname(path)) ?? new Set()
      folders.set(dirname(path), above.add(path.slice(path.lastIndexOf('/') + 1)))
    }
  }
  return {
    names: async (folder) => [...(folders.get(folder) ?? [])],
    text: async (file) => texts.get(file),
  }
}
