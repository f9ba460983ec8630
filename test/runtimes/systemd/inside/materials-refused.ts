/** Run inside a node: which material is taken and arrives as it is, and where it must not lie. Under both managers. */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../../src/core/clock.ts'
import { silentLogger } from '../../../../src/core/logger.ts'
import { layoutOf } from '../../../../src/runtimes/systemd/layout.ts'
import { templateFile } from '../../../../src/runtimes/systemd/names.ts'
import { openSystemdRuntime } from '../../../../src/runtimes/systemd/runtime.ts'
import type { ContractFixture } from '../../contract/fixture.ts'
import { NODE, openFixture, scope } from './fixture.ts'
import { FOREVER, material, NO_SHAPE, PLANTED, run, SHAPE, startWith } from './materials-fixture.ts'

const layout = layoutOf({ scope, stateDir: '/nowhere' })

const test = suite<{ fixture: ContractFixture }>(`material that cannot be handed over (${scope})`)
const systemOnly = scope === 'system' ? test : () => {}
test.before(async (context) => {
  context.fixture = await openFixture()
})
test.after(async ({ fixture }) => {
  await fixture?.dispose()
})

/** Every variable that place takes reaches the program as it is, and systemd never quotes one in the journal. */
test('any text that is taken as a variable arrives as it is', async ({ fixture }) => {
  const hard = fc.stringMatching(/^[ -~\t\n]{0,40}$/)
  const quotes = fc.string({
    unit: fc.constantFrom('"', "'", '\\', '$', '`', '\n', ' ', '#', ';', '%', '=', 'a'),
    maxLength: 30,
  })
  const any = fc.string({ unit: 'binary', maxLength: 40 })
  const texts = fc.sample(fc.oneof(hard, quotes, any), { numRuns: 600, seed: 7 })
  const taken: string[] = []
  const probe = fixture.shell('exit 0')
  for (const text of texts) {
    const accepted = await fixture.runtime.place(probe.id, material({}, { V: text })).then(
      () => true,
      (error: Error) => {
        assert.match(error.message, /variable/)
        return false
      },
    )
    if (accepted) taken.push(text)
  }
  await fixture.runtime.forget(probe.id)
  assert.ok(taken.length > 400, `${taken.length} of ${texts.length} are taken`)
  const script = `const { createHash } = require('crypto'); const names = Object.keys(process.env).filter((name) => name.startsWith('V_')).sort(); console.log('sum', names.length, createHash('sha256').update(JSON.stringify(names.map((name) => [name, process.env[name]]))).digest('hex')); setInterval(() => {}, 1e6)`
  const spec = fixture.shell('', {
    command: [NODE, '-e', script],
    material: { ...NO_SHAPE, environment: true },
  })
  const variables = Object.fromEntries(
    taken.map((text, index) => [`V_${String(index).padStart(4, '0')}`, text]),
  )
  await startWith(fixture, spec, material({}, variables))
  const { createHash } = await import('node:crypto')
  const want = createHash('sha256')
    .update(JSON.stringify(Object.entries(variables)))
    .digest('hex')
  assert.is((await fixture.printed(spec.id, /^sum /)).text, `sum ${taken.length} ${want}`)
  assert.not.match(run(['journalctl', '--no-pager', '-o', 'cat']), /Ignoring invalid environment/)
  await fixture.stop(spec)
})

for (const [what, variables] of Object.entries<Record<string, string>>({
  'a carriage return': { V: `${PLANTED}\r` },
  'an escape character': { V: `\u001b${PLANTED}` },
  'half a surrogate pair': { V: `${PLANTED}\ud800` },
  'what is no character': { V: `${PLANTED}\ufffe` },
  'a name that systemd would quote in the journal': { 'my.key': PLANTED },
}))
  test(`place refuses ${what} in a variable, without saying it`, async ({ fixture }) => {
    const spec = fixture.shell('exit 0')
    try {
      await fixture.runtime.place(spec.id, material({}, variables))
      assert.unreachable()
    } catch (error) {
      assert.is((error as { code?: string }).code, 'Invalid', String(error))
      assert.not.match(JSON.stringify([String(error), error]), PLANTED)
    }
  })

test('more than systemd hands over is refused, but not where it is live', async ({ fixture }) => {
  const big = { 'db.password': new Uint8Array((1 << 20) - 10) }
  const spec = fixture.shell(`wc -c <"$CREDENTIALS_DIRECTORY/db.password"; ${FOREVER}`, {
    material: { ...SHAPE, environment: false },
  })
  await fixture.runtime.place(spec.id, material(big, {}))
  const error = await fixture.start(spec).then(
    () => undefined,
    (reason: { code?: string }) => reason,
  )
  assert.is(error?.code, 'TooLarge')
  const live = {
    ...spec,
    id: { ...spec.id, templateHash: 'b2b2b2b2b2' },
    material: { ...SHAPE, environment: false, live: true },
  }
  await startWith(fixture, live, material(big, {}))
  await fixture.printed(live.id, String((1 << 20) - 10))
  await fixture.stop(live)
  await fixture.stop(spec)
})

systemOnly(
  'where there is no room, what is there stays, and what is not said is what was in it',
  async () => {
    const runDir = mkdtempSync('/run/nsctl-small-')
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0755', 'none', runDir])
    const stateDir = mkdtempSync('/var/lib/nsctl-inside-')
    const options = {
      scope,
      stateDir,
      runDir,
      clock: systemClock,
      logger: silentLogger,
      signal: new AbortController().signal,
    } as const
    const runtime = await openSystemdRuntime(options)
    try {
      const id = {
        namespace: 'default',
        service: 'small',
        templateHash: 'h3kq9x2mzc',
        ordinal: 0,
        program: '',
      }
      const file = join(runDir, 'materials/nsctl-default_small_h3kq9x2mzc/0/credentials/db.password')
      await runtime.place(id, material())
      assert.is(statSync(file).mode & 0o777, 0o400)
      const error = await runtime.place(id, material({ 'db.password': PLANTED.repeat(10_000) })).then(
        () => undefined,
        (reason: Error & { code: string; next: string }) => reason,
      )
      assert.is(error?.code, 'Failed')
      assert.match(String(error), /db\.password could not be written: ENOSPC/)
      assert.not.match(JSON.stringify([String(error), error, error?.cause]), PLANTED)
      assert.is(readFileSync(file, 'utf8'), PLANTED)
      assert.equal(readdirSync(join(file, '../..')).includes('part'), false)
      await runtime.stop(id, { graceMs: 1, signal: 'SIGTERM' })
      assert.not.ok(existsSync(file))
    } finally {
      await runtime.removeAll({ purge: true, signal: AbortSignal.timeout(10_000) })
      await runtime.close()
      execFileSync('umount', [runDir])
      rmSync(runDir, { recursive: true })
      rmSync(stateDir, { recursive: true, force: true })
    }
  },
)

test('a place that is on a disk, or that somebody else has made, gets no secret', async () => {
  const base = scope === 'system' ? '/var/lib' : '/var/tmp'
  const stateDir = mkdtempSync(join(base, 'nsctl-inside-'))
  const open = (runDir: string) =>
    openSystemdRuntime({
      scope,
      stateDir,
      runDir,
      clock: systemClock,
      logger: silentLogger,
      signal: new AbortController().signal,
    })
  const id = { namespace: 'default', service: 'odd', templateHash: 'h3kq9x2mzc', ordinal: 0, program: '' }
  const refusal = async (runDir: string) => {
    const runtime = await open(runDir)
    const error = await runtime.place(id, material()).then(
      () => undefined,
      (reason: Error) => reason,
    )
    const { cannot } = runtime.info
    await runtime.close()
    return { message: String(error), cannot }
  }
  const onDisk = join(stateDir, 'run')
  const disk = await refusal(onDisk)
  assert.match(disk.message, /is not in memory: no secret is put there/)
  assert.ok(disk.cannot.includes('secrets'))
  assert.is(run(['grep', '-rlF', PLANTED, stateDir]), '')
  const planted = mkdtempSync(join(layout.envDir, '../odd-'))
  mkdirSync(join(planted, 'elsewhere'))
  execFileSync('ln', ['-s', join(planted, 'elsewhere'), join(planted, 'materials')])
  assert.match((await refusal(planted)).message, /materials is not a folder: nothing secret is put there/)
  assert.equal(readdirSync(join(planted, 'elsewhere')), [])
  rmSync(join(planted, 'materials'))
  mkdirSync(join(planted, 'materials'), { mode: 0o755 })
  assert.match((await refusal(planted)).message, /can be entered by others/)
  rmSync(planted, { recursive: true })
  rmSync(stateDir, { recursive: true })
})

systemOnly(
  'a path that cannot be made on a read-only /etc is named as the likely cause',
  async ({ fixture }) => {
    const paths = { '/etc/nsctl-none/key': 'db.password' }
    const spec = fixture.shell(FOREVER, { material: { ...NO_SHAPE, credentials: ['db.password'], paths } })
    await startWith(fixture, spec, material(undefined, {}))
    const { lastExit } = await fixture.exited(spec)
    assert.match(lastExit?.message ?? '', /226\/NAMESPACE: .*a read-only \/etc/)
    await fixture.stop(spec)
    await fixture.runtime.forget(spec.id)
  },
)

test('what is still the same is not written anew', async ({ fixture }) => {
  const spec = fixture.shell(FOREVER, { material: SHAPE })
  await fixture.runtime.place(spec.id, material())
  const dir = join(layout.materialDir, templateFile(spec.id).replace('@.service', ''), '0')
  const inodes = () => ['credentials/db.password', 'environment'].map((file) => statSync(join(dir, file)).ino)
  const before = inodes()
  await fixture.runtime.place(spec.id, material())
  assert.equal(inodes(), before)
  writeFileSync(join(dir, 'credentials/stray'), '')
  await fixture.runtime.place(spec.id, material())
  assert.equal(readdirSync(join(dir, 'credentials')), ['db.password'])
  await fixture.stop(spec)
})

test.run()
