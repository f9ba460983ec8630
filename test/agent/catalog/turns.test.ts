/** What must not be overtaken: an end by a registration, and the first look by a pass. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Announcer, PASS } from '../../../src/agent/catalog/announcer.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Instance } from '../../../src/resources/generated/types.ts'
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
