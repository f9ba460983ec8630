import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseGoal } from '../../src/commands/wait-conditions.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { openShop, rolledOut, service } from './shop.ts'

const condition = (status: string, observedGeneration?: number) => ({
  type: 'Ready',
  status,
  reason: 'Why',
  message: '1 of 2 instances ready',
  lastTransitionTime: '2026-01-31T12:00:00Z',
  ...(observedGeneration === undefined ? {} : { observedGeneration }),
})
const object = (status: Record<string, unknown>, generation = 3) =>
  ({ apiVersion: 'v1', kind: 'X', metadata: { name: 'x', generation }, status }) as unknown as AnyResource

for (const c of [
  { goal: 'condition=Ready', object: object({ conditions: [condition('True')] }), met: true },
  { goal: 'condition=ready', object: object({ conditions: [condition('True')] }), met: true },
  {
    goal: 'condition=Ready',
    object: object({ conditions: [condition('False')] }),
    met: false,
    seen: 'condition Ready is False: 1 of 2 instances ready',
  },
  { goal: 'condition=Ready=False', object: object({ conditions: [condition('False')] }), met: true },
  { goal: 'condition=Ready=unknown', object: object({ conditions: [condition('Unknown')] }), met: true },
  { goal: 'condition=Ready', object: object({}), met: false, seen: 'it has no condition Ready' },
  {
    goal: 'condition=Ready',
    object: object({ conditions: [condition('True', 2)] }),
    met: false,
    seen: 'condition Ready is True (of an earlier generation): 1 of 2 instances ready',
  },
  {
    goal: 'condition=Ready',
    object: object({ observedGeneration: 2, conditions: [condition('True')] }),
    met: false,
  },
  {
    goal: 'condition=Ready',
    object: object({ observedGeneration: 3, conditions: [condition('True')] }),
    met: true,
  },
  { goal: "jsonpath='{.status.ready}'=2/2".replaceAll("'", ''), object: object({ ready: '2/2' }), met: true },
  {
    goal: 'jsonpath={.status.ready}=2/2',
    object: object({ ready: '1/2' }),
    met: false,
    seen: '{.status.ready} is 1/2',
  },
  { goal: 'jsonpath={.status.n}=3', object: object({ n: 3 }), met: true },
  { goal: 'jsonpath={.status.ready}', object: object({ ready: 'x' }), met: true },
  { goal: 'jsonpath={.status.ready}', object: object({}), met: false, seen: '{.status.ready} is not there' },
  { goal: 'jsonpath=.status.ready=2/2', object: object({ ready: '2/2' }), met: true },
  {
    goal: 'jsonpath={.status.conditions[?(@.type=="Ready")].status}=True',
    object: object({ conditions: [condition('True')] }),
    met: true,
  },
  { goal: 'delete', object: undefined, met: true },
  {
    goal: 'delete',
    object: object({}),
    met: false,
    seen: 'it is still there and nobody asked for its deletion',
  },
  { goal: 'create', object: object({}), met: true },
  { goal: 'create', object: undefined, met: false, seen: 'it is not there' },
])
  test(`--for=${c.goal} is ${c.met ? '' : 'not '}met by ${JSON.stringify(c.object?.status)}`, () => {
    const goal = parseGoal(c.goal)
    assert.is(goal.isMet(c.object), c.met)
    if (c.seen !== undefined) assert.is(goal.seen(c.object), c.seen)
  })

for (const text of [
  '',
  'Ready',
  'condition=',
  'jsonpath=',
  'jsonpath={.a}x',
  'jsonpath={.a',
  'conditions=Ready',
])
  test(`--for=${text} is refused`, () => {
    try {
      parseGoal(text)
      assert.unreachable('was accepted')
    } catch (error) {
      assert.ok(isNsctlError(error, 'Usage'), String(error))
    }
  })

test('wait ends when the condition comes, and says so', async () => {
  const shop = await openShop()
  shop.setDaemon({ running: true })
  await shop.apply(service('web'))
  const waiting = shop.run(['wait', '--for=condition=Ready', 'service/web', '--timeout', '10s'])
  await shop.setStatus('Service', 'web', { observedGeneration: 1, conditions: [condition('False')] })
  await shop.setStatus('Service', 'web', rolledOut(1))
  assert.equal(await waiting, { code: 0, stdout: 'service/web condition met\n', stderr: '' })
})

test('wait for several ends with the last, and for all of a kind', async () => {
  const shop = await openShop()
  shop.setDaemon({ running: true })
  await shop.apply(service('web'))
  await shop.apply(service('mail'))
  await shop.setStatus('Service', 'web', rolledOut(1))
  const waiting = shop.run(['wait', '--for=condition=Ready', 'service', 'web', 'mail'])
  await shop.setStatus('Service', 'mail', rolledOut(1))
  assert.is((await waiting).stdout, 'service/web condition met\nservice/mail condition met\n')
  const all = await shop.run(['wait', '--for=condition=Ready', 'svc', '--all'])
  assert.is(all.code, 0)
  assert.is(all.stdout.split('\n').length, 3)
})

test('wait that is in vain exits 1 with what it saw last of each', async () => {
  const shop = await openShop()
  shop.setDaemon({ running: true })
  await shop.apply(service('web'))
  await shop.apply(service('mail'))
  await shop.setStatus('Service', 'web', { observedGeneration: 1, conditions: [condition('False')] })
  const ran = await shop.run(['wait', '--for=condition=Ready', 'svc', 'web', 'mail', '--timeout=50ms'])
  assert.is(ran.code, 1)
  assert.match(ran.stderr, /service\/web: condition Ready is False: 1 of 2 instances ready\n/)
  assert.match(ran.stderr, /service\/mail: it has no condition Ready\n/)
  assert.match(ran.stderr, /timed out waiting for condition=Ready on service\/web, service\/mail\n/)
})

test('wait does not hang in silence where nobody acts', async () => {
  const shop = await openShop()
  await shop.apply(service('web'))
  const ran = await shop.run(['wait', '--for=condition=Ready', 'service/web', '--timeout=50ms'])
  assert.is(ran.code, 1)
  assert.match(
    ran.stderr,
    /nobody is acting on service\/web \(it has no condition Ready\): start it with nsctl up\n/,
  )
})

test('wait takes no status for true that nobody has looked at since it was written', async () => {
  const shop = await openShop()
  await shop.apply(service('web'))
  await shop.setStatus('Service', 'web', rolledOut(1))
  for (const timeout of ['0s', '50ms'])
    for (const goal of ['condition=Ready', 'jsonpath={.status.replicas}=2']) {
      const ran = await shop.run(['wait', `--for=${goal}`, 'service/web', '--timeout', timeout])
      assert.is(ran.code, 1, ran.stdout)
      assert.match(ran.stderr, /service\/web: .* \(not looked at since\)\n/)
    }
  const ofSpec = await shop.run(['wait', '--for=jsonpath={.spec.replicas}=2', 'svc/web', '--timeout=0s'])
  assert.is(ofSpec.code, 0, ofSpec.stderr)
})

test('wait for what is ready holds until a daemon that has just started has looked', async () => {
  const shop = await openShop()
  shop.setDaemon({ running: true, catchingUp: true })
  await shop.apply(service('web'))
  await shop.setStatus('Service', 'web', rolledOut(1))
  assert.match((await shop.run(['get', 'svc'])).stderr, /status may be stale: nsctl has just started/)
  const waiting = shop.run(['wait', '--for=condition=Ready', 'service/web', '--timeout=10s'])
  const early = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))])
  assert.is(early, 'waits')
  await shop.setStatus('Service', 'web', { observedGeneration: 1, conditions: [condition('False')] })
  shop.setDaemon({ running: true })
  const later = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))])
  assert.is(later, 'waits')
  await shop.setStatus('Service', 'web', rolledOut(1))
  assert.equal(await waiting, { code: 0, stdout: 'service/web condition met\n', stderr: '' })
})

test('wait believes a daemon that it cannot see only once that says something', async () => {
  const shop = await openShop()
  await shop.apply(service('web'))
  await shop.setStatus('Service', 'web', rolledOut(1))
  shop.setDaemon({ running: true, isHearsay: true, lastSeenMs: 1_000 })
  const wait = (timeout: string) =>
    shop.run(['wait', '--for=condition=Ready', 'service/web', `--timeout=${timeout}`])
  assert.is((await wait('300ms')).code, 1)
  const waiting = wait('10s')
  await new Promise((resolve) => setTimeout(resolve, 300))
  shop.setDaemon({ running: true, isHearsay: true, lastSeenMs: 2_250 })
  assert.is((await waiting).code, 0)
})

test('wait --timeout=0s looks once', async () => {
  const shop = await openShop()
  await shop.apply(service('web'))
  const ran = await shop.run(['wait', '--for=condition=Ready', 'service/web', '--timeout=0s'])
  assert.is(ran.code, 1)
  assert.not.match(ran.stderr, /nobody is acting/)
})

test('wait for deletion, for creation, and for what is not there', async () => {
  const shop = await openShop()
  shop.setDaemon({ running: true })
  const name = await shop.addInstance('web', 0, 'aaaaa')
  const gone = shop.run(['wait', '--for=delete', `instance/${name}`])
  await shop.api.requestDelete({ kind: 'Instance', namespace: 'default', name })
  assert.equal(await gone, { code: 0, stdout: `instance/${name} deleted\n`, stderr: '' })
  assert.is((await shop.run(['wait', '--for=delete', 'svc', '--all'])).code, 0)

  const created = shop.run(['wait', '--for=create', 'svc/web'])
  await shop.apply(service('web'))
  assert.is((await created).stdout, 'service/web created\n')

  const missing = await shop.run(['wait', '--for=condition=Ready', 'svc/nope'])
  assert.is(missing.code, 1)
  assert.match(missing.stderr, /service\/nope not found/)
  const none = await shop.run(['wait', '--for=condition=Ready', 'svc', '-l', 'app=none'])
  assert.is(none.code, 1)
  assert.match(none.stderr, /no object matches/)
})

test('wait takes web-0 for the instance of that ordinal, not for one that is gone', async () => {
  const shop = await openShop()
  shop.setDaemon({ running: true })
  const name = await shop.addInstance('web', 0, 'aaaaa')
  const ran = await shop.run(['wait', '--for=delete', 'inst/web-0', '--timeout=0s'])
  assert.is(ran.code, 1)
  assert.match(ran.stderr, `timed out waiting for delete on instance/${name}\n`)
  const ready = await shop.run(['wait', '--for=jsonpath={.status.ready}=true', 'inst', 'web-0'])
  assert.equal([ready.code, ready.stdout], [0, `instance/${name} condition met\n`])
})

test('wait for a condition of a kind that has none is refused at once', async () => {
  const shop = await openShop()
  const ran = await shop.run(['wait', '--for=condition=Ready', 'namespace/default'])
  assert.is(ran.code, 2)
  assert.match(ran.stderr, 'error: a namespace has no conditions to wait for\n')
})

test('wait -o prints the objects once they are as they should be', async () => {
  const shop = await openShop()
  await shop.apply(service('web'))
  await shop.apply(service('mail'))
  const wait = (output: string) =>
    shop.run(['wait', '--for=jsonpath={.spec.replicas}=2', 'svc', 'web', 'mail', '-o', output])
  assert.is((await wait('name')).stdout, 'service/web\nservice/mail\n')
  assert.equal(
    JSON.parse((await wait('json')).stdout).items.map((one: { kind: string }) => one.kind),
    ['Service', 'Service'],
  )
})

test('wait needs a goal', async () => {
  const ran = await (await openShop()).run(['wait', 'svc/web'])
  assert.is(ran.code, 2)
  assert.match(ran.stderr, /--for is missing/)
})

test('events are shown in order of time, by object, by type, and as they come', async () => {
  const shop = await openShop()
  await shop.apply(service('web'))
  const record = (kind: string, name: string, type: 'Normal' | 'Warning', reason: string) =>
    shop.api.recordEvent({
      about: { kind, namespace: 'default', name },
      type,
      reason,
      message: `${name} did`,
      source: 'test',
    })
  assert.is((await shop.run(['events'])).stderr, 'No events found in default namespace.\n')
  await record('Service', 'web', 'Normal', 'First')
  await record('Instance', 'web-0-aaaaa', 'Warning', 'Second')
  await record('Service', 'mail', 'Normal', 'Third')
  await shop.api.flush()
  const reasons = ({ stdout }: { readonly stdout: string }) =>
    stdout.match(/First|Second|Third|Fourth/g) ?? []
  assert.equal(reasons(await shop.run(['events'])).sort(), ['First', 'Second', 'Third'])
  assert.match((await shop.run(['events'])).stdout, /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n/)
  assert.equal(reasons(await shop.run(['events', '--for', 'service/web'])).sort(), ['First', 'Second'])
  assert.equal(reasons(await shop.run(['events', '--types', 'warning'])), ['Second'])
  assert.not.match((await shop.run(['events', '--no-headers'])).stdout, /LAST SEEN/)
  assert.match((await shop.run(['events', '-A'])).stdout, /^NAMESPACE/)
  assert.is(JSON.parse((await shop.run(['events', '-o', 'json'])).stdout).items.length, 3)

  const stop = new AbortController()
  const watching = shop.run(['events', '-w'], {
    signal: stop.signal,
    onOutput: (stdout) => {
      if (stdout.includes('Fourth')) stop.abort()
      else void record('Service', 'web', 'Normal', 'Fourth').then(() => shop.api.flush())
    },
  })
  const { stdout } = await watching
  assert.is(stdout.match(/LAST SEEN/g)?.length, 1, 'one heading')
  assert.is(reasons({ stdout }).at(-1), 'Fourth')
})

test('events refuses what it does not know', async () => {
  const shop = await openShop()
  assert.match((await shop.run(['events', '--for', 'web'])).stderr, /--for wants TYPE\/NAME/)
  assert.match((await shop.run(['events', '--types', 'Bad'])).stderr, /knows Normal and Warning/)
})

test.run()
