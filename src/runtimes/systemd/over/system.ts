/** Whether another machine's systemd can be had, and what has to be known of it before. */
import { NsctlError } from '../../../core/errors.ts'
import type { Transport } from '../../../transport/transport.ts'

export interface System {
  readonly cores: number
  /** Absolute. */
  readonly systemctl: string
  /** What is below /run stays in memory. */
  readonly inMemory: boolean
}

const LEAST_SYSTEMD = 250
/** One fact a line. */
const ASK = `
echo "uid $(id -u)"
[ ! -d /run/systemd/system ] || echo "systemd $(systemctl --version | sed -n '1s/^systemd \\([0-9]*\\).*/\\1/p')"
echo "systemctl $(command -v systemctl)"
echo "cores $(getconf _NPROCESSORS_ONLN || nproc)"
echo "run $(stat -f -c %t /run)"
for tool in tar head journalctl grep mv readlink; do command -v $tool >/dev/null || echo "missing $tool"; done
exit 0
`
const IN_MEMORY: ReadonlySet<string | undefined> = new Set(['1021994', '858458f6'])

/** @throws Denied, Unsupported with what is lacking, Unreachable */
export async function readSystem(
  transport: Pick<Transport, 'run' | 'name'>,
  signal: AbortSignal,
): Promise<System> {
  const { stdout } = await transport.run({ argv: ['/bin/sh', '-c', ASK, 'ask'] }, { signal })
  return judgeSystem(stdout.toString(), transport.name)
}

/** Pure. @throws as readSystem does */
export function judgeSystem(said: string, name: string): System {
  const facts = new Map(said.split('\n').map((line) => line.split(' ', 2) as [string, string]))
  const systemd = Number(facts.get('systemd') ?? 0)
  if (facts.get('uid') !== '0')
    throw new NsctlError('Denied', `${name} lets us in, but not as root`, {
      value: facts.get('uid'),
      next: 'log in as root: its systemd is spoken to directly',
    })
  if (systemd < LEAST_SYSTEMD)
    throw new NsctlError('Unsupported', `${name} has no systemd ${LEAST_SYSTEMD} or newer`, {
      value: systemd,
    })
  const missing = facts.get('missing')
  if (missing !== undefined)
    throw new NsctlError('Unsupported', `${name} has no ${missing}`, {
      value: missing,
      next: 'install it there',
    })
  return {
    cores: Number(facts.get('cores')) || 1,
    systemctl: facts.get('systemctl') || '/usr/bin/systemctl',
    inMemory: IN_MEMORY.has(facts.get('run')),
  }
}

/** Since its boot, suspended times included, when it was asked or later. @throws Failed, Unreachable */
export async function readUptimeMs(
  transport: Pick<Transport, 'run' | 'name'>,
  signal: AbortSignal,
): Promise<number> {
  const { stdout } = await transport.run({ argv: ['cat', '/proc/uptime'] }, { signal })
  const seconds = Number(stdout.toString().split(' ')[0])
  if (seconds > 0) return seconds * 1e3
  throw new NsctlError('Failed', `${transport.name} does not say since when it runs`)
}
