/** Run inside a node: a group's programs as one thing in systemd's hands. */
import { readdirSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ProgramSpec, programKey } from '../../../../src/runtimes/runtime.ts'
import { layoutOf } from '../../../../src/runtimes/systemd/layout.ts'
import { unitName } from '../../../../src/runtimes/systemd/names.ts'
import { type ContractFixture, eventually } from '../../contract/fixture.ts'
import { openFixture, property, scope, systemctl } from './fixture.ts'

const FOREVER = 'while :; do sleep 1; done'
const GROUP = { cpuWeightMillis: 700, cpuQuotaMillis: 500, memoryMaxBytes: 160 * 2 ** 20, tasksMax: 40 }

const test = suite<{ fixture: ContractFixture }>('groups')
test.before(async (context) => {
  context.fixture = await openFixture()
})
test.after(async ({ fixture }) => {
  await fixture?.dispose()
})

/** Two programs of one instance. */
function pair(fixture: ContractFixture, ordinal = 0): readonly [ProgramSpec, ProgramSpec] {
  const first = fixture.shell(FOREVER, { group: GROUP })
  const programs = ['writer', 'server'].map((program) => ({
    ...first,
    id: { ...first.id, ordinal, program, service: `my-${first.id.service}` },
  }))
  return programs as unknown as readonly [ProgramSpec, ProgramSpec]
}

const startAll = (fixture: ContractFixture, specs: readonly ProgramSpec[]) =>
  Promise.all(specs.map((spec) => fixture.start(spec)))

const stemOf = ({ id }: ProgramSpec) => `nsctl-default_${id.service}_${id.templateHash}`
const sliceOf = (spec: ProgramSpec) =>
  `nsctl-default_${spec.id.service.replaceAll('-', '\\x2d')}_${spec.id.templateHash}_${spec.id.ordinal}.slice`
const targetOf = (spec: ProgramSpec) => `${stemOf(spec)}@${spec.id.ordinal}.target`
const show = (unit: string, name: string) => systemctl('show', '--value', `--property=${name}`, unit).trim()
const ours = ({ id }: ProgramSpec) =>
  readdirSync(layoutOf({ scope, stateDir: '/var/lib/nsctl' }).unitDir).filter((one) =>
    one.replaceAll('\\x2d', '-').includes(id.service),
  )

async function stopAll(fixture: ContractFixture, specs: readonly ProgramSpec[]): Promise<void> {
  await Promise.all(specs.map((spec) => fixture.stop(spec)))
  for (const spec of specs) await fixture.gone(spec)
}

test('a slice holds them, with what they may use together, below our own and beside what stands alone', async ({
  fixture,
}) => {
  const specs = pair(fixture)
  await startAll(fixture, specs)
  for (const spec of specs) {
    await fixture.running(spec)
    assert.is(property(spec.id, 'Slice'), sliceOf(spec))
    assert.match(
      property(spec.id, 'ControlGroup'),
      /\/nsctl\.slice\/nsctl-[^/]+\.slice\/nsctl-[^/]+\.service$/,
    )
  }
  const [spec] = specs
  assert.is(show(sliceOf(spec), 'CPUWeight'), '70')
  assert.is(show(sliceOf(spec), 'CPUQuotaPerSecUSec'), '500ms')
  assert.is(show(sliceOf(spec), 'MemoryMax'), String(160 * 2 ** 20))
  assert.is(show(sliceOf(spec), 'TasksMax'), '40')
  const used = (await fixture.runtime.usage()).map(({ key }) => key)
  for (const one of specs) assert.ok(used.includes(programKey(one.id)), `${programKey(one.id)} in ${used}`)
  await stopAll(fixture, specs)
})

test('each of many instances that start at once has the limits', async ({ fixture }) => {
  const [writer, server] = pair(fixture)
  const specs = Array.from({ length: 12 }, (_, ordinal) =>
    [writer, server].map((one) => ({ ...one, id: { ...one.id, ordinal } })),
  ).flat()
  // one after the other, as they come: whoever finds the template already there must find the new slice as well
  for (const spec of specs) await fixture.start(spec)
  for (const spec of specs) await fixture.running(spec)
  const limits = specs.map((spec) => show(sliceOf(spec), 'MemoryMax'))
  assert.equal(new Set(limits), new Set([String(160 * 2 ** 20)]))
  await stopAll(fixture, specs)
})

test('people stop and restart it as one by its target, and a crash of one is that one’s', async ({
  fixture,
}) => {
  const specs = pair(fixture)
  const [writer, server] = specs
  await startAll(fixture, specs)
  const before = [await fixture.running(writer), await fixture.running(server)].map(({ pid }) => pid)
  assert.is(show(targetOf(writer), 'ActiveState'), 'active')
  assert.is(show(sliceOf(writer), 'ActiveState'), 'active')
  process.kill(before[0] as number, 'SIGKILL')
  const after = await fixture.running(writer, before[0])
  assert.is((await fixture.running(server)).pid, before[1])
  systemctl('restart', targetOf(writer))
  await fixture.running(writer, after.pid)
  await fixture.running(server, before[1])
  systemctl('stop', targetOf(writer))
  for (const spec of specs) await fixture.exited(spec)
  // what it is to run is not systemd's to say
  await startAll(fixture, specs)
  for (const spec of specs) await fixture.running(spec)
  await stopAll(fixture, specs)
})

test('nothing of it is left once it has ended', async ({ fixture }) => {
  const specs = pair(fixture)
  const [writer, server] = specs
  await startAll(fixture, specs)
  for (const spec of specs) await fixture.running(spec)
  assert.is(ours(writer).length, 4, `two units, a target and a slice: ${ours(writer)}`)
  await stopAll(fixture, [writer])
  assert.is(show(targetOf(writer), 'ActiveState'), 'active')
  assert.ok(ours(server).some((one) => one.endsWith('.slice')))
  await stopAll(fixture, [server])
  await eventually('no file is left', () => ours(writer).length === 0)
  await eventually('target and slice have ended', () =>
    [targetOf(writer), sliceOf(writer)].every((unit) => show(unit, 'ActiveState') === 'inactive'),
  )
  assert.not.match(systemctl('list-units', '--all', '--plain', 'nsctl-*'), unitName(writer.id))
})

test.run()
