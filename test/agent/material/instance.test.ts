import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { NsctlError } from '../../../src/core/errors.ts'
import type { Instance } from '../../../src/resources/generated/types.ts'
import type { Material } from '../../../src/resources/materials.ts'
import { programKey } from '../../../src/runtimes/runtime.ts'
import { assertPhase, type LoneAgent, placedText, startAgent } from './agent.ts'

const test = suite<{ agent: LoneAgent }>('material of an instance')
test.before.each(async (context) => {
  context.agent = await startAgent()
})
test.after.each(async ({ agent }) => agent.stop())

const KEY = 'default/web/h3kq9x2mzc/0/'
const DB: Material = { kind: 'Secret', name: 'db', version: 'v1' }
const APP: Material = { kind: 'Config', name: 'app', version: 'c1' }
const VALUE = 'hunter2-planted'

const secretFiles = (onChange: string) => ({ secrets: [{ name: 'db', optional: false, onChange }] })
const secretVariable = {
  env: [{ name: 'PW', valueFrom: { secretKeyRef: { name: 'db', key: 'password', optional: false } } }],
}
const text = (content: Uint8Array | undefined) => Buffer.from(content ?? []).toString()

/** Waits until the instance is in this phase. */
function phase(agent: LoneAgent, wanted: string): Promise<Instance> {
  return agent.until(async () => assertPhase(await agent.instance(), wanted))
}

test('waits for its delivery and says so, starts when it has come, and says what it runs with', async ({
  agent,
}) => {
  await agent.run({ ...secretVariable, ...secretFiles('restart') }, [DB])
  const waiting = await phase(agent, 'Pending')
  assert.is(waiting.status?.reason, 'WaitingForDelivery')
  assert.is(
    waiting.status?.message,
    'waits until local is given secret/db; nsctl describe secret/db says what is in the way',
  )
  assert.is(placedText(waiting), 'False WaitingForDelivery')
  assert.equal(agent.runtime.calls, [])
  await agent.deliver(DB, { password: VALUE })
  const running = await phase(agent, 'Running')
  assert.equal(running.status?.materials, [DB])
  assert.is(running.status?.message, undefined)
  assert.is(placedText(running), 'True Placed')
  assert.equal(agent.runtime.calls, [`place ${KEY}`, `start ${KEY}`])
  const placed = agent.runtime.placed.get(KEY)
  assert.is(text(placed?.credentials.get('db.password')), VALUE)
  assert.is(placed?.environment.get('PW'), VALUE)
  await agent.until(async () => assert.equal((await agent.delivery(DB))?.status, { phase: 'Opened' }))
  assert.equal(agent.seal.opened, ['db'], 'it is opened once for the delivery and the instance')
})

test('what is kept of a program holds no value of a Secret, nor do statuses, events and logs', async ({
  agent,
}) => {
  await agent.deliver(DB, { password: VALUE })
  await agent.deliver(APP, { LEVEL: 'info' })
  const template = {
    ...secretVariable,
    ...secretFiles('reload'),
    envFrom: [{ configRef: { name: 'app', optional: false } }],
  }
  await agent.run(template, [APP, DB])
  const running = await phase(agent, 'Running')
  const spec = agent.runtime.specs.get(KEY)
  assert.is(spec?.env.LEVEL, 'info')
  assert.equal(spec?.material, {
    credentials: ['db.password'],
    live: true,
    environment: true,
    folders: [],
    paths: {},
  })
  const said = [
    spec,
    running,
    await agent.delivery(DB).then((one) => one?.status),
    await agent.events(),
    agent.logger.lines,
  ]
  assert.not.match(JSON.stringify(said), VALUE)
  assert.not.match(JSON.stringify(said), Buffer.from(VALUE).toString('base64'))
})

test('a key that is not there cannot heal: the instance has failed, and says which key of what', async ({
  agent,
}) => {
  await agent.deliver(DB, { user: 'ada' })
  await agent.run(secretVariable, [DB])
  const failed = await phase(agent, 'Failed')
  assert.is(failed.status?.reason, 'KeyMissing')
  assert.match(failed.status?.message ?? '', /^secret\/db has no key password, which the variable PW takes/)
  assert.ok((await agent.events()).some((event) => event.startsWith('KeyMissing: secret/db has no key')))
  assert.equal(agent.runtime.calls, [])
})

test('waits for what is sealed to another key, says so on both sides, and starts once it is sealed to its own', async ({
  agent,
}) => {
  await agent.deliver(DB, { password: VALUE }, 'age1other')
  await agent.run(secretVariable, [DB])
  const waiting = await phase(agent, 'Pending')
  assert.is(waiting.status?.reason, 'SealedToAnotherKey')
  assert.match(waiting.status?.message ?? '', /nsctl node trust local/)
  await agent.until(async () => {
    const status = (await agent.delivery(DB))?.status
    assert.equal(status, { phase: 'Failed', message: waiting.status?.message })
  })
  await agent.deliver(DB, { password: VALUE })
  await phase(agent, 'Running')
  await agent.until(async () => assert.equal((await agent.delivery(DB))?.status, { phase: 'Opened' }))
})

test("waits while the node's key cannot be read, and goes on once it can", async ({ agent }) => {
  agent.seal.fault = new NsctlError('NotFound', 'its key cannot be used: others may read it')
  await agent.deliver(DB, { password: VALUE })
  await agent.run(secretVariable, [DB])
  const waiting = await phase(agent, 'Pending')
  assert.is(waiting.status?.reason, 'NoKey')
  assert.is(
    waiting.status?.message,
    'secret/db cannot be opened on local: its key cannot be used: others may read it',
  )
  agent.seal.fault = undefined
  await phase(agent, 'Running')
})

test('does not start with what belongs to another Secret', async ({ agent }) => {
  await agent.deliver(DB, { password: VALUE })
  const moved = { ...DB, name: 'other' }
  const sealed = (await agent.delivery(DB))?.spec.sealed
  await agent.deliver(moved, {})
  await agent.api.updateOwned(
    { kind: 'Delivery', namespace: 'default', name: (await agent.delivery(moved))?.metadata.name ?? '' },
    (spec) => ({ ...spec, sealed }),
  )
  await agent.run({ secrets: [{ name: 'other', optional: false, onChange: 'restart' }] }, [moved])
  const failed = await phase(agent, 'Failed')
  assert.is(failed.status?.reason, 'CannotOpen')
  assert.is(failed.status?.message, 'secret/other cannot be opened on local: the delivery belongs elsewhere')
})

for (const [onChange, calls, event] of [
  [
    'reload',
    [`place ${KEY}`, `reload ${KEY} SIGHUP`],
    'Reloaded: was given secret/db anew and was sent SIGHUP',
  ],
  ['none', [`place ${KEY}`], 'MaterialsChanged: was given secret/db anew'],
] as const)
  test(`what changes while it runs is put in place (onChange: ${onChange})`, async ({ agent }) => {
    await agent.deliver(DB, { password: 'old' })
    await agent.run(secretFiles(onChange), [DB])
    const before = await phase(agent, 'Running')
    agent.runtime.calls.length = 0
    const next = { ...DB, version: 'v2' }
    await agent.name([next])
    await agent.until(async () => assert.is(placedText(await agent.instance()), 'False WaitingForDelivery'))
    const meanwhile = assertPhase(await agent.instance(), 'Running')
    assert.is(meanwhile.status?.ready, true, 'it goes on with what it has')
    assert.equal(meanwhile.status?.materials, [DB])
    assert.equal(agent.runtime.calls, [])
    await agent.deliver(next, { password: VALUE })
    await agent.until(async () => assert.equal((await agent.instance())?.status?.materials, [next]))
    assert.equal(agent.runtime.calls, calls)
    assert.is(text(agent.runtime.placed.get(KEY)?.credentials.get('db.password')), VALUE)
    const after = assertPhase(await agent.instance(), 'Running')
    assert.is(after.status?.pid, before.status?.pid)
    assert.is(after.status?.restarts, 0)
    assert.is(placedText(after), 'True Placed')
    assert.ok((await agent.events()).includes(event))
    await agent.restart()
    assert.equal(agent.runtime.calls, calls, 'the next agent has nothing to do')
  })

test('a program that has just started is sent no signal before it can listen', async ({ agent }) => {
  await agent.deliver(DB, { password: 'old' })
  await agent.run(secretFiles('reload'), [DB])
  await phase(agent, 'Running')
  const startedAtMs = agent.runtime.observe().get(KEY)?.startedAtMs ?? 0
  const next = { ...DB, version: 'v2' }
  await agent.deliver(next, { password: VALUE })
  await agent.name([next])
  await agent.until(async () => assert.is(placedText(await agent.instance()), 'False Starting'))
  assert.not.ok(agent.runtime.calls.some((call) => call.startsWith('reload')))
  await agent.until(async () => assert.equal((await agent.instance())?.status?.materials, [next]))
  assert.equal(agent.runtime.calls.slice(-2), [`place ${KEY}`, `reload ${KEY} SIGHUP`])
  assert.ok(Date.now() - startedAtMs >= 1_000)
})

test('a change that is taken back before it could be had leaves nothing behind', async ({ agent }) => {
  await agent.deliver(DB, { password: VALUE })
  await agent.run(secretFiles('reload'), [DB])
  await phase(agent, 'Running')
  await agent.name([{ ...DB, version: 'v2' }])
  await agent.until(async () => assert.is(placedText(await agent.instance()), 'False WaitingForDelivery'))
  agent.runtime.calls.length = 0
  await agent.name([DB])
  await agent.until(async () => assert.is(placedText(await agent.instance()), 'True Placed'))
  assert.equal(agent.runtime.calls, [])
})

test('what fails with one version is tried at once with another', async ({ agent }) => {
  const next = { ...DB, version: 'v2' }
  await agent.deliver(DB, { password: 'old' })
  await agent.deliver(next, { password: VALUE })
  agent.runtime.onStart = () => {
    const password = text(agent.runtime.placed.get(KEY)?.credentials.get('db.password'))
    return password === VALUE ? 'run' : { reason: 'exit-code', exitCode: 78, atMs: Date.now() }
  }
  await agent.run(secretFiles('reload'), [DB])
  await agent.until(async () => {
    const { status } = assertPhase(await agent.instance(), 'Backoff')
    assert.ok((status?.restarts ?? 0) >= 3, 'by now it waits for seconds')
  })
  const atMs = performance.now()
  await agent.name([next])
  await phase(agent, 'Running')
  assert.ok(performance.now() - atMs < 1_000)
  assert.equal((await agent.instance())?.status?.materials, [next])
  assert.not.ok(
    agent.runtime.calls.some((call) => call.startsWith('reload')),
    'it starts with it',
  )
})

test('several that change at once are one signal, the one that the template names', async ({ agent }) => {
  await agent.deliver(DB, { password: 'old' })
  await agent.deliver(APP, { 'app.conf': 'old' })
  const configs = [{ name: 'app', optional: false, onChange: 'reload' }]
  await agent.run({ ...secretFiles('reload'), configs, reload: { signal: 'SIGUSR1' } }, [APP, DB])
  await phase(agent, 'Running')
  agent.runtime.calls.length = 0
  const next = [
    { ...APP, version: 'c2' },
    { ...DB, version: 'v2' },
  ] as const
  await agent.deliver(next[0], { 'app.conf': 'new' })
  await agent.deliver(next[1], { password: VALUE })
  await agent.name(next)
  await agent.until(async () => assert.equal((await agent.instance())?.status?.materials, next))
  assert.equal(agent.runtime.calls, [`place ${KEY}`, `reload ${KEY} SIGUSR1`])
  assert.is(text(agent.runtime.placed.get(KEY)?.folders.get('app')?.get('app.conf')), 'new')
})

test('a program that is started again is given what it needs again', async ({ agent }) => {
  await agent.deliver(DB, { password: VALUE })
  await agent.run(secretVariable, [DB])
  await phase(agent, 'Running')
  agent.runtime.calls.length = 0
  agent.runtime.end(KEY, { reason: 'exit-code', exitCode: 78, atMs: Date.now() })
  await agent.until(() => assert.equal(agent.runtime.calls, [`place ${KEY}`, `start ${KEY}`]))
})

test('starts without what is optional and not there, and says what it left out', async ({ agent }) => {
  const template = {
    secrets: [{ name: 'none', optional: true, onChange: 'restart' }],
    envFrom: [{ secretRef: { name: 'db', optional: false } }],
  }
  await agent.deliver(DB, { password: VALUE, 'not-a-name': 'x' })
  await agent.run(template, [DB])
  const running = await phase(agent, 'Running')
  assert.is(placedText(running), 'True LeftOut')
  const said = running.status?.conditions?.find((one) => one.type === 'MaterialsPlaced')
  assert.is(said?.message, 'secret/db: not taken as variables: not-a-name')
  assert.is(running.status?.message, undefined, 'that is no trouble')
})

test("a group's programs are each given their own", async ({ agent }) => {
  await agent.deliver(DB, { password: VALUE })
  const source = { command: ['/usr/bin/env', 'true'], workingDir: '/' }
  const programs = [
    { name: 'one', source, ...secretVariable },
    { name: 'two', source },
  ]
  await agent.run({ source: undefined, programs }, [DB])
  await phase(agent, 'Running')
  assert.equal([...agent.runtime.placed.keys()], [`${KEY}one`])
  assert.equal(
    [...agent.runtime.specs.values()].map(({ id, material }) => [programKey(id), material?.environment]),
    [
      [`${KEY}one`, true],
      [`${KEY}two`, undefined],
    ],
  )
})

test('what the runtime cannot put in place is told like what it cannot run', async ({ agent }) => {
  agent.runtime.onPlace = () => {
    throw new NsctlError('TooLarge', 'the credentials of one program are at most 1 MiB', {
      next: 'take less',
    })
  }
  await agent.deliver(DB, { password: VALUE })
  await agent.run(secretVariable, [DB])
  const failed = await phase(agent, 'Failed')
  assert.is(failed.status?.message, 'the credentials of one program are at most 1 MiB: take less')
})

for (const running of [false, true])
  test(`waits for room and says so, ${running ? 'with what it has' : 'before it starts'}`, async ({
    agent,
  }) => {
    const fail = () => {
      throw new NsctlError('Failed', '/run/nsctl/x could not be written: ENOSPC', { next: 'make room' })
    }
    const next = { ...DB, version: 'v2' }
    if (!running) agent.runtime.onPlace = fail
    await agent.deliver(DB, { password: 'old' })
    await agent.deliver(next, { password: VALUE })
    await agent.run(secretFiles('reload'), [DB])
    if (running) {
      await phase(agent, 'Running')
      agent.runtime.onPlace = fail
      await agent.name([next])
    }
    await agent.until(async () => assert.is(placedText(await agent.instance()), 'False CannotPlace'))
    const waiting = (await agent.instance())?.status
    assert.is(waiting?.phase, running ? 'Running' : 'Backoff')
    assert.is(waiting?.ready, running)
    assert.equal(waiting?.materials, running ? [DB] : undefined)
    const said = waiting?.conditions?.find((one) => one.type === 'MaterialsPlaced')?.message
    assert.is(said, '/run/nsctl/x could not be written: ENOSPC: make room')
    agent.runtime.onPlace = () => {}
    const wanted = running ? next : DB
    await agent.until(async () => assert.equal((await agent.instance())?.status?.materials, [wanted]))
    assert.is(placedText(await phase(agent, 'Running')), 'True Placed')
  })

test('an instance that names nothing is not spoken of, and nothing is placed', async ({ agent }) => {
  await agent.run({ env: [{ name: 'A', value: '1' }] }, [])
  const running = await phase(agent, 'Running')
  assert.is(placedText(running), '')
  assert.is(running.status?.materials, undefined)
  assert.equal(agent.runtime.calls, [`start ${KEY}`])
})

test.run()
