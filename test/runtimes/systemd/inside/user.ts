/** Run inside a node as a user: what a user's manager can do of what the system's does. */
import { execFileSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ContractFixture } from '../../contract/fixture.ts'
import { NODE, nodeProgram, openFixture, property } from './fixture.ts'

const test = suite<{ fixture: ContractFixture }>('units of a user')
test.before(async (context) => {
  context.fixture = await openFixture()
})
test.after(async ({ fixture }) => {
  await fixture?.dispose()
})

test('a Node program works, with what protections a user can have', async ({ fixture }) => {
  const spec = nodeProgram(fixture, 'web.mjs')
  await fixture.start(spec)
  const { text } = await fixture.printed(spec.id, /^report /)
  const report = JSON.parse(text.slice('report '.length))
  assert.equal(
    [report.worker, report.child, report.interfaces, report.uid],
    [42, 'child', true, process.getuid?.()],
  )
  assert.is(property(spec.id, 'NoNewPrivileges'), 'yes')
  await fixture.stop(spec)
})

test('without network no connection is made', async ({ fixture }) => {
  const script = `require('net').connect(9).on('error', (error) => { console.log('refused', error.code); setInterval(() => {}, 1e3) })`
  for (const relax of [[], ['all']]) {
    const spec = fixture.shell('', { command: [NODE, '-e', script], network: 'none', relax })
    await fixture.start(spec)
    assert.match((await fixture.printed(spec.id, /^refused/)).text, /EAFNOSUPPORT/)
    await fixture.stop(spec)
  }
})

test('a container is refused: it takes root', async ({ fixture }) => {
  assert.equal(fixture.runtime.info.runtimes, [])
  const refused = await fixture.start(fixture.shell('true', { container: {} })).then(
    () => undefined,
    (error: Error) => error,
  )
  assert.match(refused?.message ?? '', /runtime nspawn: a user's systemd cannot run containers/)
})

test('what cannot act is said', ({ fixture }) => {
  const { cannot } = fixture.runtime.info
  assert.ok(cannot.includes('storage.path'))
  const version1 =
    execFileSync('stat', ['-fc', '%T', '/sys/fs/cgroup'], { encoding: 'utf8' }).trim() !== 'cgroup2fs'
  if (version1) assert.ok(cannot.includes('resources.memory') && cannot.includes('limits.cpu'))
})

test.run()
