/**
 * Under a real systemd: 0 → 100 instances, from starting `nsctl scale` until every status says so in the store, against one
 * `systemctl start a@{1..100}` of the same unit text; and how long a unit that was killed is away.
 */
import { bootNode, canBootNodes, NODE_BINARY, NODE_REPOSITORY, type Release } from '../test/lab/node.ts'
import { median, type Row } from './measure.ts'
import type { InsideResult, Recovery, ScaleRound } from './systemd-inside.ts'

const ROUNDS = 9
/** RestartSec= of every unit: what systemd waits before it starts one again. */
const RESTART_DELAY_MS = 100
const RELEASES: readonly Release[] = ['bookworm', 'trixie']

export async function benchSystemd(): Promise<readonly Row[]> {
  if (!canBootNodes()) {
    console.log('left out: systemd, which needs root to boot a machine of its own')
    return []
  }
  const rows: Row[] = []
  for (const release of RELEASES) rows.push(...(await benchRelease(release)))
  return rows
}

async function benchRelease(release: Release): Promise<readonly Row[]> {
  const node = await bootNode({ release, name: 'bench' })
  try {
    const script = `${NODE_REPOSITORY}/bench/systemd-inside.ts`
    const output = await node.run([
      NODE_BINARY,
      '--disable-warning=ExperimentalWarning',
      script,
      String(ROUNDS),
    ])
    return rowsOf(JSON.parse(output) as InsideResult)
  } finally {
    await node.stop()
  }
}

function rowsOf({ systemd, hardened, relaxed, recovery }: InsideResult): readonly Row[] {
  const bench = systemd.split(' ').slice(0, 2).join(' ')
  const scaling = (what: string, rounds: readonly ScaleRound[]): readonly Row[] => [
    {
      bench,
      what: `scale 0 → 100, ${what}, to one systemctl start`,
      value: median(rounds.map((round) => round.nsctlMs / round.systemctlMs)),
      unit: '×',
      goal: 1,
    },
    {
      bench,
      what: `scale 0 → 100, ${what}`,
      value: median(rounds.map((one) => one.nsctlMs)),
      unit: 'ms',
    },
  ]
  const recovering = (what: string, { nsctlMs, systemdMs }: Recovery): readonly Row[] => [
    {
      bench,
      what: `killed, ${what}: seen, recorded, running again, besides the 100 ms delay`,
      value: median(nsctlMs) - RESTART_DELAY_MS,
      unit: 'ms',
      goal: 50,
    },
    {
      bench,
      what: `killed, ${what}: running again by systemd alone`,
      value: median(systemdMs) - RESTART_DELAY_MS,
      unit: 'ms',
    },
  ]
  return [
    ...scaling('hardened', hardened),
    ...scaling('relaxed', relaxed),
    ...recovering('hardened', recovery.hardened),
    ...recovering('relaxed', recovery.relaxed),
  ]
}
