/** Run inside a node: what units protect from, by systemd's own measure, and that programs still work. */
import { execFileSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ProgramId, ProgramSpec } from '../../../../src/runtimes/runtime.ts'
import { unitName } from '../../../../src/runtimes/systemd/names.ts'
import type { ContractFixture } from '../../contract/fixture.ts'
import { nodeProgram, openFixture, property } from './fixture.ts'

const test = suite<{ fixture: ContractFixture }>('hardening')
test.before(async (context) => {
  context.fixture = await openFixture()
})
test.after(async ({ fixture }) => {
  await fixture?.dispose()
})

/** Of the unit as it runs, not of its file. */
function exposure(id: ProgramId): number {
  const text = execFileSync('systemd-analyze', ['security', '--no-pager', unitName(id)], { encoding: 'utf8' })
  return Number(/Overall exposure level for .*: ([\d.]+)/.exec(text)?.[1] ?? Number.NaN)
}

async function report(fixture: ContractFixture, spec: ProgramSpec): Promise<Record<string, unknown>> {
  await fixture.start(spec)
  const line = await fixture.printed(spec.id, /^report /)
  return JSON.parse(line.text.slice('report '.length))
}

test('a web service in Node works, and its exposure is at most 1.2', async ({ fixture }) => {
  const spec = nodeProgram(fixture, 'web.mjs', { env: { PATH: '/usr/bin:/bin', PORT: '21001' } })
  const { uid, home, ...works } = await report(fixture, spec)
  assert.equal(works, {
    dns: true,
    worker: 42,
    child: 'child',
    interfaces: true,
    cpus: true,
    wasm: true,
    temporary: true,
  })
  assert.match(String(home), /failed: EROFS|EACCES/)
  assert.ok(Number(uid) >= 61184 && Number(uid) <= 65519, `a dynamic user, not ${uid}`)
  await fixture.printed(spec.id, 'listening')
  const served = await (await fetch('http://127.0.0.1:21001/')).json()
  assert.is((served as { worker: number }).worker, 42)
  const level = exposure(spec.id)
  console.log(`exposure of a web service: ${level}`)
  assert.ok(level <= 1.2, `exposure ${level}`)
  await fixture.stop(spec)
})

test('without network the exposure is at most 0.5, and nothing is reached', async ({ fixture }) => {
  const spec = nodeProgram(fixture, 'web.mjs', {
    network: 'none',
    env: { PATH: '/usr/bin:/bin', PORT: '21002' },
  })
  const { child, worker } = await report(fixture, spec)
  assert.equal({ child, worker }, { child: 'child', worker: 42 })
  const reached = await fetch('http://127.0.0.1:21002/').then(
    () => true,
    () => false,
  )
  assert.not.ok(reached)
  const level = exposure(spec.id)
  console.log(`exposure without network: ${level}`)
  assert.ok(level <= 0.5, `exposure ${level}`)
  await fixture.stop(spec)
})

test('relaxing drops what it names and no more', async ({ fixture }) => {
  const spec = nodeProgram(fixture, 'web.mjs', { relax: ['ProtectProc', 'RestrictRealtime'] })
  await report(fixture, spec)
  assert.is(property(spec.id, 'ProtectProc'), 'default')
  assert.is(property(spec.id, 'RestrictRealtime'), 'no')
  assert.is(property(spec.id, 'ProtectSystem'), 'strict')
  assert.is(property(spec.id, 'DynamicUser'), 'yes')
  await fixture.stop(spec)
})

test('relaxing all leaves nothing', async ({ fixture }) => {
  const spec = nodeProgram(fixture, 'web.mjs', { relax: ['all'] })
  const { uid } = await report(fixture, spec)
  assert.is(uid, 0)
  for (const name of ['DynamicUser', 'PrivateTmp', 'NoNewPrivileges', 'PrivateUsers'])
    assert.is(property(spec.id, name), 'no', name)
  assert.is(property(spec.id, 'SystemCallFilter'), '~', 'an empty list of what is forbidden')
  await fixture.stop(spec)
})

for (const relax of [
  ['ProtectSystem'],
  ['ProtectHome'],
  ['PrivateUsers'],
  ['SystemCallFilter', 'CapabilityBoundingSet'],
  ['DynamicUser'],
])
  test(`a service relaxed by ${relax.join(' and ')} runs`, async ({ fixture }) => {
    const spec = nodeProgram(fixture, 'web.mjs', { relax })
    assert.is((await report(fixture, spec)).worker, 42)
    await fixture.stop(spec)
  })

test('a relaxation that a dynamic user takes back is refused', async ({ fixture }) => {
  const spec = nodeProgram(fixture, 'web.mjs', { relax: ['PrivateTmp'] })
  try {
    await fixture.start(spec)
    assert.unreachable()
  } catch (error) {
    assert.match((error as Error).message, /relaxing PrivateTmp has no effect/)
  }
  assert.is(fixture.see(spec.id), undefined)
})

test.run()
