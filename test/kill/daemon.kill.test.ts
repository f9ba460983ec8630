/**
 * kill -9 of the daemon at any moment of an apply, a rollout, a scaling, a rollback, a deletion or its own start: each time
 * a new daemon converges, nothing runs twice, and nothing that was acknowledged is lost. Judged by what the workloads write.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findDoubles, readLives } from './judge.ts'

const root = join(import.meta.dirname, '../..')
const nsctl = join(root, 'bin/nsctl')
const home = mkdtempSync(join(tmpdir(), 'nsctl-kill-'))
const work = join(home, 'work')
const env = {
  ...process.env,
  NSCTL_HOME: join(home, 'state'),
  NSCTL_CONFIG: join(home, 'config'),
  NO_COLOR: '1',
}
const ROUNDS = Number(process.env.NSCTL_KILL_ROUNDS ?? 60)

const PHASES = ['apply', 'rollout', 'scale', 'rollback', 'delete', 'start', 'restart'] as const
type Phase = (typeof PHASES)[number]

interface Finished {
  readonly code: number | null
  readonly output: string
}

function start(args: readonly string[]): { child: ChildProcess; finished: Promise<Finished> } {
  const child = spawn(nsctl, args, { env, cwd: work, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data) => {
      output += data
    })
  }
  return { child, finished: new Promise((resolve) => child.on('close', (code) => resolve({ code, output }))) }
}

async function run(args: readonly string[], expected: readonly (number | null)[] = [0]): Promise<string> {
  const { code, output } = await start(args).finished
  assert.ok(expected.includes(code), `nsctl ${args.join(' ')} exits with ${code}:\n${output}\n${daemonLog()}`)
  return output
}

function daemonLog(): string {
  return readFileSync(join(home, 'up.log'), 'utf8').split('\n').slice(-40).join('\n')
}

let daemon: ChildProcess | undefined

/** Resolves when the daemon is ready, or at once where `wait` is false. */
async function startDaemon(wait = true): Promise<void> {
  const log = openSync(join(home, 'up.log'), 'a')
  const child = spawn(nsctl, ['up', '--runtime', 'process'], {
    env,
    cwd: work,
    stdio: ['ignore', 'pipe', log],
    detached: true,
  })
  daemon = child
  if (!wait) return
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (data) => String(data).includes('is ready') && resolve())
    child.once('exit', (code) => reject(new Error(`nsctl up ended with ${code}:\n${daemonLog()}`)))
  })
}

async function killDaemon(): Promise<void> {
  const child = daemon
  assert.ok(child)
  if (child.exitCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  // bin/nsctl is a shell that has become node: the pid is the daemon's own
  child.kill('SIGKILL')
  await gone
}

function manifest(version: number, replicas: number): string {
  return JSON.stringify({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'work' },
    spec: {
      replicas,
      template: {
        source: { command: ['node', 'workload.mjs'], workingDir: work },
        env: [{ name: 'VERSION', value: `v${version}` }],
        stop: { gracePeriod: '2s' },
      },
      storage: [{ name: 'data', path: '/data' }],
      update: { maxUnavailable: 2 },
    },
  })
}

interface Wanted {
  version: number
  replicas: number
}

function applyFile(wanted: Wanted): string {
  const file = join(work, 'work.json')
  writeFileSync(file, manifest(wanted.version, wanted.replicas))
  return file
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Does something, and kills the daemon somewhere within. Returns the states that are right afterwards. */
async function disturb(phase: Phase, wanted: Wanted, delayMs: number): Promise<readonly Wanted[]> {
  const next = { ...wanted }
  if (phase === 'start') {
    await killDaemon()
    await startDaemon(false)
    await pause(delayMs)
    await killDaemon()
    return [wanted]
  }
  if (phase === 'scale') {
    next.replicas = wanted.replicas === 3 ? 1 : 3
    await run(['scale', 'service/work', '--replicas', String(next.replicas)])
  } else if (phase === 'rollback') {
    const output = await run(['history', 'service', 'work', '-o', 'json'])
    assert.ok(output.includes('"revision"'))
    await run(['rollback', 'service/work'], [0])
    await pause(delayMs)
    await killDaemon()
    const spec = JSON.parse(await run(['get', 'service', 'work', '-o', 'json']).then(onlyJson)).spec
    return [{ version: Number(spec.template.env[0].value.slice(1)), replicas: spec.replicas }]
  } else if (phase === 'delete') {
    const deleting = start(['delete', 'service', 'work', '--timeout=60s'])
    await pause(delayMs)
    await killDaemon()
    deleting.child.kill('SIGKILL')
    await deleting.finished
    await startDaemon()
    // it may or may not have got as far as asking: ask again, which is no error
    await run(['delete', 'service', 'work', '--ignore-not-found', '--timeout=60s'])
    next.version++
    await run(['apply', '-f', applyFile(next)])
    await killDaemon()
    return [next]
  } else if (phase === 'restart') {
    await run(['rollout', 'restart', 'service/work'])
  } else {
    next.version++
    const applying = start(['apply', '-f', applyFile(next)])
    if (phase === 'apply') {
      // both die within the apply itself
      await pause(delayMs / 4)
      applying.child.kill('SIGKILL')
      await killDaemon()
      const { code } = await applying.finished
      return code === 0 ? [next] : [next, wanted]
    }
    assert.is((await applying.finished).code, 0)
  }
  await pause(delayMs)
  await killDaemon()
  return [next]
}

/** Standard error comes along (nobody is acting); the object begins with the first brace. */
function onlyJson(text: string): string {
  return text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)
}

async function readWanted(): Promise<Wanted> {
  const service = JSON.parse(onlyJson(await run(['get', 'service', 'work', '-o', 'json'])))
  return { version: Number(service.spec.template.env[0].value.slice(1)), replicas: service.spec.replicas }
}

async function assertConverged(wanted: Wanted): Promise<void> {
  await run(['rollout', 'status', 'service', 'work', '--timeout=60s'])
  const list = JSON.parse(onlyJson(await run(['get', 'instances', '-o', 'json'])))
  const items = list.items as {
    spec: { template: { env: { value: string }[] } }
    status: { ready: boolean }
  }[]
  assert.is(items.length, wanted.replicas)
  for (const one of items) {
    assert.is(one.spec.template.env[0]?.value, `v${wanted.version}`)
    assert.ok(one.status.ready)
  }
}

function lifeLogs(): readonly string[] {
  return globSync(join(home, 'state/**/life.log'))
}

test(`the daemon killed ${ROUNDS} times: it converges, nothing runs twice, nothing is lost`, async () => {
  mkdirSync(work, { recursive: true })
  cpSync(join(import.meta.dirname, 'workload.mjs'), join(work, 'workload.mjs'))
  const kills = new Map<Phase, number>()
  let wanted: Wanted = { version: 1, replicas: 2 }
  await startDaemon()
  await run(['apply', '-f', applyFile(wanted)])
  await assertConverged(wanted)
  for (let round = 0; round < ROUNDS; round++) {
    const phase = PHASES[round % PHASES.length] as Phase
    const delayMs = Math.random() * (phase === 'start' ? 300 : 500)
    const allowed = await disturb(phase, wanted, delayMs)
    kills.set(phase, (kills.get(phase) ?? 0) + 1)
    await startDaemon()
    wanted = await readWanted()
    const isAllowed = allowed.some(
      (one) => one.version === wanted.version && one.replicas === wanted.replicas,
    )
    assert.ok(
      isAllowed,
      `after a kill in ${phase}: ${JSON.stringify(wanted)} is none of ${JSON.stringify(allowed)}`,
    )
    await assertConverged(wanted)
    for (const file of lifeLogs())
      assert.equal(findDoubles(readLives(readFileSync(file, 'utf8'))), [], `${phase} ${file}`)
  }
  const lives = lifeLogs().flatMap((file) => readLives(readFileSync(file, 'utf8')))
  console.log(
    `${ROUNDS} kills ${JSON.stringify(Object.fromEntries(kills))}, ${lives.length} lives, 0 doubles, 0 lost`,
  )
  assert.ok(lives.length > ROUNDS / 2, 'the workloads hardly ran: the test shows nothing')
})

test.after(async () => {
  if (daemon !== undefined && daemon.exitCode === null) daemon.kill('SIGKILL')
  await start(['down', '--purge']).finished
  rmSync(home, { recursive: true, force: true })
})

test.run()
