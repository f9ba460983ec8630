import { createServer, type Server } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { NsctlError } from '../../../src/core/errors.ts'
import type { Instance } from '../../../src/resources/generated/types.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { specOf, startWorld, type World } from '../../controllers/world.ts'

const test = suite<{ world: World }>('instance')
test.before.each(async (context) => {
  context.world = await startWorld()
})
test.after.each(async ({ world }) => world.stop())

/** Waits until there is one instance of which `check` holds, and gives it. */
async function one(world: World, check: (instance: Instance) => void): Promise<Instance> {
  return await world.until(async () => {
    const instances = await world.instances()
    assert.is(instances.length, 1)
    check(instances[0] as Instance)
    return instances[0] as Instance
  })
}

const running = (instance: Instance) => assert.is(instance.status?.phase, 'Running')

test('counts a restart that the runtime made, with how the program ended', async ({ world }) => {
  await world.apply(specOf())
  await one(world, running)
  const [key = ''] = world.runtime.running()
  world.runtime.restart(key, { reason: 'signal', signal: 'SIGKILL', atMs: 1_700_000_000_000 })
  const after = await one(world, (instance) => assert.is(instance.status?.restarts, 1))
  assert.is(after.status?.phase, 'Running')
  assert.is(after.status?.lastFailure?.reason, 'Signal')
  assert.is(after.status?.lastFailure?.signal, 'SIGKILL')
  assert.is(after.status?.lastFailure?.at, '2023-11-14T22:13:20.000Z')
  assert.ok((await world.events()).some((event) => event.includes('was ended by SIGKILL')))
})

test('starts a program again that the runtime gave up, after a backoff that grows', async ({ world }) => {
  let starts = 0
  world.runtime.onStart = () =>
    ++starts <= 2 ? { reason: 'exit-code', exitCode: 78, atMs: Date.now() + starts } : 'run'
  await world.apply(specOf())
  const failing = await one(world, (instance) => assert.is(instance.status?.phase, 'Backoff'))
  assert.is(failing.status?.reason, 'CrashLoop')
  assert.match(failing.status?.message ?? '', /exits with 78/)
  const healed = await one(world, running)
  assert.is(healed.status?.restarts, 2)
  assert.is(healed.status?.message, undefined)
  assert.is(starts, 3)
})

test('says of a program that ends with 0 that it should not have ended', async ({ world }) => {
  world.runtime.onStart = () => ({ reason: 'success', exitCode: 0, atMs: Date.now() })
  await world.apply(specOf())
  const ended = await one(world, (instance) => assert.is(instance.status?.phase, 'Backoff'))
  assert.is(ended.status?.reason, 'Ended')
  assert.match(ended.status?.message ?? '', /^ended with 0 although it should keep running/)
  await world.until(async () =>
    assert.match((await world.service())?.status?.summary ?? '', /web-0: ended with 0 although/),
  )
})

test('an end that is told before it is final is backed off from all the same', async ({ world }) => {
  await world.apply(specOf())
  await one(world, running)
  const [key = ''] = world.runtime.running()
  const exit = { reason: 'exit-code', exitCode: 78, atMs: Date.now() } as const
  world.runtime.restart(key, exit)
  await one(world, (instance) => assert.is(instance.status?.lastFailure?.exitCode, 78))
  world.runtime.end(key, exit)
  await one(world, (instance) => assert.is(instance.status?.phase, 'Backoff'))
})

test('a start that the manager refused is no restart of the program', async ({ world }) => {
  let tries = 0
  world.runtime.onStart = () => {
    if (++tries <= 4) throw new NsctlError('Unreachable', 'the manager does not answer')
    return 'run'
  }
  await world.apply(specOf())
  const started = await one(world, running)
  assert.is(tries, 5)
  assert.is(started.status?.restarts, 0)
  const told = (await world.events()).filter((event) => event.startsWith('Started'))
  assert.equal(told, ['Started: started'])
})

test('a start that waits for others does not keep its instance from ending', async ({ world }) => {
  world.runtime.onStart = () => 'wait'
  await world.apply(specOf({ replicas: 2 }))
  await world.until(() => assert.is(world.runtime.calls.length, 2))
  await world.apply(specOf({ replicas: 0 }))
  await world.until(async () => assert.is((await world.instances()).length, 0))
  assert.not(
    world.runtime.calls.some((call) => call.startsWith('stop')),
    'nothing ran',
  )
  assert.is(world.runtime.calls.length, 2, 'and nothing was started again')
})

test('a program that ends with 0 is started again: a service keeps running', async ({ world }) => {
  let starts = 0
  world.runtime.onStart = () =>
    ++starts === 1 ? { reason: 'success', exitCode: 0, atMs: Date.now() } : 'run'
  await world.apply(specOf())
  await one(world, running)
  assert.is(starts, 2)
})

test('says which program is missing and where it was searched', async ({ world }) => {
  await world.apply({ template: { source: { command: ['no-such-program'], workingDir: '/' } } })
  const failed = await one(world, (instance) => assert.is(instance.status?.phase, 'Failed'))
  assert.is(failed.status?.reason, 'ProgramNotFound')
  assert.match(
    failed.status?.message ?? '',
    /no-such-program is not there or not executable, in PATH \(\/usr\/bin:\/bin\)/,
  )
})

test('says what the runtime cannot run, and why', async ({ world }) => {
  world.runtime.onStart = () => {
    throw new NsctlError('Unsupported', 'PrivateTmp cannot be relaxed alone', {
      next: 'relax DynamicUser too',
    })
  }
  await world.apply(specOf())
  const failed = await one(world, (instance) => assert.is(instance.status?.phase, 'Failed'))
  assert.is(failed.status?.reason, 'Refused')
  assert.is(failed.status?.message, 'PrivateTmp cannot be relaxed alone: relax DynamicUser too')
  assert.ok((await world.events()).some((event) => event.startsWith('Refused: PrivateTmp')))
})

test('says which working directory is missing', async ({ world }) => {
  await world.apply({ template: { source: { command: ['env'], workingDir: '/no/such/folder' } } })
  const failed = await one(world, (instance) => assert.is(instance.status?.phase, 'Failed'))
  assert.match(failed.status?.message ?? '', /\/no\/such\/folder is not there/)
})

test('waits for a fixed port that something else uses, and starts when it is free', async ({ world }) => {
  const other = await listen('127.0.0.1')
  const port = (other.address() as { port: number }).port
  await world.apply(specOf({}, { ports: [{ name: 'http', port }] }))
  const waiting = await one(world, (instance) => assert.is(instance.status?.reason, 'PortInUse'))
  assert.is(waiting.status?.phase, 'Backoff')
  assert.match(waiting.status?.message ?? '', new RegExp(`port ${port} \\(http\\) is in use`))
  assert.equal(world.runtime.running(), [])
  await new Promise((resolve) => other.close(resolve))
  const started = await one(world, running)
  assert.equal(started.status?.ports, [{ name: 'http', port }])
})

test('of two instances with one fixed port the second says which has it, and gets it after that one', async ({
  world,
}) => {
  const free = await listen('127.0.0.1')
  const { port } = free.address() as { port: number }
  await new Promise((resolve) => free.close(resolve))
  await world.apply(specOf({ replicas: 1 }, { ports: [{ name: 'http', port }] }))
  const having = await one(world, running)
  // placement would not have put it here
  const { ownerReferences: _, uid: __, ...metadata } = having.metadata
  const name = 'web-1-other'
  const other = { ...having, metadata: { ...metadata, name }, spec: { ...having.spec, ordinal: 1 } }
  await world.api.createOwned([{ ...other, status: undefined } as unknown as AnyResource])
  const until = (check: (instance: Instance | undefined) => void) =>
    world.until(async () =>
      check((await world.instances()).find((instance) => instance.metadata.name === name)),
    )
  await until((waiting) => {
    assert.is(waiting?.status?.reason, 'PortInUse')
    assert.is(waiting?.status?.message, `port ${port} (http) is in use by instance/${having.metadata.name}`)
  })
  assert.is(world.runtime.running().length, 1)
  await world.apply(specOf({ replicas: 0 }, { ports: [{ name: 'http', port }] }))
  await until((waiting) => assert.is(waiting?.status?.phase, 'Running'))
})

test('gives every instance ports of its own, in its environment', async ({ world }) => {
  await world.apply(specOf({ replicas: 2 }, { ports: [{ name: 'http' }, { name: 'admin-api' }] }))
  await world.until(() => assert.is(world.runtime.running().length, 2))
  const environments = [...world.runtime.specs.values()].map((spec) => spec.env)
  const numbers = environments.flatMap((env) => [env.PORT_HTTP, env.PORT_ADMIN_API])
  assert.is(new Set(numbers).size, 4, String(numbers))
  for (const env of environments) assert.is(env.PORT, env.PORT_HTTP)
})

test('restarts only the program of a group that failed, and is ready when all are', async ({ world }) => {
  const program = (name: string) => ({ name, source: { command: ['env', name], workingDir: '/' } })
  world.runtime.onStart = (spec) => (spec.id.program === 'slow' ? 'hang' : 'run')
  await world.apply({ template: { programs: [program('main'), program('slow')] } })
  const waiting = await one(world, (instance) => assert.is(instance.status?.programs?.[0]?.state, 'running'))
  assert.is(waiting.status?.ready, false)
  const key = (name: string) => [...world.runtime.specs.keys()].find((one) => one.endsWith(`/${name}`)) ?? ''
  world.runtime.restart(key('slow'), { reason: 'exit-code', exitCode: 1, atMs: Date.now() })
  const ready = await one(world, (instance) => assert.is(instance.status?.ready, true))
  assert.equal(
    ready.status?.programs?.map((one) => one.restarts),
    [0, 1],
  )
  assert.is(world.runtime.calls.filter((call) => call.startsWith('start')).length, 2)
})

test('a group is held to what its programs may use together, where all of them say', async ({ world }) => {
  const program = (name: string, more: object) => ({
    ...{ name, source: { command: ['env', name], workingDir: '/' } },
    ...more,
  })
  const programs = [
    program('main', { resources: { cpu: '200m', memory: '64Mi' }, limits: { cpu: '500m', tasks: 20 } }),
    program('side', { resources: { memory: '32Mi' }, limits: { cpu: '250m' } }),
  ]
  await world.apply({ template: { programs } })
  await world.until(() => assert.is(world.runtime.running().length, 2))
  for (const { group } of world.runtime.specs.values())
    assert.equal(group, { cpuWeightMillis: 1_200, cpuQuotaMillis: 750, memoryMaxBytes: 96 * 2 ** 20 })
  assert.equal(
    [...world.runtime.specs.values()].map(({ limits }) => limits.memoryMaxBytes),
    [64 * 2 ** 20, 32 * 2 ** 20],
  )
})

test('what ends because it was asked to is no news', async ({ world }) => {
  await world.apply(specOf())
  await one(world, running)
  await world.api.delete({ kind: 'Service', namespace: 'default', name: 'web' }, { actor: { name: 'test' } })
  await world.until(async () => assert.is((await world.instances()).length, 0))
  assert.equal(
    (await world.events()).filter((event) => /ended/.test(event)),
    [],
  )
})

test('restarts a program whose liveness probe fails, and says so', async ({ world }) => {
  let healthy = true
  world.runtime.onExec = () => (healthy ? 0 : 3)
  const liveness = { exec: { command: ['check'] }, period: '50ms', failureThreshold: 2 }
  await world.apply(specOf({}, { liveness }))
  await one(world, running)
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.is((await one(world, running)).status?.restarts, 0)
  healthy = false
  const ended = await one(world, (instance) => assert.is(instance.status?.phase, 'Backoff'))
  assert.is(ended.status?.reason, 'LivenessFailed')
  assert.match(ended.status?.message ?? '', /check exited with 3/)
  healthy = true
  const healed = await one(world, running)
  assert.is(healed.status?.restarts, 1)
  assert.is(healed.status?.lastFailure?.reason, 'LivenessFailed')
  assert.ok(
    (await world.events()).some((event) =>
      event.startsWith('Unhealthy: was ended because its liveness probe'),
    ),
  )
})

const execProbe = (command: string, over: object = {}) => ({
  exec: { command: [command] },
  ...{ period: '50ms', failureThreshold: 1 },
  ...over,
})

test('no other probe is asked before the startup probe has succeeded, and it is asked no more then', async ({
  world,
}) => {
  const asked: string[] = []
  let isUp = false
  world.runtime.exec = async (_, { command }) => {
    asked.push(command[0] ?? '')
    return command[0] === 'startup' && !isUp ? 1 : 0
  }
  const startup = execProbe('startup', { failureThreshold: 1000 })
  await world.apply(
    specOf({}, { startup, liveness: execProbe('liveness'), readiness: execProbe('readiness') }),
  )
  await world.until(() => assert.ok(asked.length > 3))
  assert.equal([...new Set(asked)].sort(), ['startup'])
  const starting = await one(world, running)
  assert.equal([starting.status?.ready, starting.status?.programs?.[0]?.started], [false, false])
  isUp = true
  const up = await one(world, (instance) => assert.is(instance.status?.ready, true))
  assert.is(up.status?.programs?.[0]?.started, true)
  asked.length = 0
  await world.until(() => assert.ok(asked.length > 6))
  assert.equal([...new Set(asked)].sort(), ['liveness', 'readiness'])
  isUp = false
  asked.length = 0
  await world.restart()
  await world.until(() => assert.ok(asked.length > 6))
  assert.equal([...new Set(asked)].sort(), ['liveness', 'readiness'], 'an agent that follows asks anew')
})

test('a program whose startup probe does not succeed in time is started again', async ({ world }) => {
  let starts = 0
  world.runtime.onStart = () => {
    starts++
    return 'run'
  }
  world.runtime.onExec = () => (starts < 2 ? 3 : 0)
  await world.apply(specOf({}, { startup: execProbe('startup', { failureThreshold: 3 }) }))
  const failed = await one(world, (instance) => assert.is(instance.status?.phase, 'Backoff'))
  assert.is(failed.status?.reason, 'StartupFailed')
  const healed = await one(world, (instance) => assert.is(instance.status?.ready, true))
  assert.is(healed.status?.restarts, 1)
  const told = await world.events()
  assert.ok(told.some((event) => event.startsWith('Unhealthy: was ended because its startup probe')))
})

test('an unhealthy program is ended even where the first try to end it was refused', async ({ world }) => {
  let healthy = true
  let refused = 0
  world.runtime.onExec = () => (healthy ? 0 : 3)
  world.runtime.onStop = () => {
    if (++refused === 1) throw new NsctlError('Unreachable', 'the manager does not answer')
    healthy = true
  }
  const liveness = { exec: { command: ['check'] }, period: '50ms', failureThreshold: 1 }
  await world.apply(specOf({}, { liveness }))
  await one(world, running)
  healthy = false
  const healed = await one(world, (instance) => {
    running(instance)
    assert.is(instance.status?.restarts, 1)
  })
  assert.is(healed.status?.lastFailure?.reason, 'LivenessFailed')
})

test('has a Ready condition, with why it is not', async ({ world }) => {
  let code = 1
  world.runtime.onExec = () => code
  await world.apply(
    specOf({}, { readiness: { exec: { command: ['check'] }, period: '50ms', failureThreshold: 1 } }),
  )
  const unready = await one(world, (instance) =>
    assert.is(instance.status?.conditions?.[0]?.reason, 'Unready'),
  )
  assert.is(unready.status?.conditions?.[0]?.status, 'False')
  code = 0
  await one(world, (instance) => assert.is(instance.status?.conditions?.[0]?.status, 'True'))
})

test('an unready instance keeps running, and is ready again when its probe succeeds', async ({ world }) => {
  let code = 1
  world.runtime.onExec = () => code
  await world.apply(
    specOf({}, { readiness: { exec: { command: ['check'] }, period: '50ms', failureThreshold: 1 } }),
  )
  const unready = await one(world, (instance) => assert.is(instance.status?.reason, 'Unready'))
  assert.is(unready.status?.phase, 'Running')
  assert.is(unready.status?.ready, false)
  code = 0
  await one(world, (instance) => assert.is(instance.status?.ready, true))
  code = 1
  const again = await one(world, (instance) => assert.is(instance.status?.ready, false))
  assert.is(again.status?.restarts, 0)
})

test('counts an end that happened while no agent looked', async ({ world }) => {
  await world.apply(specOf())
  await one(world, running)
  const [key = ''] = world.runtime.running()
  const restarted = world.restart()
  world.runtime.end(key, { reason: 'exit-code', exitCode: 3, atMs: Date.now() })
  await restarted
  const after = await one(world, (instance) => assert.is(instance.status?.restarts, 1))
  assert.is(after.status?.lastFailure?.exitCode, 3)
  await one(world, running)
})

test('ends what runs for no instance', async ({ world }) => {
  await world.apply(specOf())
  await one(world, running)
  const id = { namespace: 'default', service: 'ghost', templateHash: 'bcdfghjkmn', ordinal: 0, program: '' }
  const limits = {}
  const stop = { signal: 'SIGTERM', graceMs: 100 }
  await world.runtime.start(
    {
      id,
      command: ['/bin/true'],
      workingDir: '/',
      env: {},
      storage: [],
      limits,
      stop,
      network: 'host',
      relax: [],
    },
    new AbortController().signal,
  )
  await world.restart()
  await world.until(() => assert.is(world.runtime.running().length, 1))
  assert.ok(world.runtime.running()[0]?.includes('/web/'))
})

test('names the fields that the runtime does not enforce', async ({ world }) => {
  await world.apply(
    specOf(
      { storage: [{ name: 'data', path: '/data' }] },
      { resources: { memory: '1Gi' }, limits: { cpu: '1' } },
    ),
  )
  const instance = await one(world, running)
  assert.equal(instance.status?.notEnforced, ['limits.cpu', 'storage.path'])
})

test('an instance that waits for its predecessor to end does not take its program for its own', async ({
  world,
}) => {
  world.runtime.stopsAtOnce = false
  await world.apply(specOf())
  const first = await one(world, running)
  await world.api.delete(
    { kind: 'Instance', namespace: 'default', name: first.metadata.name },
    { actor: { name: 'test' } },
  )
  await world.until(async () => {
    const second = (await world.instances()).find((instance) => instance.metadata.uid !== first.metadata.uid)
    assert.is(second?.status?.reason, 'WaitingForPredecessor')
    assert.is(second?.status?.ready, false)
  })
  const [key = ''] = [...world.runtime.observe().keys()]
  world.runtime.end(key, { reason: 'success', exitCode: 0, atMs: Date.now() })
  const second = await one(world, running)
  assert.is.not(second.metadata.uid, first.metadata.uid)
  assert.is(world.runtime.calls.filter((call) => call.startsWith('start')).length, 2)
})

test('an orphan of an earlier service keeps its place until it is deleted', async ({ world }) => {
  const actor = { name: 'test' }
  await world.apply(specOf())
  const orphan = await one(world, running)
  await world.api.delete({ kind: 'Service', namespace: 'default', name: 'web' }, { actor, cascade: 'orphan' })
  await world.until(async () => assert.is(await world.service(), undefined))
  await world.apply(specOf())
  const others = async () =>
    (await world.instances()).filter((one) => one.metadata.uid !== orphan.metadata.uid)
  await world.until(async () => assert.is((await others())[0]?.status?.reason, 'WaitingForPredecessor'))
  assert.is(world.runtime.calls.length, 1, world.runtime.calls.join())
  await world.api.delete({ kind: 'Instance', namespace: 'default', name: orphan.metadata.name }, { actor })
  await world.until(async () => assert.is((await others())[0]?.status?.phase, 'Running'))
  assert.equal(
    world.runtime.calls.map((call) => call.split(' ')[0]),
    ['start', 'stop', 'start'],
  )
})

function listen(host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port: 0 }, () => resolve(server))
  })
}

test.run()
