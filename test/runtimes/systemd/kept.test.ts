/** What is kept on disk, and what is shown that lies hidden. In a directory of its own; no systemd is asked. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { ProgramSpec } from '../../../src/runtimes/runtime.ts'
import { DesiredSet } from '../../../src/runtimes/systemd/desired.ts'
import { showHidden } from '../../../src/runtimes/systemd/hidden.ts'
import { layoutOf } from '../../../src/runtimes/systemd/layout.ts'

const test = suite<{ dir: string }>('kept')
test.before.each((context) => {
  context.dir = realpathSync(mkdtempSync(join(tmpdir(), 'nsctl-kept-')))
})
test.after.each(({ dir }) => {
  rmSync(dir, { recursive: true, force: true })
})

const id = { namespace: 'default', service: 'web', templateHash: 'h3kq9x2mzc', ordinal: 0, program: '' }

test('the desired set is read back as it was saved, one file a template', async ({ dir }) => {
  const set = await DesiredSet.open(dir)
  set.add({ id, unit: 'text', own: { PORT: '1' }, paths: {} })
  set.add({ id: { ...id, ordinal: 7 }, unit: 'text', own: {}, paths: {} })
  set.add({ id: { ...id, program: 'side' }, unit: 'other', own: {}, paths: { '/srv/key': 'db.key' } })
  await Promise.all([set.save(), set.save()])
  assert.is(readdirSync(dir).length, 2)
  assert.is(statSync(join(dir, readdirSync(dir)[0]!)).mode & 0o777, 0o600)
  const again = await DesiredSet.open(dir)
  assert.equal([...again.templates()].map(({ unit, instances }) => [unit, [...instances]]).sort(), [
    ['other', [[0, {}]]],
    [
      'text',
      [
        [0, { PORT: '1' }],
        [7, {}],
      ],
    ],
  ])
  again.remove(id)
  again.remove({ ...id, ordinal: 7 })
  await again.save()
  assert.is(readdirSync(dir).length, 1)
  again.clear()
  await again.save()
  assert.equal(readdirSync(dir), [])
})

test('a file of it that is broken is named, and not taken for empty', async ({ dir }) => {
  writeFileSync(join(dir, 'x.json'), '{"id":')
  try {
    await DesiredSet.open(dir)
    assert.unreachable()
  } catch (error) {
    assert.ok(isNsctlError(error, 'StoreCorrupt'))
    assert.match((error as Error).message, /x\.json/)
  }
})

const base: ProgramSpec = {
  id,
  command: ['/bin/sh'],
  workingDir: '/',
  env: { PATH: '/usr/bin' },
  storage: [],
  limits: {},
  stop: { signal: 'SIGTERM', graceMs: 1 },
  network: 'host',
  relax: [],
}

test('what is seen anyway is left as it is', async () => {
  assert.equal(await showHidden(base, 'system', '/run/b'), { spec: base, binds: [] })
})

// temporary directories are hidden by PrivateTmp, so one can stand for a home here
test('a hidden working directory is bound, and what lies in it follows', async ({ dir }) => {
  mkdirSync(join(dir, 'bin'))
  writeFileSync(join(dir, 'bin/run'), '')
  const spec: ProgramSpec = {
    ...base,
    command: [join(dir, 'bin/run'), join(dir, 'main.js'), 'relative', '/etc/passwd'],
    workingDir: dir,
    env: { PATH: `${dir}/bin:/usr/bin`, HOME: dir },
  }
  const shown = await showHidden(spec, 'system', '/run/b')
  const to = shown.binds[0]?.to ?? ''
  assert.equal(shown.binds, [{ from: dir, to }])
  assert.ok(to.startsWith('/run/b/'))
  assert.equal(shown.spec.command, [`${to}/bin/run`, `${to}/main.js`, 'relative', '/etc/passwd'])
  assert.is(shown.spec.workingDir, to)
  assert.equal(shown.spec.env, { PATH: `${to}/bin:/usr/bin`, HOME: dir })
  for (const relax of [['all'], ['DynamicUser', 'PrivateTmp']])
    assert.equal((await showHidden({ ...spec, relax }, 'system', '/run/b')).binds, [])
  assert.equal((await showHidden(spec, 'user', '/run/b')).binds, [], 'a user has no such protections')
})

test('a link to a hidden place counts as hidden, and a hidden interpreter is named', async ({ dir }) => {
  mkdirSync(join(dir, 'env/bin'), { recursive: true })
  mkdirSync(join(dir, 'scripts'))
  writeFileSync(join(dir, 'env/bin/real'), '')
  symlinkSync('real', join(dir, 'env/bin/python'))
  writeFileSync(join(dir, 'scripts/run'), `#!${dir}/env/bin/python -I\nprint(1)\n`)
  chmodSync(join(dir, 'scripts/run'), 0o755)
  const shown = await showHidden({ ...base, command: [join(dir, 'scripts/run'), 'x'] }, 'system', '/run/b')
  const [bin, scripts] = [`${dir}/env/bin`, `${dir}/scripts`].map(
    (from) => shown.binds.find((bind) => bind.from === from)?.to,
  )
  assert.equal(shown.spec.command, [`${bin}/real`, '-I', `${scripts}/run`, 'x'])
})

for (const c of [
  { stateDir: '/var/lib/nsctl', want: 'nsctl/storage' },
  { stateDir: '/var/lib/nsctl/runtimes/systemd', want: 'nsctl/runtimes/systemd/storage' },
])
  test(`systemd keeps storage of ${c.stateDir} under the same name`, () => {
    assert.is(layoutOf({ scope: 'system', stateDir: c.stateDir }).stateDirectory, c.want)
  })

for (const stateDir of ['/srv/nsctl', '/var/lib', '/var/lib/with space', '/tmp/x'])
  test(`storage of ${stateDir} has a place of its own`, () => {
    assert.match(layoutOf({ scope: 'system', stateDir }).stateDirectory ?? '', /^nsctl-[b-z2-9]{8}\/storage$/)
  })

test.run()
