/** The agent with a catalog: what it holds follows what is ready, whatever goes wrong on either side. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/core/json.ts'
import type { Instance } from '../../../src/resources/generated/types.ts'
import { CatalogError } from '../../../src/traffic/catalog.ts'
import { MemoryCatalog } from '../../../src/traffic/memory/catalog.ts'
import { specOf, startWorld, type World } from '../../controllers/world.ts'
import { entry } from '../../traffic/contract.ts'

const test = suite<{ world: World; machine: MemoryCatalog }>('announcer')
test.before.each(async (context) => {
  context.machine = new MemoryCatalog()
  context.world = await startWorld(undefined, undefined, context.machine.of('here'))
})
test.after.each(async ({ world }) => world.stop())

const PROBED: JsonObject = { readiness: { exec: { command: ['true'] }, period: '50ms', failureThreshold: 1 } }
const spec = (over: JsonObject = {}, template: JsonObject = {}) =>
  specOf(over, { ports: [{ name: 'http' }], ...template })

const services = (machine: MemoryCatalog) =>
  [...machine.entries.values()].map(({ service }) => service).sort()
const registered = (one: Instance | undefined) => {
  const said = one?.status?.conditions?.find(({ type }) => type === 'Registered')
  return said && `${said.status} ${said.reason} ${said.message ?? ''}`
}

async function settle(world: World, machine: MemoryCatalog, want: readonly string[]): Promise<void> {
  await world.until(() => assert.equal(services(machine), want))
}

test('what is ready is registered, and what is scaled away is not', async ({ world, machine }) => {
  await world.apply(spec({ replicas: 3 }))
  await settle(world, machine, ['web', 'web', 'web'])
  await world.until(async () => {
    for (const one of await world.instances())
      assert.is(registered(one), 'True Registered as web in a catalog in memory')
  })
  await world.apply(spec({ replicas: 1 }))
  await settle(world, machine, ['web'])
  await world.apply(spec({ replicas: 0 }))
  await settle(world, machine, [])
})

test('that it is ready and that it is registered is said at once', async ({ world, machine }) => {
  const said = new Set<string>()
  const stop = new AbortController()
  const { revision } = await world.api.listAll([world.api.kinds.byKind('Instance')])
  const watching = (async () => {
    for await (const batch of world.api.watch([world.api.kinds.byKind('Instance')], revision, stop.signal))
      for (const change of batch.kind === 'changes' ? batch.changes : [])
        if (change.kind === 'put' && change.object.status?.ready === true)
          said.add(String(registered(change.object as unknown as Instance)))
  })()
  await world.apply(spec({ replicas: 3 }))
  await settle(world, machine, ['web', 'web', 'web'])
  await world.until(() => assert.ok(said.size > 0))
  stop.abort()
  await watching
  assert.equal([...said], ['True Registered as web in a catalog in memory'])
})

test('what is to end is taken out before it is told to', async ({ world, machine }) => {
  await world.apply(spec())
  await settle(world, machine, ['web'])
  const there: number[] = []
  world.runtime.onStop = () => there.push(machine.entries.size)
  await world.apply(spec({ replicas: 0 }))
  await world.until(async () => assert.is((await world.instances()).length, 0))
  assert.equal(there, [0])
})

test('a rolling update puts the new one in before it takes the old one out', async ({ world, machine }) => {
  await world.apply(spec())
  await settle(world, machine, ['web'])
  const [first] = machine.entries.keys()
  const sizes: number[] = []
  machine.gate = async (call) => {
    if (call.startsWith('deregister')) sizes.push(machine.entries.size)
    // slower than all that the agent does meanwhile
    if (call.startsWith('register')) await new Promise((resolve) => setTimeout(resolve, 300))
  }
  await world.apply(spec({}, { env: [{ name: 'A', value: '1' }] }))
  await world.until(() => {
    assert.is(machine.entries.size, 1)
    assert.not(machine.entries.has(first ?? ''))
  })
  assert.is(sizes[0], 2)
})

test('one that becomes unready is taken out, and comes back when it is ready again', async ({
  world,
  machine,
}) => {
  await world.apply(spec({}, PROBED))
  await settle(world, machine, ['web'])
  world.runtime.onExec = () => 1
  await settle(world, machine, [])
  await world.until(async () => assert.is(registered((await world.instances())[0]), 'False NotReady '))
  world.runtime.onExec = () => 0
  await settle(world, machine, ['web'])
})

test('one whose liveness probe fails is taken out before it is ended, and comes back', async ({
  world,
  machine,
}) => {
  const there: number[] = []
  await world.apply(
    spec({}, { liveness: { exec: { command: ['true'] }, period: '50ms', failureThreshold: 1 } }),
  )
  await settle(world, machine, ['web'])
  world.runtime.onStop = () => {
    there.push(machine.entries.size)
    world.runtime.onExec = () => 0
  }
  world.runtime.onExec = () => 1
  await world.until(() => assert.equal(there, [0]))
  await settle(world, machine, ['web'])
})

test('a program that dies and stays away is taken out', async ({ world, machine }) => {
  await world.apply(spec())
  await settle(world, machine, ['web'])
  world.runtime.onStart = () => ({ reason: 'exit-code', exitCode: 78, atMs: Date.now() })
  world.runtime.end(world.runtime.running()[0] ?? '', {
    reason: 'signal',
    signal: 'SIGKILL',
    atMs: Date.now(),
  })
  await settle(world, machine, [])
})

test('an agent that ends takes nothing out, and the next one goes on', async ({ world, machine }) => {
  await world.apply(spec({ replicas: 2 }))
  await settle(world, machine, ['web', 'web'])
  const before = machine.calls.filter((call) => call !== 'list').length
  await world.restart()
  const lists = machine.calls.length
  await world.until(() => assert.ok(machine.calls.slice(lists).includes('list')))
  await world.apply(spec({ replicas: 1 }))
  await settle(world, machine, ['web'])
  const asked = machine.calls.filter((call) => call !== 'list').slice(before)
  assert.ok(
    asked.every((call) => call.startsWith('deregister')),
    asked.join(),
  )
})

test('what is registered for nobody is taken out, what is another owner’s is left', async ({
  world,
  machine,
}) => {
  const signal = AbortSignal.timeout(5_000)
  await world.apply(spec())
  await settle(world, machine, ['web'])
  await machine.of('here').register(entry('nsctl.default.gone-0', { service: 'gone' }), signal)
  await machine.of('there').register(entry('nsctl.default.other-0', { service: 'other' }), signal)
  // anything that happens brings a pass
  await world.apply(spec(), 'api')
  await settle(world, machine, ['api', 'other', 'web'])
})

test('what the catalog forgot is registered again without anything else happening', async ({
  world,
  machine,
}) => {
  await world.apply(spec())
  await settle(world, machine, ['web'])
  machine.entries.clear()
  await settle(world, machine, ['web'])
})

test('a refusal is said with the permission, touches no other service, and is tried again', async ({
  world,
  machine,
}) => {
  const refusal = new CatalogError('NotPermitted', 'refused; needed is service "web"', { next: 'give it' })
  machine.fault = (call) => (/register nsctl\.default\.web/.test(call) ? refusal : undefined)
  await world.apply(spec())
  await world.apply(spec(), 'api')
  await settle(world, machine, ['api'])
  const web = async () => (await world.instances()).find((one) => one.spec.service === 'web')
  await world.until(async () =>
    assert.is(registered(await web()), 'False NotPermitted refused; needed is service "web": give it'),
  )
  assert.is((await world.service())?.status?.ready, '1/1')
  const api = (await world.instances()).find((one) => one.spec.service === 'api')
  assert.match(registered(api) ?? '', /^True/)
  machine.fault = () => undefined
  await world.apply(spec({ replicas: 2 }), 'api')
  await settle(world, machine, ['api', 'api', 'web'])
  await world.until(async () => assert.match(registered(await web()) ?? '', /^True/))
})

test('a catalog that refuses everything is named in every condition', async ({ world, machine }) => {
  machine.fault = () => new CatalogError('Refused', 'is no catalog')
  await world.apply(spec({ replicas: 2 }))
  await world.until(async () => {
    const said = (await world.instances()).map(registered)
    assert.equal(said, ['False Refused is no catalog', 'False Refused is no catalog'])
  })
})

test('what a check of the catalog says is said of the instance', async ({ world, machine }) => {
  await world.apply(spec())
  await settle(world, machine, ['web'])
  machine.failing.set([...machine.entries.keys()][0] ?? '', 'HTTP 503\nOutput: late')
  await world.apply(spec(), 'api')
  await world.until(async () =>
    assert.is(
      registered((await world.instances()).find((one) => one.spec.service === 'web')),
      'False CheckFailing a catalog in memory does not tell of it: HTTP 503',
    ),
  )
})

test('a catalog that is away keeps nothing from starting, and is caught up with', async ({
  world,
  machine,
}) => {
  machine.fault = () => new CatalogError('Unreachable', 'nobody there')
  await world.apply(spec())
  await world.until(async () => assert.is((await world.service())?.status?.ready, '1/1'))
  machine.fault = () => undefined
  await settle(world, machine, ['web'])
})

test('a catalog that hangs delays an end by a second at most, once', async ({ world, machine }) => {
  await world.apply(spec({ replicas: 3 }))
  await settle(world, machine, ['web', 'web', 'web'])
  machine.gate = () => new Promise(() => {})
  const began = performance.now()
  await world.apply(spec({ replicas: 0 }))
  await world.until(async () => assert.is((await world.instances()).length, 0))
  const tookMs = performance.now() - began
  assert.ok(tookMs > 900 && tookMs < 2_500, `${tookMs} ms`)
})

test.run()
