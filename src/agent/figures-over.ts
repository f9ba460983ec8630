/** The figures of a machine that is reached over a transport, for metrics: all that it says, in one command. */
import { type MachineFigures, machineFigures, PRESSED, type Space } from '../telemetry/machine/read.ts'
import type { Transport } from '../transport/transport.ts'

/** A name, what it says, and a zero byte. Paths of mounts are written with octal numbers, which printf's %b undoes. */
const ASK = `
say() { printf '%s\\n' "$1"; cat "$2" 2>/dev/null; printf '\\0'; }
say stat /proc/stat
say memory /proc/meminfo
say disks /proc/diskstats
say mounts /proc/self/mounts
say load /proc/loadavg
for one in ${PRESSED.join(' ')}; do say "pressure $one" "/proc/pressure/$one"; done
printf 'whole\\n'; ls /sys/block 2>/dev/null; printf '\\0'
while read -r device path rest; do
  case $device in /dev/*) ;; *) continue ;; esac
  path=$(printf '%b' "$path")
  space=$(stat -f -c '%S %b %f %a' "$path" 2>/dev/null) || continue
  printf 'space %s\\n%s\\0' "$path" "$space"
done </proc/self/mounts
exit 0
`

export async function figuresOver(
  transport: Pick<Transport, 'run'>,
  signal: AbortSignal,
): Promise<MachineFigures> {
  const { stdout } = await transport.run({ argv: ['/bin/sh', '-c', ASK, 'figures'] }, { signal })
  const said = new Map(
    stdout
      .toString()
      .split('\0')
      .map((part) => {
        const at = part.indexOf('\n')
        return [part.slice(0, at), part.slice(at + 1)] as const
      }),
  )
  const text = (name: string) => said.get(name) ?? ''
  const load = text('load').split(' ').slice(0, 3).map(Number)
  const wholeDisks = text('whole').split('\n').filter(Boolean)
  const pressure = new Map(PRESSED.map((resource) => [resource, text(`pressure ${resource}`)]))
  const [stat, memory, disks, mounts] = [text('stat'), text('memory'), text('disks'), text('mounts')]
  return machineFigures({ stat, memory, disks, mounts, wholeDisks, pressure, load }, (mountpoint) =>
    spaceOf(said.get(`space ${mountpoint}`)),
  )
}

function spaceOf(said: string | undefined): Space | undefined {
  const [block = 0, blocks = 0, free = 0, available = 0] = said?.split(' ').map(Number) ?? []
  if (said === undefined) return undefined
  return { sizeBytes: block * blocks, freeBytes: block * free, availableBytes: block * available }
}
