/** A machine that is reached over a transport, as the agent's surroundings: a command for all that is asked in one moment, and streams for probes. */
import { isAbsolute, join, resolve } from 'node:path/posix'
import { NsctlError } from '../core/errors.ts'
import { parseMemory } from '../telemetry/machine/parse.ts'
import { Questions } from '../transport/questions.ts'
import type { Transport } from '../transport/transport.ts'
import { figuresOver } from './figures-over.ts'
import { countIn } from './instance/connections.ts'
import type { Protocol } from './ports.ts'
import { type PressureSample, samplePressure } from './pressure.ts'
import type { MachineFacts, Surroundings } from './surroundings.ts'

/** `uname -m` in Node's names. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'x64',
  aarch64: 'arm64',
  armv7l: 'arm',
  armv6l: 'arm',
  i686: 'ia32',
  i386: 'ia32',
  ppc64le: 'ppc64',
}

const ASK_FACTS = `
echo "system $(uname -s)"
echo "release $(uname -r)"
echo "arch $(uname -m)"
echo "cores $(getconf _NPROCESSORS_ONLN || nproc)"
read -r boot </proc/sys/kernel/random/boot_id && echo "boot $boot"
[ ! -e /etc/NIXOS ] || echo nixos yes
grep '^MemTotal:' /proc/meminfo
exit 0
`

/** `$1` a folder, or the nearest above it that is there. */
const ASK_PRESSURE = `
folder=$1
while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done
echo "disk $(stat -f -c '%S %b %a %c %d' "$folder")"
cat /proc/meminfo
echo stalls
cat /proc/pressure/memory 2>/dev/null
exit 0
`

/** @param signal ends what is under way */
export function surroundingsOver(transport: Transport, signal: AbortSignal): Surroundings {
  const questions = new Questions(transport, signal)
  const run = async (script: string, ...words: readonly string[]) => {
    const argv = ['/bin/sh', '-c', script, 'look', ...words] as const
    return (await transport.run({ argv }, { signal })).stdout.toString()
  }
  const isYes = async (question: 'executable' | 'folder', path: string) =>
    (await questions.ask(question, path)) === 'yes'
  return {
    isHere: false,
    finder: {
      isFolder: (path) => isYes('folder', path),
      async find(program, workingDir, path) {
        const found = candidatesOf(program, workingDir, path)
        const answers = await Promise.all(found.map((one) => isYes('executable', one)))
        return found[answers.indexOf(true)]
      },
    },
    facts: async () => readFacts(await run(ASK_FACTS), transport.name),
    figures: () => figuresOver(transport, signal),
    pressure: async (folder) => readSample(await run(ASK_PRESSURE, folder)),
    async isPortFree(port, protocol) {
      return !listensOn(await questions.ask('sockets'), port, protocol)
    },
    async countConnections(ports) {
      if (ports.size === 0) return 0
      const tables = tablesOf(await questions.ask('sockets'))
      return countIn(tables.get('tcp') ?? '', ports) + countIn(tables.get('tcp6') ?? '', ports)
    },
    dial: (host, port, given) => transport.connect({ host, port }, given),
  }
}

function candidatesOf(program: string, workingDir: string, path: string): readonly string[] {
  if (program.includes('/')) return [resolve(workingDir, program)]
  const folders = path.split(':').filter((folder) => isAbsolute(folder))
  return folders.map((folder) => join(folder, program))
}

/** Pure. @throws NsctlError Failed where that is no answer */
export function readFacts(said: string, name: string): MachineFacts {
  const facts = new Map(said.split('\n').map((line) => line.split(' ', 2) as [string, string]))
  const [system, arch, memoryBytes] = [
    facts.get('system'),
    facts.get('arch'),
    parseMemory(said).get('MemTotal'),
  ]
  if (system === undefined || arch === undefined || memoryBytes === undefined)
    throw new NsctlError('Failed', `${name} does not say what it is`, { value: said.slice(0, 200) })
  const bootId = facts.get('boot')
  return {
    has: { cpuMillis: (Number(facts.get('cores')) || 1) * 1000, memoryBytes },
    os: `${system} ${facts.get('release')}`,
    system: {
      arch: ARCHITECTURES[arch] ?? arch,
      platform: system.toLowerCase(),
      isNixos: facts.has('nixos'),
    },
    ...(bootId === undefined ? {} : { bootId }),
  }
}

/** Pure. */
export function readSample(said: string): PressureSample {
  const [memory = '', stalls = ''] = said.split(/^stalls$/m)
  const counts = /^disk (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(memory)?.slice(1).map(Number)
  const [blockBytes = 0, blocks = 0, availableBlocks = 0, inodes = 0, freeInodes = 0] = counts ?? []
  const disk = counts && { blockBytes, blocks, availableBlocks, inodes, freeInodes }
  return samplePressure({ memory, stalls, disk })
}

const LISTENS = '0A'

/** Whether a program there has the port, so that another cannot. Pure. */
export function listensOn(said: string, port: number, protocol: Protocol): boolean {
  const tables = tablesOf(said)
  const names = protocol === 'TCP' ? ['tcp', 'tcp6'] : ['udp', 'udp6']
  return names.some((name) =>
    (tables.get(name) ?? '').split('\n').some((line) => {
      const [, local = '', , state] = line.trim().split(/\s+/)
      if (protocol === 'TCP' && state !== LISTENS) return false
      return Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16) === port
    }),
  )
}

/** What `sockets` is answered with, by the name of the table. */
function tablesOf(said: string): ReadonlyMap<string, string> {
  const parts = said.split(/^table (\w+)$/m)
  const tables = new Map<string, string>()
  // a name, its text, a name, its text; before the first there is nothing
  for (let at = 1; at + 1 < parts.length; at += 2)
    tables.set(parts[at] as string, (parts[at + 1] as string).trim())
  return tables
}
