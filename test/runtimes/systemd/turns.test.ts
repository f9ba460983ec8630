import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import type { ProgramSpec } from '../../../src/runtimes/runtime.ts'
import { makesNamespaces, Turns } from '../../../src/runtimes/systemd/turns.ts'
import { templateUnit } from '../../../src/runtimes/systemd/unit.ts'

const never = new AbortController().signal

function setup(atATime: number) {
  const clock = new ManualClock()
  const turns = new Turns(clock, atATime)
  const begun: string[] = []
  const take = (key: string, signal = never) => turns.take(key, signal).then(() => begun.push(key))
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return { clock, turns, begun, take, settled }
}

test('so many have a turn at a time, the others in the order of asking', async () => {
  const { turns, begun, take, settled } = setup(2)
  for (const key of ['a', 'b', 'c', 'd']) void take(key)
  await settled()
  assert.equal(begun, ['a', 'b'])
  turns.end('b')
  turns.end('b')
  await settled()
  assert.equal(begun, ['a', 'b', 'c'])
})

test('the end of what has no turn gives nobody one', async () => {
  const { turns, begun, take, settled } = setup(1)
  for (const key of ['a', 'b', 'c']) void take(key)
  turns.end('c')
  await settled()
  assert.equal(begun, ['a'])
})

test('one that hangs gives its turn up after a while', async () => {
  const { clock, turns, begun, take, settled } = setup(1)
  for (const key of ['a', 'b', 'c']) void take(key)
  clock.advance(999)
  await settled()
  assert.equal(begun, ['a'])
  clock.advance(1)
  await settled()
  assert.equal(begun, ['a', 'b'])
  turns.end('a')
  await settled()
  assert.equal(begun, ['a', 'b'], 'it had no turn any more to give')
})

test('one that is called off while it waits is passed over', async () => {
  const { turns, begun, take, settled } = setup(1)
  const off = new AbortController()
  void take('a')
  const called = take('b', off.signal).then(
    () => undefined,
    (error: Error) => error.message,
  )
  void take('c')
  off.abort(new Error('not wanted any more'))
  assert.is(await called, 'not wanted any more')
  turns.end('a')
  await settled()
  assert.equal(begun, ['a', 'c'])
})

test('hardened units, and those with storage or without a network, wait for a turn; plain ones do not', () => {
  const spec: ProgramSpec = {
    id: { namespace: 'default', service: 'web', templateHash: 'h3kq9x2mzc', ordinal: 0, program: '' },
    command: ['/bin/sleep', '1000'],
    workingDir: '/',
    env: {},
    storage: [],
    limits: {},
    stop: { signal: 'SIGTERM', graceMs: 10_000 },
    network: 'host',
    relax: ['all'],
  }
  const text = (changes: Partial<ProgramSpec>) =>
    templateUnit(
      { ...spec, ...changes },
      {
        scope: 'system',
        storageDir: '/var/lib/nsctl',
        stateDirectory: 'nsctl',
        envDir: '/run/env',
        containerDir: '/run/containers',
        materialDir: '/run/materials',
        linkDir: '/run/links',
        fenceFile: '/run/fence',
        givenDir: '/run/given',
        binds: [],
      },
    )
  assert.not(makesNamespaces(text({})))
  assert.not(makesNamespaces(text({ workingDir: '/srv/ProtectHome=yes', env: { A: 'PrivateTmp=yes' } })))
  assert.ok(makesNamespaces(text({ relax: [] })))
  assert.ok(makesNamespaces(text({ network: 'none' })))
  assert.ok(makesNamespaces(text({ storage: [{ name: 'data', path: '/srv/data' }] })))
})

test.run()
