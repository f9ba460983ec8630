import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRecord, noteStartup } from '../../src/agent/instance/record.ts'
import { InstanceMeter } from '../../src/agent/meter.ts'
import type { Instance } from '../../src/resources/generated/types.ts'
import type { ObservedProgram, ProgramUsage } from '../../src/runtimes/runtime.ts'

const STARTED = '2026-01-01T00:00:00.000Z'

function stage(
  status: Instance['status'] = { ready: true, restarts: 2, startedAt: STARTED },
  annotations: Readonly<Record<string, string>> = {},
) {
  const instance = {
    kind: 'Instance',
    metadata: { namespace: 'default', name: 'web-0', uid: 'u', annotations },
    spec: { service: 'web', node: 'alpha' },
    status,
  } as unknown as Instance
  const foreign = { ...instance, metadata: { name: 'x' }, spec: { ...instance.spec, node: 'beta' } }
  const observed = new Map<string, ObservedProgram>()
  const usages: ProgramUsage[] = []
  const record = makeRecord(instance, [{ name: '', key: 'p' }], observed)
  const ref = { kind: 'Instance', namespace: 'default', name: 'web-0' }
  const asked: unknown[] = []
  const meter = new InstanceMeter({
    node: 'alpha',
    runtime: {
      usage: async (options) => {
        asked.push(options)
        return usages
      },
      observe: () => observed,
    },
    agent: { places: () => new Map([['p', { ref, record, program: record.programs[0]! }]]) },
    cache: { list: () => [instance, foreign] as never },
  })
  const run = (startedAtMs: number, usage: Omit<ProgramUsage, 'key'>) => {
    observed.set('p', { state: 'running', restarts: 0, startedAtMs } as ObservedProgram)
    usages.splice(0, 1, { key: 'p', ...usage })
  }
  const end = () => usages.splice(0, 1)
  return { meter, record, run, end, asked, read: async () => (await meter.read())[0]! }
}

for (const [name, busy, annotation, said] of [
  ['nobody says', undefined, undefined, undefined],
  ['its probe says that it is idle', false, undefined, false],
  ['its probe says so', true, undefined, true],
  ['its annotation says so', undefined, 'true', true],
  ['its annotation says so, and its probe does not', false, 'true', true],
  ['its annotation says that it is not, and its probe does', true, 'false', true],
  ['its annotation says that it is not', undefined, 'false', undefined],
] as const)
  test(`whether it is busy: ${name}`, async () => {
    const annotations: Record<string, string> =
      annotation === undefined ? {} : { 'nsctl.dev/busy': annotation }
    const { read } = stage(
      { ready: true, ...(busy !== undefined && { busy }) } as Instance['status'],
      annotations,
    )
    assert.is((await read()).busy, said)
  })

test('says how its own instances are, and asks for io', async () => {
  const { meter, run, asked } = stage()
  run(1, { cpuMs: 250, memoryBytes: 5, io: { readBytes: 1, writtenBytes: 2 } })
  assert.equal(await meter.read(), [
    {
      namespace: 'default',
      service: 'web',
      instance: 'web-0',
      ready: true,
      restarts: 2,
      startedAtMs: Date.parse(STARTED),
      usage: { cpuMs: 250, memoryBytes: 5, readBytes: 1, writtenBytes: 2 },
      probes: [],
    },
  ])
  assert.equal(asked, [{ io: true }])
})

test('what is used only grows: over restarts, ends and children that take it with them', async () => {
  const { run, end, read } = stage()
  run(1, { cpuMs: 100, memoryBytes: 5, io: { readBytes: 10, writtenBytes: 0 } })
  await read()
  run(1, { cpuMs: 150, memoryBytes: 5, io: { readBytes: 4, writtenBytes: 0 } })
  assert.equal((await read()).usage, { cpuMs: 150, memoryBytes: 5, readBytes: 10, writtenBytes: 0 })
  run(1, { cpuMs: 160, memoryBytes: 5, io: { readBytes: 6, writtenBytes: 0 } })
  assert.equal((await read()).usage, { cpuMs: 160, memoryBytes: 5, readBytes: 12, writtenBytes: 0 })
  end()
  assert.equal((await read()).usage, { cpuMs: 160, memoryBytes: 0, readBytes: 12, writtenBytes: 0 })
  run(2, { cpuMs: 30, memoryBytes: 5 })
  assert.equal((await read()).usage, { cpuMs: 190, memoryBytes: 5, readBytes: 12, writtenBytes: 0 })
})

test('what never ran has used nothing that is known', async () => {
  const { read } = stage({ ready: false })
  assert.equal(await read(), {
    namespace: 'default',
    service: 'web',
    instance: 'web-0',
    ready: false,
    restarts: 0,
    probes: [],
  })
})

test('the start-up time is that of the first readiness after a start', async () => {
  const { record, read } = stage()
  assert.is((await read()).startupMs, undefined, 'no agent saw it')
  noteStartup(record, { startedAt: STARTED }, Date.parse(STARTED) + 400)
  noteStartup(record, { startedAt: STARTED }, Date.parse(STARTED) + 90_000)
  assert.is((await read()).startupMs, 400)
})

test.run()
