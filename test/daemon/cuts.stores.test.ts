/**
 * Controllers, an agent and their store on hosts of their own, and the leading controller and the agent are cut off from all
 * others: another controller leads, one and no more; what runs goes on, heals where it is, and is neither doubled nor restarted
 * by anything that happens elsewhere. Over Consul and etcd, side by side, since most of it is waiting.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Test, test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home } from '../commands/nsctl.ts'
import { startConsul } from '../lab/consul.ts'
import { canMakeNetworks, type Host, makeNetwork, type Network } from '../lab/network.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { startEtcd } from '../store/etcd/scene.ts'
import { NSCTL, Running, until } from './processes.ts'

const it = needs(test, canFetchDebs() && canMakeNetworks(), 'root and Debian packages') as Test

/** The lease's 5 s, and what it takes to see that it has stood still for so long. */
const TAKEOVER_BOUND_MS = 8_000
/** Until the former leader has given up what it was at, though a call to a store that is cut off takes up to 21 s to fail. */
const DEPOSED_BOUND_MS = 15_000
/** 2 s for each of three servers, and the command itself. */
const REFUSAL_BOUND_MS = 9_000
/** Enough for the leader to be in the midst of it. */
const MANY = 30
const CONTROLLER_AWAY_MS = 12_000
const AGENT_AWAY_MS = 35_000
/** Until an agent that is back has written what became of its programs. */
const RETURN_BOUND_MS = 15_000

const ENGINES = {
  consul: { scheme: 'consul', port: 8500, start: (hosts: readonly Host[]) => startConsul({ hosts }) },
  etcd: { scheme: 'etcd', port: 2379, start: (hosts: readonly Host[]) => startEtcd({ hosts }) },
} as const
type Engine = keyof typeof ENGINES

const runs = new Map<Engine, Promise<void>>()
let network: Network

if (it === test) {
  test.before(async () => {
    network = await makeNetwork()
    for (const engine of Object.keys(ENGINES) as Engine[]) {
      const run = cutOff(engine)
      // its own test says so
      run.catch(() => {})
      runs.set(engine, run)
    }
  })
  test.after(() => network.close())

  for (const engine of Object.keys(ENGINES) as Engine[])
    test(`${engine}: a leading controller and an agent are cut off, and come back`, () => runs.get(engine))
}

async function cutOff(engine: Engine): Promise<void> {
  const { scheme, port, start } = ENGINES[engine]
  const hosts: Host[] = []
  for (const name of ['s0', 's1', 's2']) hosts.push(await network.add(`${engine}-${name}`))
  const cluster = await start(hosts)
  const url = `${scheme}://${hosts.map(({ address }) => `${address}:${port}`).join(',')}/cuts`
  const scene = new Scene(url)
  try {
    await play(engine, scene, hosts)
  } finally {
    await scene.end()
    await cluster.stop()
  }
}

async function play(engine: Engine, scene: Scene, servers: readonly Host[]): Promise<void> {
  const [one, two, machine] = await Promise.all([
    scene.place('one'),
    scene.place('two'),
    scene.place('machine'),
  ])
  const first = await scene.start(one, 'controller').says(/leading, term 1/)
  const second = await scene.start(two, 'controller').says(/standing by/)
  await scene.start(machine, 'up', '--runtime', 'process').says(/is ready after/)
  await scene.applyWeb(2)
  const begun = scene.begun('web')
  assert.is(begun.length, 2)

  await scene.applyMany()
  const cutMs = performance.now()
  await network.cut(one.host)
  await network.cut(machine.host)
  await until(() => assert.match(second.output, 'leading, term 2'), TAKEOVER_BOUND_MS)
  const takeoverMs = performance.now() - cutMs
  await until(() => assert.ok(/no longer leading/.test(first.output), first.output), DEPOSED_BOUND_MS)
  const deposedMs = performance.now() - cutMs
  await scene.run('scale', 'service/web', '--replicas', '3')
  const refusedMs = await refused(scene, machine, servers)
  process.kill(begun[0]!, 'SIGKILL')
  await until(() => assert.is(scene.begun('web').length, 3), 5_000)

  await pause(Math.max(0, cutMs + CONTROLLER_AWAY_MS - performance.now()))
  await network.heal(one.host)
  await pause(Math.max(0, cutMs + AGENT_AWAY_MS - performance.now()))
  assert.is(scene.begun('web').length, 3, 'the agent ran what it could not know of')
  for (const pid of scene.begun('web').slice(1)) assert.ok(isAlive(pid), `${pid} was ended`)
  await network.heal(machine.host)
  const backMs = performance.now()
  await until(async () => {
    const { items } = JSON.parse(await scene.run('get', 'instances', '-o', 'json')) as Instances
    assert.is(items.filter(({ status }) => status?.ready).length, 3 + MANY)
    const seen = items.filter(({ spec }) => spec.service === 'web').map(({ status }) => status)
    assert.equal(seen.map((status) => status?.pid).sort(), scene.begun('web').slice(1).sort())
    assert.is(
      seen.reduce((sum, status) => sum + (status?.restarts ?? 0), 0),
      1,
    )
  }, RETURN_BOUND_MS)
  const returnMs = performance.now() - backMs
  assert.is(scene.begun('web').length, 4, 'a program was started that ran')
  assert.ok(isAlive(begun[1]!))
  for (let n = 0; n < MANY; n++) assert.is(scene.begun(`many-${n}`).length, 1, `many-${n}`)
  // the first waits its turn: it follows the second, and nobody has led besides
  assert.is(scene.led(), 2)
  await second.stop('SIGKILL')
  await until(() => assert.is(scene.led(), 3), 15_000)
  console.log(
    `${engine}: another controller led ${ms(takeoverMs)} after the cut, the first stood by after ${ms(deposedMs)}; apply was refused after ${ms(refusedMs)}; the agent was away for ` +
      `${ms(backMs - cutMs)} and its status whole ${ms(returnMs)} after; programs restarted or doubled 0`,
  )
}

/** How long a write from the side that is cut off takes to be refused. */
async function refused(scene: Scene, { home, host }: Place, servers: readonly Host[]): Promise<number> {
  const begunMs = performance.now()
  home.write('late.yaml', manifest('late', 1, scene.note))
  const applying = new Running(
    home,
    ['apply', '-f', 'late.yaml', '--store', scene.url],
    [...host.enter, NSCTL],
  )
  assert.is(await applying.ended, 3, applying.output)
  const tookMs = performance.now() - begunMs
  for (const { address } of servers) assert.match(applying.output, address)
  assert.ok(tookMs < REFUSAL_BOUND_MS, `${tookMs} ms`)
  return tookMs
}

interface Instances {
  readonly items: readonly {
    readonly spec: { readonly service: string }
    readonly status?: { readonly pid?: number; readonly ready?: boolean; readonly restarts?: number }
  }[]
}

interface Place {
  readonly host: Host
  readonly home: Home
}

/** One store, the processes over it, and what the programs say of themselves. */
class Scene {
  readonly url: string
  readonly note: string
  /** Here, on the side that is never cut off. */
  readonly #home = createHome()
  readonly #places: Place[] = []
  readonly #running: Running[] = []

  constructor(url: string) {
    this.url = url
    this.note = join(this.#home.folder, 'begun')
  }

  async place(name: string): Promise<Place> {
    const place = { host: await network.add(name), home: createHome() }
    this.#places.push(place)
    return place
  }

  start({ home, host }: Place, ...words: readonly string[]): Running {
    const started = new Running(home, [...words, '--store', this.url], [...host.enter, NSCTL])
    this.#running.push(started)
    return started
  }

  /** Runs a command here; what it prints. */
  async run(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#home.run([...words, '--store', this.url])
    assert.is(code, 0, `${words.join(' ')}: ${stderr}`)
    return stdout
  }

  /** Each runs one program; the controllers are not waited for. */
  async applyMany(): Promise<void> {
    const names = Array.from({ length: MANY }, (_, n) => `many-${n}`)
    this.#home.write('many.yaml', names.map((name) => manifest(name, 1, this.note)).join('---\n'))
    await this.run('apply', '-f', 'many.yaml')
  }

  async applyWeb(replicas: number): Promise<void> {
    this.#home.write('web.yaml', manifest('web', replicas, this.note))
    await this.run('apply', '-f', 'web.yaml')
    await this.run('wait', '--for=condition=Ready', 'service/web', '--timeout', '30s')
  }

  /** The pids of all programs that were ever started for a service, in order; for any where left out. */
  begun(name?: string): readonly number[] {
    const lines = existsSync(this.note) ? readFileSync(this.note, 'utf8').trim().split('\n') : []
    const starts = lines.map((line) => line.split(' '))
    return starts.filter(([of]) => name === undefined || of === name).map(([, pid]) => Number(pid))
  }

  /** How many terms there were, of whomever. */
  led(): number {
    const terms = this.#running.flatMap(
      ({ output }) => output.match(/(?<!no longer )leading \(leader\)/g) ?? [],
    )
    return terms.length
  }

  async end(): Promise<void> {
    for (const one of this.#running) await one.stop('SIGKILL')
    for (const pid of this.begun()) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    for (const { home } of this.#places) {
      await home.run(['down', '--store', this.url])
      home.remove()
    }
    this.#home.remove()
  }
}

/** Each start of a program writes its pid. */
function manifest(name: string, replicas: number, note: string): string {
  return `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  template:
    source: {command: [sh, -c, 'echo ${name} $$ >> ${note}; exec sleep 600']}
`
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}

function ms(duration: number): string {
  return `${Math.round(duration)} ms`
}

test.run()
