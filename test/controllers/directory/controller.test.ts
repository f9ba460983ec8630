/** The directory holds what is ready on nodes that joined, whatever goes wrong with it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DirectoryKeeper, PASS } from '../../../src/controllers/directory/controller.ts'
import { ManualClock } from '../../../src/core/clock.ts'
import type { JsonObject } from '../../../src/core/json.ts'
import type { Logger } from '../../../src/core/logger.ts'
import type { Instance } from '../../../src/resources/generated/types.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { CatalogError } from '../../../src/traffic/catalog.ts'
import type { Directory } from '../../../src/traffic/directory.ts'
import { MemoryCatalog } from '../../../src/traffic/memory/catalog.ts'
import { instance } from '../../agent/catalog/instances.ts'

const ready = { conditions: [], phase: 'Ready' }
const node = (name: string, status: object = ready, spec: object = { joining: 'j' }) => ({
  kind: 'Node',
  metadata: { name },
  spec,
  status: { addresses: [`10.0.0.${name.slice(1)}`], ...status },
})
const lost = { phase: 'NotReady', conditions: [{ type: 'Ready', status: 'False', reason: 'NodeLost' }] }

function on(name: string, of: string, metadata: object = {}, status: object = {}): Instance {
  const one = instance({ ports: [{ name: 'http' }] }, { ports: [{ name: 'http', port: 80 }], ...status })
  return {
    ...one,
    metadata: { ...one.metadata, name, uid: name, ...metadata },
    spec: { ...one.spec, node: of },
  }
}

function scene() {
  const machine = new MemoryCatalog()
  const known = new Set<string>()
  const objects: { Node: object[]; Instance: Instance[] } = { Node: [], Instance: [] }
  const lines: string[] = []
  const logger: Logger = { log: (_, message) => void lines.push(message), with: () => logger }
  const order: string[] = []
  const asked = { nodes: 0 }
  const directory: Directory = {
    name: 'a directory in memory',
    async nodes() {
      asked.nodes++
      return [...known]
    },
    of(name) {
      known.add(name)
      return machine.of(name)
    },
    async remove(name) {
      known.delete(name)
      for (const [id, { owner }] of machine.entries) if (owner === name) machine.entries.delete(id)
    },
    close() {},
  }
  const clock = new ManualClock(0)
  const keeper = new DirectoryKeeper({
    clock,
    logger,
    directory,
    cache: {
      list: (kind: string) => objects[kind as 'Node' | 'Instance'] as never,
      get: ({ kind, name }: { readonly kind: string; readonly name: string }) => {
        const all = objects[kind as 'Node' | 'Instance'] as readonly { metadata: { name: string } }[]
        return all.find(({ metadata }) => metadata.name === name) as never
      },
    },
    api: {
      async updateOwned({ name }, change) {
        order.push(`mark ${name} beside ${machine.entries.size}`)
        objects.Instance = objects.Instance.map((one) =>
          one.metadata.name === name
            ? ({ ...one, spec: change(one.spec as unknown as JsonObject) } as unknown as Instance)
            : one,
        )
      },
    },
  })
  const pass = () => keeper.spec.reconciler.reconcile(PASS, new AbortController().signal)
  const there = () =>
    [...machine.entries.values()].map(({ owner, id, address }) => `${owner} ${id} ${address}`).sort()
  return { machine, objects, keeper, pass, there, order, lines, clock, known, asked }
}

test('what is ready on nodes that joined, or have no agent, is registered, marked before, and nothing else', async () => {
  const { objects, pass, there, order, machine, clock } = scene()
  const ssh = { target: 'root@n4', hostKey: 'k' }
  objects.Node = [node('n1'), node('n2', ready, {}), node('n3', lost), node('n4', ready, { ssh })]
  objects.Instance = [
    on('a', 'n1'),
    on('b', 'n1', {}, { ready: false }),
    on('c', 'n1', { deletionTimestamp: 'now' }),
    on('d', 'n2'),
    on('e', 'n3'),
    on('f', 'n4'),
  ]
  await pass()
  assert.equal(there(), ['n1 nsctl.default.a 10.0.0.1', 'n4 nsctl.default.f 10.0.0.4'])
  assert.equal(order, ['mark a beside 0', 'mark f beside 0'])
  assert.equal(objects.Instance[0]?.spec.traffic, { led: true, drainTimeout: '3s' })
  assert.equal([...machine.entries.values()][0]?.checks, [])
  const calls = machine.calls.length
  await pass()
  assert.equal(machine.calls.slice(calls), [], 'what it did itself it need not look for')
  clock.advance(4_000)
  const outcome = await pass()
  assert.is(outcome.kind === 'recheck' && outcome.afterMs, 1_000)
  assert.equal(machine.calls.slice(calls), [])
  clock.advance(1_000)
  await pass()
  assert.equal(machine.calls.slice(calls), ['list', 'list'])
})

test('where no machine has joined, instances that come and go ask nothing of the directory', async () => {
  const { objects, pass, keeper, asked, clock } = scene()
  objects.Node = [node('n1', ready, {}), node('n2')]
  const keys = (one: Instance) => keeper.spec.watches[0]!.toKeys(one as unknown as AnyResource)
  assert.equal(keys(on('a', 'n1')), [])
  assert.equal(keys(on('b', 'n2')), [PASS])
  for (let i = 0; i < 5; i++) await pass()
  assert.is(asked.nodes, 1)
  clock.advance(5_000)
  await pass()
  assert.is(asked.nodes, 2)
})

test('a node that is lost, gone or of an earlier leader has nothing in it', async () => {
  const { objects, pass, there, known, machine, clock } = scene()
  objects.Node = [node('n1'), node('n2'), node('n3')]
  objects.Instance = [on('a', 'n1'), on('b', 'n2'), on('c', 'n3')]
  await pass()
  assert.is(there().length, 3)
  known.add('n9')
  machine.entries.set('x', { ...[...machine.entries.values()][0]!, id: 'x', owner: 'n9' })
  objects.Node = [node('n1'), node('n2', lost)]
  clock.advance(5_000)
  await pass()
  assert.equal(there(), ['n1 nsctl.default.a 10.0.0.1'])
  assert.equal([...known], ['n1'])
})

test('what an earlier leader registered goes with its instance, and before that is told to end', async () => {
  const { objects, pass, there, keeper, known, machine } = scene()
  objects.Node = [node('n1'), node('n2')]
  objects.Instance = [on('a', 'n1', { deletionTimestamp: 'now' })]
  const left = { service: 'web', address: '10.0.0.1', tags: [], meta: {}, checks: [] }
  machine.entries.set('nsctl.default.a', { ...left, id: 'nsctl.default.a', owner: 'n1' })
  machine.entries.set('nsctl.default.z', { ...left, id: 'nsctl.default.z', owner: 'n2' })
  for (const name of ['n1', 'n2']) known.add(name)
  keeper.begin(() => void pass())
  await keeper.withdraw(objects.Instance[0]!)
  assert.equal(there(), [])
})

test('who is withdrawn is out when that resolves, and no pass that began before puts it back', async () => {
  const { objects, pass, there, keeper, machine } = scene()
  objects.Node = [node('n1')]
  keeper.begin(() => void pass())
  await pass()
  objects.Instance = [on('a', 'n1')]
  const asked = Promise.withResolvers<void>()
  const open = Promise.withResolvers<void>()
  machine.gate = async (call) => {
    if (!call.startsWith('register')) return
    asked.resolve()
    await open.promise
  }
  const passing = pass()
  await asked.promise
  objects.Instance = [on('a', 'n1', { deletionTimestamp: 'now' })]
  const withdrawing = keeper.withdraw(objects.Instance[0]!)
  open.resolve()
  await Promise.all([passing, withdrawing])
  assert.equal(there(), [])
})

test('what takes its place is put in before it is taken out', async () => {
  const { objects, pass, there, keeper, machine } = scene()
  objects.Node = [node('n1'), node('n2'), node('n3', lost)]
  objects.Instance = [on('a', 'n1')]
  await pass()
  let passes = 0
  keeper.begin(() => {
    passes++
    void pass()
  })
  objects.Instance = [on('a', 'n1', { deletionTimestamp: 'now' }), on('b', 'n2'), on('c', 'n3')]
  const sizes: number[] = []
  machine.gate = async () => void sizes.push(machine.entries.size)
  passes = 0
  await keeper.withdraw(objects.Instance[0]!)
  assert.is(passes, 1)
  assert.ok(!sizes.includes(0) && there().length === 1, String(sizes))
  assert.equal(there(), ['n2 nsctl.default.b 10.0.0.2'])
})

test('a directory that does not answer holds an instance for a second', async () => {
  const { objects, pass, keeper, machine, clock } = scene()
  objects.Node = [node('n1')]
  objects.Instance = [on('a', 'n1')]
  await pass()
  machine.gate = () => new Promise(() => {})
  let over = false
  const withdrawing = keeper.withdraw(objects.Instance[0]!).then(() => {
    over = true
  })
  clock.advance(999)
  await new Promise(setImmediate)
  assert.not.ok(over)
  clock.advance(1)
  await withdrawing
})

test('what is refused is said once, with what to do, and holds nobody', async () => {
  const { objects, pass, keeper, machine, lines } = scene()
  objects.Node = [node('n1')]
  objects.Instance = [on('a', 'n1')]
  machine.fault = (call) =>
    call.startsWith('register') ? new CatalogError('NotPermitted', 'no', { next: 'say yes' }) : undefined
  await pass()
  await pass()
  assert.equal(lines, ['not all ready instances of machines that joined can be registered: no: say yes'])
  const calls = machine.calls.length
  objects.Instance = [on('a', 'n1', { deletionTimestamp: 'now' })]
  await keeper.withdraw(objects.Instance[0]!)
  assert.is(machine.calls.length, calls)
})

test.run()
