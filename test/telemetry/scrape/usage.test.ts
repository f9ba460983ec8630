import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { NsctlError } from '../../../src/core/errors.ts'
import { machineCpuMillis, readMachine } from '../../../src/telemetry/scrape/machine.ts'
import { type NodeUsage, UsageLooks } from '../../../src/telemetry/scrape/usage.ts'

interface Said {
  user: number
  idle: number
  available: number
  cpu?: number
}

function textOf(node: string, { user, idle, available, cpu }: Said): string {
  return [
    `nsctl_node_cpu_seconds_total{mode="user",node="${node}"} ${user}`,
    `nsctl_node_cpu_seconds_total{mode="idle",node="${node}"} ${idle}`,
    `nsctl_node_cpu_seconds_total{mode="iowait",node="${node}"} 3`,
    `nsctl_node_memory_size_bytes{node="${node}"} 1000`,
    `nsctl_node_memory_available_bytes{node="${node}"} ${available}`,
    ...(cpu === undefined
      ? []
      : [
          `nsctl_instance_cpu_seconds_total{namespace="default",service="web",instance="web-0",node="${node}"} ${cpu}`,
        ]),
    `nsctl_instance_memory_bytes{namespace="default",service="web",instance="web-0",node="${node}"} 77`,
  ].join('\n')
}

class World {
  readonly clock = new ManualClock()
  readonly nodes = new Map<string, Said | Error>()
  fetches: string[] = []
  atOnce = 0
  mostAtOnce = 0
  readonly looks = new UsageLooks({
    clock: this.clock,
    fetch: async ({ node }) => {
      this.fetches.push(node)
      this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce)
      await new Promise((resolve) => setImmediate(resolve))
      this.atOnce--
      const said = this.nodes.get(node)
      if (said instanceof Error || said === undefined) throw said ?? new Error('nobody')
      return textOf(node, said)
    },
  })

  /** Time goes on while it waits; `meanwhile` is called with each step. */
  async look(meanwhile: () => void = () => {}): Promise<ReadonlyMap<string, NodeUsage>> {
    const targets = [...this.nodes.keys()].map((node) => ({ node, places: [`http://${node}`] }))
    let isDone = false
    const asked = this.looks.look(targets, new AbortController().signal).finally(() => {
      isDone = true
    })
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve))
      if (isDone) break
      meanwhile()
      this.clock.advance(10)
    }
    return asked
  }
}

test('what processors did counts, and waiting, idling and what was stolen do not', () => {
  const text = (['user', 'nice', 'system', 'irq', 'softirq', 'idle', 'iowait', 'steal'] as const)
    .map((mode, i) => `nsctl_node_cpu_seconds_total{mode="${mode}",node="a"} ${2 ** i}`)
    .join('\n')
  const { cpu, memory } = readMachine(`${text}\nnsctl_node_memory_size_bytes{node="a"} 5`, 'a')
  assert.equal(cpu, { busySeconds: 31, totalSeconds: 255 })
  assert.is(memory, undefined, 'half of it is nothing')
  assert.equal(readMachine(text, 'b'), {}, 'of another node')
  assert.is(
    machineCpuMillis(
      { cpu: { busySeconds: 9, totalSeconds: 10 } },
      { cpu: { busySeconds: 1, totalSeconds: 2 } },
      1_000,
    ),
    undefined,
    'booted',
  )
})

test('a node is looked at twice, and then once each time, over fifteen seconds', async () => {
  const world = new World()
  world.nodes.set('alpha', { user: 100, idle: 0, available: 400, cpu: 10 })
  let steps = 0
  const first = await world.look(() => {
    steps++
    world.nodes.set('alpha', { user: 100 + steps * 0.005, idle: 0, available: 300, cpu: 10 + steps * 0.002 })
  })
  assert.equal(world.fetches, ['alpha', 'alpha'])
  const { machine, instances, windowMs } = first.get('alpha') as Extract<NodeUsage, { machine: unknown }>
  assert.ok(windowMs >= 1_000 && windowMs < 1_100, String(windowMs))
  assert.ok(Math.abs((machine.cpuMillis ?? 0) - 500) < 20, String(machine.cpuMillis))
  assert.is(machine.memoryBytes, 700)
  assert.ok(Math.abs((instances.get('default/web-0')?.cpuMillis ?? 0) - 200) < 20)
  assert.is(instances.get('default/web-0')?.memoryBytes, 77)
  for (let i = 0; i < 10; i++) {
    world.clock.advance(4_000)
    await world.look()
  }
  assert.is(world.fetches.length, 12)
  const last = (await world.look()).get('alpha') as Extract<NodeUsage, { machine: unknown }>
  assert.ok(last.windowMs >= 15_000 && last.windowMs < 20_000, String(last.windowMs))
  assert.is(last.machine.cpuMillis, 0, 'long ago is not now')
})

test('who does not answer, or is somebody else, is unknown with the reason, and keeps nobody', async () => {
  const world = new World()
  world.nodes
    .set('alpha', { user: 1, idle: 1, available: 1 })
    .set('beta', new NsctlError('Unreachable', 'node beta: connection refused', { next: 'see that it runs' }))
  const found = await world.look()
  assert.equal(found.get('beta'), {
    trouble: 'connection refused',
    next: 'see that it runs',
  })
  assert.ok('machine' in found.get('alpha')!)
  assert.equal(world.fetches, ['alpha', 'beta', 'alpha'])
  // its figures of before are not shown for those of now
  world.nodes.set('alpha', new Error('gone'))
  assert.equal((await world.look()).get('alpha'), { trouble: 'gone' })
  const looks = new UsageLooks({
    clock: world.clock,
    fetch: async () => textOf('gamma', { user: 1, idle: 1, available: 1 }),
  })
  const asked = looks.look([{ node: 'alpha', places: ['http://alpha'] }], new AbortController().signal)
  await new Promise((resolve) => setTimeout(resolve, 10))
  world.clock.advance(2_000)
  assert.equal((await asked).get('alpha'), { trouble: 'what answers at its address says nothing of it' })
})

test('a thousand nodes are asked a few at a time', async () => {
  const world = new World()
  for (let i = 0; i < 1_000; i++) world.nodes.set(`n${i}`, { user: i, idle: 1, available: 1 })
  const found = await world.look()
  assert.is(found.size, 1_000)
  assert.is(world.fetches.length, 2_000)
  assert.is(world.mostAtOnce, 32)
})

test('whoever is told to stop stops', async () => {
  const world = new World()
  const stop = new AbortController()
  world.nodes.set('alpha', { user: 1, idle: 1, available: 1 })
  const asked = world.looks.look([{ node: 'alpha', places: ['http://alpha'] }], stop.signal)
  stop.abort(new Error('stopped'))
  await asked.then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, 'stopped'),
  )
})

test.run()
