/**
 * What ten credentials cost at a start: from placing them to the program seen running under a real systemd, against the same service
 * without any, by turns. Prints JSON.
 *
 *     node bench/systemd-materials.ts [bookworm|trixie] [ROUNDS]
 *
 * Boots a node (root only) and runs itself in it.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../src/core/clock.ts'
import { randomIds } from '../src/core/ids.ts'
import { silentLogger } from '../src/core/logger.ts'
import { type MaterialShape, type ProgramSpec, programKey } from '../src/runtimes/runtime.ts'
import { openSystemdRuntime, type SystemdRuntime } from '../src/runtimes/systemd/runtime.ts'
import { bootNode, canBootNodes, NODE_REPOSITORY, type Release } from '../test/lab/node.ts'
import type { Row } from './measure.ts'

const CREDENTIALS = Array.from({ length: 10 }, (_, index) => `db.key-${index}`)
const WAIT_MS = 60_000
/** The kernel is still taking down the namespaces of what was stopped. */
const QUIET_MS = 100
const GOAL_MS = 30
const ROUNDS = 20
const RELEASES: readonly Release[] = ['bookworm', 'trixie']

const SHAPE = { credentials: CREDENTIALS, live: false, environment: false, folders: [], paths: {} } as const
const SHAPES: Readonly<Record<string, MaterialShape | undefined>> = {
  without: undefined,
  credentials: SHAPE,
  live: { ...SHAPE, live: true },
  variables: { ...SHAPE, credentials: [], environment: true },
}

export interface MaterialsResult {
  readonly systemd: string
  /** Medians, by how the material is handed over. */
  readonly startMs: Readonly<Record<string, number>>
  /** Medians of the differences to the start without any in the same round. */
  readonly moreMs: Readonly<Record<string, number>>
}

export async function benchSystemdMaterials(): Promise<readonly Row[]> {
  if (!canBootNodes()) {
    console.log('left out: material under systemd, which needs root to boot a machine of its own')
    return []
  }
  const rows: Row[] = []
  for (const release of RELEASES) rows.push(...rowsOf(await measureInNode(release, ROUNDS)))
  return rows
}

function rowsOf({ systemd, moreMs }: MaterialsResult): readonly Row[] {
  return Object.entries(moreMs).map(([how, value]) => ({
    bench: systemd.split(' ').slice(0, 2).join(' '),
    what: `start with ten secrets (${how}), more than one without`,
    value,
    unit: 'ms',
    goal: GOAL_MS,
  }))
}

async function measureInNode(release: Release, rounds: number): Promise<MaterialsResult> {
  const node = await bootNode({ release, name: 'bench' })
  try {
    const command = ['node', join(NODE_REPOSITORY, 'bench/systemd-materials.ts'), String(rounds)]
    return JSON.parse(await node.run(['env', 'NSCTL_LAB_INSIDE=1', 'NODE_NO_WARNINGS=1', ...command]))
  } finally {
    await node.stop()
  }
}

async function measureInside(rounds: number): Promise<MaterialsResult> {
  const stateDir = mkdtempSync('/var/lib/nsctl-bench-')
  const { signal } = new AbortController()
  const runtime = await openSystemdRuntime({
    scope: 'system',
    stateDir,
    clock: systemClock,
    logger: silentLogger,
    signal,
  })
  const names = Object.keys(SHAPES)
  const times = new Map(names.map((name) => [name, [] as number[]]))
  try {
    for (let round = -1; round < rounds; round++) {
      // each goes first in turn, so that the machine's moods meet all
      for (let index = 0; index < names.length; index++) {
        const name = names[(index + Math.max(0, round)) % names.length]!
        const tookMs = await startOnce(runtime, SHAPES[name])
        if (round >= 0) times.get(name)!.push(tookMs)
      }
    }
  } finally {
    await runtime.removeAll({ purge: true, signal: AbortSignal.timeout(WAIT_MS) })
    await runtime.close()
    rmSync(stateDir, { recursive: true, force: true })
  }
  const without = times.get('without')!
  const given = names.filter((name) => name !== 'without')
  return {
    systemd: runtime.info.description,
    startMs: Object.fromEntries(names.map((name) => [name, median(times.get(name)!)])),
    moreMs: Object.fromEntries(
      given.map((name) => [name, median(times.get(name)!.map((ms, round) => ms - without[round]!))]),
    ),
  }
}

async function startOnce(runtime: SystemdRuntime, material: MaterialShape | undefined): Promise<number> {
  const spec: ProgramSpec = {
    id: {
      namespace: 'default',
      service: 'bench',
      templateHash: randomIds.suffix(10),
      ordinal: 0,
      program: '',
    },
    command: ['/bin/sleep', '1000'],
    workingDir: '/',
    env: { PATH: '/usr/bin:/bin', PORT: '20000' },
    storage: [],
    limits: {},
    stop: { signal: 'SIGTERM', graceMs: 10_000 },
    network: 'host',
    relax: [],
    ...(material === undefined ? {} : { material }),
  }
  const values = new Map(CREDENTIALS.map((name) => [name, randomBytes(64)]))
  const given = {
    credentials: material?.credentials.length ? values : new Map(),
    environment: new Map(
      material?.environment
        ? [...values].map(([, value], index) => [`KEY_${index}`, value.toString('base64')])
        : [],
    ),
    folders: new Map(),
  }
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
  const begunMs = performance.now()
  if (material !== undefined) await runtime.place(spec.id, given)
  await runtime.start(spec, AbortSignal.timeout(WAIT_MS))
  await until(runtime, spec, 'running')
  const tookMs = performance.now() - begunMs
  await runtime.stop(spec.id, spec.stop)
  await until(runtime, spec, 'exited')
  await runtime.forget(spec.id)
  return tookMs
}

function until(runtime: SystemdRuntime, { id }: ProgramSpec, state: string): Promise<void> {
  const key = programKey(id)
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`not ${state} after ${WAIT_MS} ms`)), WAIT_MS)
    const look = () => {
      if (runtime.observe().get(key)?.state !== state) return
      clearTimeout(limit)
      unsubscribe()
      resolve()
    }
    const unsubscribe = runtime.onChange(look)
    look()
  })
}

function median(values: readonly number[]): number {
  return Math.round((values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN) * 10) / 10
}

if (process.env.NSCTL_LAB_INSIDE === '1') {
  console.log(JSON.stringify(await measureInside(Number(process.argv[2] ?? ROUNDS))))
} else if (import.meta.main) {
  const release: Release = process.argv[2] === 'trixie' ? 'trixie' : 'bookworm'
  const result = canBootNodes() ? await measureInNode(release, Number(process.argv[3] ?? ROUNDS)) : undefined
  const skipped = { skipped: 'needs root, to boot a machine of its own' }
  console.log(JSON.stringify({ benchmark: 'systemd-materials', release, ...(result ?? skipped) }))
}
