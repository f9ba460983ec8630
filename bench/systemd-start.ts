/**
 * 0 → 100 instances under a real systemd: from the runtime's `start` to all seen active, against one
 * `systemctl start a@{1..100}` of the same unit text in the same run. Prints JSON.
 *
 *     node bench/systemd-start.ts [bookworm|trixie] [ROUNDS]
 *
 * Boots a node (root only) and runs itself in it.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../src/core/clock.ts'
import { randomIds } from '../src/core/ids.ts'
import { silentLogger } from '../src/core/logger.ts'
import { type ProgramSpec, programKey } from '../src/runtimes/runtime.ts'
import { openSystemdRuntime, type SystemdRuntime } from '../src/runtimes/systemd/runtime.ts'
import { bootNode, canBootNodes, NODE_REPOSITORY, type Release } from '../test/lab/node.ts'

const INSTANCES = 100
const UNITS = '/run/systemd/system'
const WAIT_MS = 60_000

interface Round {
  readonly nsctlMs: number
  readonly systemctlMs: number
}

if (process.env.NSCTL_LAB_INSIDE === '1') {
  console.log(JSON.stringify(await measureInside(Number(process.argv[2] ?? 5))))
} else if (canBootNodes()) {
  const release: Release = process.argv[2] === 'trixie' ? 'trixie' : 'bookworm'
  const rounds = process.argv[3] ?? '5'
  const node = await bootNode({ release, name: 'bench' })
  try {
    const command = ['node', join(NODE_REPOSITORY, 'bench/systemd-start.ts'), rounds]
    const output = await node.run(['env', 'NSCTL_LAB_INSIDE=1', 'NODE_NO_WARNINGS=1', ...command])
    console.log(
      JSON.stringify({ benchmark: 'systemd-start', release, instances: INSTANCES, ...JSON.parse(output) }),
    )
  } finally {
    await node.stop()
  }
} else {
  console.log(
    JSON.stringify({ benchmark: 'systemd-start', skipped: 'needs root, to boot a machine of its own' }),
  )
}

async function measureInside(rounds: number): Promise<Record<string, unknown>> {
  const stateDir = mkdtempSync('/var/lib/nsctl-bench-')
  const signal = new AbortController().signal
  const runtime = await openSystemdRuntime({
    scope: 'system',
    stateDir,
    clock: systemClock,
    logger: silentLogger,
    signal,
  })
  try {
    const hardened = await measure(runtime, [], rounds)
    const relaxed = await measure(runtime, ['all'], rounds)
    return { systemd: runtime.info.description, hardened: summary(hardened), relaxed: summary(relaxed) }
  } finally {
    await runtime.removeAll({ purge: true, signal: AbortSignal.timeout(WAIT_MS) })
    await runtime.close()
    rmSync(stateDir, { recursive: true, force: true })
  }
}

/** By turns, each first in every other round, so that the machine's moods meet both. The first round warms up and does not count. */
async function measure(runtime: SystemdRuntime, relax: readonly string[], rounds: number): Promise<Round[]> {
  const results: Round[] = []
  let text: string | undefined
  for (let round = 0; round <= rounds; round++) {
    const specs = makeSpecs(relax)
    const systemctlFirst = round % 2 === 1 && text !== undefined
    let systemctlMs = systemctlFirst ? startBySystemctl(text!) : Number.NaN
    const nsctlMs = await startByRuntime(runtime, specs)
    const [file] = readdirSync(UNITS).filter((name) => name.includes(specs[0]!.id.templateHash))
    text = readFileSync(join(UNITS, file!), 'utf8')
    await stopByRuntime(runtime, specs)
    if (!systemctlFirst) systemctlMs = startBySystemctl(text)
    if (round > 0) results.push({ nsctlMs, systemctlMs })
  }
  return results
}

function makeSpecs(relax: readonly string[]): readonly ProgramSpec[] {
  const templateHash = randomIds.suffix(10)
  return Array.from({ length: INSTANCES }, (_, ordinal) => ({
    id: { namespace: 'default', service: 'bench', templateHash, ordinal, program: '' },
    command: ['/bin/sleep', '1000'] as const,
    workingDir: '/',
    env: { PATH: '/usr/bin:/bin', PORT: String(20_000 + ordinal) },
    storage: [],
    limits: {},
    stop: { signal: 'SIGTERM', graceMs: 10_000 },
    network: 'host',
    relax,
  }))
}

async function startByRuntime(runtime: SystemdRuntime, specs: readonly ProgramSpec[]): Promise<number> {
  const all = until(runtime, specs, 'running')
  const begun = performance.now()
  await Promise.all(specs.map((spec) => runtime.start(spec, AbortSignal.timeout(WAIT_MS))))
  await all
  return performance.now() - begun
}

async function stopByRuntime(runtime: SystemdRuntime, specs: readonly ProgramSpec[]): Promise<void> {
  const none = until(runtime, specs, 'exited')
  await Promise.all(specs.map(({ id, stop }) => runtime.stop(id, stop)))
  await none
  await Promise.all(specs.map(({ id }) => runtime.forget(id)))
}

/** Resolves when all of them are in that state. */
function until(runtime: SystemdRuntime, specs: readonly ProgramSpec[], state: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`waited ${WAIT_MS} ms in vain`)), WAIT_MS)
    const missing = new Set(specs.map(({ id }) => programKey(id)))
    const unsubscribe = runtime.onChange((key) => {
      if (runtime.observe().get(key)?.state === state) missing.delete(key)
      if (missing.size > 0) return
      clearTimeout(limit)
      unsubscribe()
      resolve()
    })
  })
}

/** The same text under a name that is not ours, its variables in the same place. */
function startBySystemctl(text: string): number {
  writeFileSync(join(UNITS, 'a@.service'), text)
  const units = Array.from({ length: INSTANCES }, (_, index) => `a@${index + 1}.service`)
  for (const [index, unit] of units.entries())
    writeFileSync(`/run/nsctl/env/${unit}`, `PORT="${20_000 + index}"\n`)
  execFileSync('systemctl', ['daemon-reload'])
  const begun = performance.now()
  execFileSync('systemctl', ['start', ...units])
  const tookMs = performance.now() - begun
  execFileSync('systemctl', ['stop', 'a@*.service'])
  rmSync(join(UNITS, 'a@.service'))
  return tookMs
}

function summary(rounds: readonly Round[]): Record<string, number> {
  const nsctlMs = median(rounds.map((round) => round.nsctlMs))
  const systemctlMs = median(rounds.map((round) => round.systemctlMs))
  const ratio = median(rounds.map((round) => round.nsctlMs / round.systemctlMs))
  return {
    nsctlMs: Math.round(nsctlMs),
    systemctlMs: Math.round(systemctlMs),
    ratio: Math.round(ratio * 100) / 100,
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}
