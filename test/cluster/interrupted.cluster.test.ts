/** A run of this suite is interrupted, ended or killed: no process, mount, control group, network device or file of it is left. */
import { type ChildProcess, spawn } from 'node:child_process'
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { canMakeNetworks } from '../lab/network.ts'
import { canBootNodes } from '../lab/node.ts'
import { needs } from '../parts.ts'
import { processesOf } from '../sweep.ts'

const VICTIM = 'test/cluster/interrupted/victim.ts'
const NOTHING = 'test/cluster/interrupted/nothing.ts'
const LIMIT_MS = 90_000

const clustered = needs(
  test,
  canBootNodes() && canMakeNetworks(),
  'root on Linux, to boot nodes on a network',
)

interface Run {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
}

function start(file: string, folder: string): Run {
  const child = spawn(process.execPath, ['test/run.ts', '--suite', 'cluster', file], {
    // what it counts is no result of ours
    env: { ...process.env, TMPDIR: folder, NSCTL_TEST_TALLY: '' },
    stdio: 'ignore',
  })
  return { child, ended: new Promise((resolve) => child.once('exit', resolve)) }
}

async function until(what: string, holds: () => boolean, limitMs = LIMIT_MS): Promise<void> {
  const deadlineMs = performance.now() + limitMs
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`${what}: not after ${limitMs} ms`)
    await sleep(20)
  }
}

const reached = (folder: string, stage: string) => globSync(`${folder}/nsctl-run-*/stage-${stage}`).length > 0
/** Of nodes whose files are there now. */
const nodesOf = (folder: string) =>
  globSync(`${folder}/nsctl-run-*/nsctl-lab-*`).map((path) => path.split('/').at(-1)!)
const devicesNow = () => new Set(readdirSync('/sys/class/net').filter((name) => /^nsctl\d+$/.test(name)))

async function nothingIsLeft(
  folder: string,
  nodes: readonly string[],
  devices: ReadonlySet<string>,
): Promise<void> {
  assert.equal(readdirSync(folder), [])
  assert.equal(processesOf(folder), [])
  assert.not.match(readFileSync('/proc/self/mounts', 'utf8'), folder)
  assert.equal(
    nodes.flatMap((name) => globSync(`/sys/fs/cgroup/{*/,}${name}`)),
    [],
  )
  // the kernel takes down a network by and by once nobody is in it
  await until('its cables are gone', () => [...devicesNow()].every((name) => !devices.has(name)), 10_000)
}

const CASES = [
  { stage: 'programs', afterMs: 0, signal: 'SIGINT' },
  { stage: 'programs', afterMs: 1_500, signal: 'SIGTERM' },
  { stage: 'frozen', afterMs: 0, signal: 'SIGINT' },
  { stage: 'programs', afterMs: 2_500, signal: 'SIGKILL' },
  { stage: 'frozen', afterMs: 200, signal: 'SIGKILL' },
] as const

for (const { stage, afterMs, signal } of CASES)
  clustered(`${signal} ${afterMs} ms after ${stage}: nothing is left`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'i-'))
    const run = start(VICTIM, folder)
    try {
      await until(`the run has come to ${stage}`, () => reached(folder, stage))
      await sleep(afterMs)
      const [nodes, devices] = [nodesOf(folder), devicesOf(run)]
      run.child.kill(signal)
      const code = await run.ended
      if (signal === 'SIGKILL') assert.is(await start(NOTHING, folder).ended, 0)
      else assert.is(code, signal === 'SIGINT' ? 130 : 143)
      await nothingIsLeft(folder, nodes, devices)
    } finally {
      run.child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
  })

/** A cable is called after the process that it leads to, which is the run's child. */
function devicesOf({ child }: Run): ReadonlySet<string> {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')
  return new Set(children.map((pid) => `nsctl${pid}`))
}

test.run()
