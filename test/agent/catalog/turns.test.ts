/** What must not be overtaken: an end by a registration, and the first look by a pass. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Announcer, PASS } from '../../../src/agent/catalog/announcer.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Instance } from '../../../src/resources/generated/types.ts'
import { CatalogError } from '../../../src/traffic/catalog.ts'
import { MemoryCatalog } from '../../../src/traffic/memory/catalog.ts'
import { instance } from './instances.ts'

const signal = AbortSignal.timeout(20_000)
const WITH_PORT = { ports: [{ name: 'http', protocol: 'TCP' }] }
const GIVEN = { ports: [{ name: 'http', port: 20_011 }], readySince: '2026-01-01T00:00:00Z' }

function scene(...initial: readonly Instance[]) {
  const machine = new MemoryCatalog()
  const there = [...initial]
  /** What happens while a pass looks where instances listen. */
  const meanwhile: (() => void)[] = []
  const announcer = new Announcer({
    node: 'n',
    cache: {
      list: <T>() => there as unknown as readonly T[],
      get: <T>({ name }: { readonly name: string }) =>
        there.find(({ metadata }) => metadata.name === name) as T | undefined,
    },
    catalog: machine.of('here'),
    addresses: ['127.0.0.1', '::1'],
    clock: systemClock,
    logger: silentLogger,
    isListening: async (host) => {
      meanwhile.pop()?.()
      return host === '::1'
    },
  })
  const pass = () => announcer.spec.reconciler.reconcile(PASS, signal)
  const ids = () => [...machine.entries.keys()]
  return { machine, there, meanwhile, announcer, pass, ids }
}

test('it is registered where it listens', async () => {
  const { machine, pass, ids } = scene(instance(WITH_PORT, GIVEN))
  await pass()
  assert.equal(ids(), ['nsctl.default.web-0-k2p9x'])
  assert.is(machine.entries.get('nsctl.default.web-0-k2p9x')?.address, '::1')
})

test('an end that comes while it is being registered waits for that, and takes it out', async () => {
  const web = instance(WITH_PORT, GIVEN)
  const { machine, announcer, pass, ids } = scene(web)
  const registering = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  machine.gate = async (call) => {
    if (!call.startsWith('register')) return
    begun.resolve()
    await registering.promise
  }
  const passing = pass()
  await begun.promise
  const withdrawing = announcer.withdraw(web)
  setTimeout(registering.resolve, 50)
  await withdrawing
  assert.equal(ids(), [])
  await passing
  assert.equal(ids(), [])
})

test('an end that comes right before it would be registered keeps it out', async () => {
  const web = instance(WITH_PORT, GIVEN)
  const { machine, meanwhile, announcer, pass, ids } = scene(web)
  meanwhile.push(() => void announcer.withdraw(web))
  await pass()
  assert.equal(ids(), [])
  assert.not(machine.calls.includes('register nsctl.default.web-0-k2p9x'))
})

test('what was taken out stays out until it has become ready anew', async () => {
  const web = instance(WITH_PORT, GIVEN)
  const { there, announcer, pass, ids } = scene(web)
  await pass()
  await announcer.withdraw(web)
  await pass()
  assert.equal(ids(), [], 'its status is still that of before')
  there[0] = instance(WITH_PORT, { ...GIVEN, readySince: '2026-01-01T00:00:07Z' })
  await pass()
  assert.is(ids().length, 1)
})

test('of several it is asked at the last moment whether each is still wanted', async () => {
  const second = { name: 'web-1-k2p9x', uid: 'v' }
  const { there, meanwhile, pass, ids } = scene(
    instance(WITH_PORT, GIVEN),
    instance(WITH_PORT, GIVEN, second),
  )
  meanwhile.push(() => there.pop())
  await pass()
  assert.equal(ids(), ['nsctl.default.web-0-k2p9x'])
})

/** An announcer whose passes run when they are asked for. */
async function running(...initial: readonly Instance[]) {
  const all = scene(...initial)
  const stop = new AbortController()
  let passes: Promise<unknown> = Promise.resolve()
  const enqueuePass = () => {
    passes = passes.then(() => all.pass()).catch(() => {})
  }
  const hooks = { caughtUp: Promise.resolve(), enqueuePass, enqueueInstance: () => {} }
  const over = all.announcer.run(hooks, stop.signal)
  await new Promise((resolve) => setImmediate(resolve))
  const end = async () => {
    stop.abort()
    await over
    await passes
  }
  return { ...all, end }
}

const COMING = instance(WITH_PORT, { ready: false, ports: GIVEN.ports })
const READY = instance(WITH_PORT, GIVEN).status!

test('one that is about to be said to be ready is put in first, and what became of it is known', async () => {
  const { there, announcer, pass, ids, end } = await running(COMING)
  assert.is(announcer.conditionOf(COMING, true, undefined).reason, 'Pending')
  await announcer.welcome(COMING, READY)
  assert.is(ids().length, 1)
  assert.is(announcer.conditionOf(COMING, true, undefined).status, 'True')
  await pass()
  assert.is(ids().length, 1, 'and stays in until the cache has heard')
  there[0] = instance(WITH_PORT, GIVEN)
  await pass()
  there[0] = COMING
  await pass()
  assert.equal(ids(), [], 'from then on the cache is believed')
  await end()
})

test('one that has become unready before that was said is taken out', async () => {
  const { announcer, pass, ids, end } = await running(COMING)
  await announcer.welcome(COMING, READY)
  announcer.retract(COMING)
  await pass()
  assert.equal(ids(), [])
  await end()
})

test('one that is taken out before its readiness was heard of stays out', async () => {
  const { there, announcer, pass, ids, end } = await running(COMING)
  await announcer.welcome(COMING, READY)
  await announcer.withdraw(COMING)
  await pass()
  there[0] = instance(WITH_PORT, GIVEN)
  await pass()
  assert.equal(ids(), [])
  await end()
})

test('a slow catalog holds nobody up for long, and one that is away not at all', async () => {
  const { machine, announcer, ids, end } = await running(COMING)
  const answers = Promise.withResolvers<void>()
  machine.gate = (call) => (call.startsWith('register') ? answers.promise : Promise.resolve())
  const answering = setTimeout(answers.resolve, 10_000)
  await announcer.welcome(COMING, READY)
  assert.equal(ids(), [], 'it went on before the catalog had answered')
  clearTimeout(answering)
  answers.resolve()
  await end()
  assert.is(ids().length, 1)
  const away = await running(COMING)
  away.machine.fault = () => new CatalogError('Unreachable', 'gone')
  away.there.push(instance(WITH_PORT, GIVEN, { name: 'web-1-k2p9x', uid: 'v' }))
  await away.pass().catch(() => {})
  away.machine.calls.length = 0
  await away.announcer.welcome(COMING, READY)
  assert.equal(away.machine.calls, [], 'not even asked')
  await away.end()
})

test('nothing is done before the agent has looked at all it has', async () => {
  const { announcer, machine } = scene(instance(WITH_PORT, GIVEN))
  const [caughtUp, asked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const stop = new AbortController()
  let passes = 0
  const enqueuePass = () => {
    passes++
    asked.resolve()
  }
  const running = announcer.run(
    { caughtUp: caughtUp.promise, enqueuePass, enqueueInstance: () => {} },
    stop.signal,
  )
  const [watch] = announcer.spec.watches
  assert.equal(watch?.toKeys(instance(WITH_PORT, GIVEN) as never), [])
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.is(passes, 0)
  caughtUp.resolve()
  await asked.promise
  assert.equal(watch?.toKeys(instance(WITH_PORT, GIVEN) as never), [PASS])
  stop.abort()
  await running
  assert.equal(machine.calls, [], 'and nothing is taken out at the end')
})

test.run()
