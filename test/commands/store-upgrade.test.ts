/** A store that an earlier or a later nsctl made: what may be done with it, and its upgrade. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { openSqliteStore } from '../../src/store/sqlite/store.ts'
import type { Operation } from '../../src/store/store.ts'
import { formerEntries, makeFormerFile, setFormat } from '../store/previous-format.ts'
import { createHome, type Finished, type Home, service } from './nsctl.ts'

interface Context {
  home: Home
  /** The SQLite file. */
  path: string
  run(line: string): Promise<Finished>
}

const test = suite<Context>('store upgrade')
test.before.each(async (context) => {
  const home = createHome()
  mkdirSync(home.state, { mode: 0o700 })
  context.home = home
  context.path = join(home.state, 'store.db')
  context.run = (line) => home.run(line.split(' '))
  await makeFormerFile(context.path, '1.0')
  home.write('web.yaml', service('web'))
})
test.after.each(({ home }) => home.remove())

async function change(path: string, ...operations: readonly Operation[]): Promise<void> {
  const store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger, older: 'upgrade' })
  await store.commit([operations])
  await store.close()
}

const say = (mark: object): Operation => ({
  kind: 'put',
  key: 'store/layout',
  value: JSON.stringify(mark),
})

/** Every verb that writes, and the daemons. */
const WRITING = [
  'apply -f web.yaml',
  'create namespace x',
  'delete service mail',
  'delete service mail --cascade=orphan',
  'scale service cron --replicas 2',
  'label service cron a=b',
  'annotate service cron a=b',
  'patch service cron -p {"spec":{"replicas":4}}',
  'rollback service mail',
  'rollout restart service mail',
  'store check --repair',
  'up --runtime process',
  'controller',
]

test('a store of the format before is read, and is written to by nobody', async ({ path, run }) => {
  for (const line of WRITING) {
    const { code, stderr } = await run(line)
    assert.is(code, 3, `${line}: ${stderr}`)
    assert.is(
      stderr,
      `error: the store ${path} has format 2, this nsctl reads format 3\nupgrade it: nsctl store upgrade. It makes a backup first, and with --dry-run only says what it would do; nothing was changed\n`,
      line,
    )
  }
  assert.is((await run('get svc -o name -A')).stdout, 'service/cron\nservice/mail\nservice/web\n')
  assert.is((await run('history service mail')).code, 0)
  assert.is((await run('store check')).code, 0)
  assert.match((await run('store stats')).stdout, /\nEngine +sqlite, format 2\nLayout +1\.0\n/)
  assert.is((await run('diff -f web.yaml')).code, 1)
})

test('so is one whose layout alone is the one before, in whatever engine', async ({ path, run }) => {
  rmSync(path)
  await makeFormerFile(path, '2.0')
  for (const line of WRITING) {
    const { code, stderr } = await run(line)
    assert.is(code, 3, `${line}: ${stderr}`)
    assert.match(
      stderr,
      /^error: the store sqlite:\S+ has layout 2\.0, this nsctl writes layout 4\.0\nupgrade it: nsctl store upgrade\. /,
    )
  }
  assert.is((await run('get svc -o name')).stdout, 'service/cron\nservice/mail\n')
})

test('a store of a newer nsctl is refused, with the version', async ({ path, run }) => {
  const refused = async (line: string) => {
    const { code, stderr } = await run(line)
    assert.is(code, 3, `${line}: ${stderr}`)
    return stderr
  }
  for (const line of [
    'get svc',
    'apply -f web.yaml',
    'store upgrade',
    'store upgrade --dry-run',
    'store export x',
  ]) {
    setFormat(path, 7)
    assert.is(
      await refused(line),
      `error: the store ${path} has format 7, this nsctl reads format 3\nuse the newer nsctl that made it, or another store (NSCTL_STORE); it was not changed\n`,
    )
  }
  setFormat(path, 3)
  for (const layout of ['4.2', '5.0']) {
    await change(path, say({ layout, nsctl: '9.0.0' }))
    for (const line of ['get svc', 'apply -f web.yaml', 'store upgrade', 'up --runtime process']) {
      assert.is(
        await refused(line),
        `error: the store sqlite:${path} has layout ${layout}, this nsctl reads layouts up to 4.1\nuse the newer nsctl that made it, or another store (NSCTL_STORE); it was not changed\n`,
      )
    }
  }
})

test('a format that was there before all others is not known', async ({ path, run }) => {
  setFormat(path, 1)
  for (const line of ['get svc', 'store upgrade']) {
    const { code, stderr } = await run(line)
    assert.is(code, 3, line)
    assert.is(
      stderr,
      `error: the store ${path} has format 1, this nsctl reads format 3\nuse the nsctl that made it, or move the file away to begin with an empty store\n`,
    )
  }
})

test('a dry run says what would be done and writes nothing', async ({ home, path, run }) => {
  const before = readFileSync(path)
  const { code, stdout, stderr } = await run('store upgrade --dry-run')
  assert.is(code, 0, stderr)
  assert.is(
    stdout,
    `the store sqlite:${path} has format 2 and layout 1.0
format 2 → 3
layout 1.0 → 2.0: audit records name several objects, and objects note which of their fields are defaults: 9 changes
layout 2.0 → 3.0: Services and Instances may name Configs and Secrets: 0 changes
layout 3.0 → 3.1: there are ScaledObjects, ScaledJobs and Jobs: 0 changes
layout 3.1 → 4.0: the status of a Node lies apart from the rest of it: 0 changes
first a backup would be made of its 22 keys (dry run)
`,
  )
  assert.equal(readFileSync(path), before)
  assert.equal(
    readdirSync(home.state).filter((name) => name.includes('export')),
    [],
  )
})

test('an upgrade keeps all that was there, and a way back', async ({ home, path, run }) => {
  const yaml = async () => (await run('get svc -A -o yaml')).stdout.replaceAll(/resourceVersion: .*/g, '')
  const histories = async () =>
    (await Promise.all(['mail', 'cron'].map((name) => run(`history service ${name} -o json`)))).map(
      ({ stdout }) => stdout,
    )
  const [objects, history] = [await yaml(), await histories()]
  const { code, stdout, stderr } = await run('store upgrade')
  assert.is(code, 0, stderr)
  assert.match(
    stdout,
    /\nupgraded: 20 keys \(5 objects, 4 revisions\) have layout 4\.0, read back and as they should be\n/,
  )
  const [, backup = ''] = /\nwhat it held before is in (\S+)\n/.exec(stdout) ?? []
  assert.match(backup, /\/store\.db\.format-2-layout-1\.0-\d{4}-\d\d-\d\dT[-\d]+Z\.export$/)
  assert.is(statSync(backup).mode & 0o777, 0o600)
  assert.match(
    stdout,
    new RegExp(
      `\nto go back: move the store sqlite:${path} away, and with the nsctl of before: nsctl store import ${backup}\n$`,
    ),
  )
  assert.is(await yaml(), objects)
  assert.equal(await histories(), history)
  assert.is((await run('store check')).code, 0)
  assert.is(
    (await run('store upgrade')).stdout,
    `the store sqlite:${path} has format 3 and layout 4.0 already: nothing to upgrade\n`,
  )
  assert.is((await run('apply -f web.yaml')).code, 0)

  // the backup is of the layout before, and goes into a new store as an upgrade would have left it
  assert.match(readFileSync(backup, 'utf8'), /^\{"kind":"nsctl store export","format":1,"layout":1,/)
  const imported = await run(`--store sqlite:new.db store import ${backup}`)
  assert.is(imported.code, 0, imported.stderr)
  assert.is((await run('--store sqlite:new.db store check')).code, 0)
  assert.match((await run('--store sqlite:new.db store stats')).stdout, /\nLayout +4\.0\n/)
  assert.is(
    (await run('--store sqlite:new.db get svc -A -o yaml')).stdout.replaceAll(/resourceVersion: .*/g, ''),
    objects,
  )
  assert.is((await run(`--store sqlite:new.db apply -f web.yaml`)).code, 0)
  assert.ok(existsSync(join(home.folder, 'new.db')))
})

test('of a store of layout 2.0 nothing but its Node is rewritten, and there is a way back', async ({
  path,
  run,
}) => {
  rmSync(path)
  await makeFormerFile(path, '2.0')
  const yaml = async (store: string) => (await run(`${store} get svc,inst,node -A -o yaml`.trim())).stdout
  const entriesOf = (text: string) =>
    text.split('\n').filter((line) => line.startsWith('{"key"') && !/nsctl.dev\/nodes\//.test(line))
  const [objects, before] = [await yaml(''), await run('store export -')]
  const dry = await run('store upgrade --dry-run')
  assert.is(
    dry.stdout,
    `the store sqlite:${path} has format 3 and layout 2.0
layout 2.0 → 3.0: Services and Instances may name Configs and Secrets: 0 changes
layout 3.0 → 3.1: there are ScaledObjects, ScaledJobs and Jobs: 0 changes
layout 3.1 → 4.0: the status of a Node lies apart from the rest of it: 1 change
first a backup would be made of its 35 keys (dry run)
`,
  )
  const { code, stdout, stderr } = await run('store upgrade')
  assert.is(code, 0, stderr)
  assert.match(stdout, /\nupgraded: 36 keys \(\d+ objects, 4 revisions\) have layout 4\.0, /)
  assert.equal(entriesOf((await run('store export -')).stdout), entriesOf(before.stdout))
  const withoutVersions = (text: string) => text.replaceAll(/resourceVersion: .*/g, '')
  assert.is(withoutVersions(await yaml('')), withoutVersions(objects))
  assert.is((await run('store check')).code, 0)
  assert.is((await run('apply -f web.yaml')).code, 0)

  const [, backup = ''] = /\nwhat it held before is in (\S+)\n/.exec(stdout) ?? []
  assert.match(readFileSync(backup, 'utf8'), /^\{"kind":"nsctl store export","format":1,"layout":2,/)
  assert.is((await run(`--store sqlite:new.db store import ${backup}`)).code, 0)
  assert.match((await run('--store sqlite:new.db store stats')).stdout, /\nLayout +4\.0\n/)
  assert.is(withoutVersions(await yaml('--store sqlite:new.db')), withoutVersions(objects))
})

test('a kind that a user has called as one of ours is called now is said before anything is changed', async ({
  path,
  run,
}) => {
  rmSync(path)
  await makeFormerFile(path, '2.0')
  const spec = {
    group: 'shop.example',
    names: { kind: 'Delivery', plural: 'deliveries' },
    scope: 'Namespaced',
  }
  const name = 'deliveries.shop.example'
  const definition = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'CustomResourceDefinition',
    metadata: { name },
    spec,
  }
  await change(path, {
    kind: 'put',
    key: `obj/nsctl.dev/customresourcedefinitions/_/${name}`,
    value: JSON.stringify(definition),
  })
  const before = readFileSync(path)
  for (const line of ['store upgrade', 'store upgrade --dry-run']) {
    const { code, stderr } = await run(line)
    assert.is(code, 4, stderr)
    assert.match(
      stderr,
      /^error: the store has a kind Delivery of its own \(deliveries\.shop\.example\), as nsctl has from layout 3\.0 on\nwith the nsctl of before: /,
    )
  }
  assert.equal(readFileSync(path), before)
})

test('where the backup goes is one’s own choice', async ({ home, path, run }) => {
  home.write('there', 'something')
  for (const [words, pattern] of [
    [
      '--backup there',
      /^error: the backup cannot be written to there: it is there already\nname another file/,
    ],
    ['--backup nowhere/x', /^error: the export nowhere\/x cannot be written: ENOENT/],
    ['--backup web.yaml/x', /^error: the export web\.yaml\/x cannot be written: ENOTDIR/],
    [`--backup ${path}`, /store\.db: it is there already\n/],
    ['--backup x --no-backup', /^error: --backup and --no-backup exclude each other\n/],
  ] as const) {
    const { code, stderr } = await run(`store upgrade ${words}`)
    assert.ok(code === 2 || code === 3, stderr)
    assert.match(stderr, pattern)
    assert.match((await run('store stats')).stdout, /\nEngine +sqlite, format 2\n/, 'nothing was changed')
  }
  assert.match(
    (await run('store upgrade --backup x.export')).stdout,
    /\nwhat it held before is in x\.export\n/,
  )
  await makeFormerFile(join(home.folder, 'b.db'), '1.0')
  const none = await run('--store sqlite:b.db store upgrade --no-backup')
  assert.is(none.code, 0, none.stderr)
  assert.match(none.stdout, /\nno backup was made: there is no way back\n$/)
  assert.equal(
    readdirSync(home.folder).filter((name) => name.endsWith('.export')),
    ['x.export'],
  )
})

for (const [by, to] of [
  ['this nsctl', '4.0'],
  ['the one before', '2.0'],
] as const)
  test(`one that was cut off is said, refused and gone on with, begun by ${by}`, async ({ path, run }) => {
    const upgrade = { to, since: '2026-11-20T19:00:00.000Z', backup: '/b/old.export' }
    const [half] = formerEntries('1.0').filter(({ key }) => key.startsWith('audit/'))
    await change(path, say({ layout: '1.0', upgrade }), {
      kind: 'put',
      key: half?.key ?? '',
      value:
        '{"at":"2026-11-20T19:51:52.299Z","by":"ada","verb":"apply","objects":[{"kind":"Namespace","name":"shop"}]}',
    })
    for (const line of [...WRITING, 'store export x', 'store migrate --to sqlite:b.db']) {
      const { code, stderr } = await run(line)
      assert.is(code, 4, `${line}: ${stderr}`)
      assert.is(
        stderr,
        `error: the store sqlite:${path} is half upgraded: its upgrade to layout ${to}, begun at 2026-11-20T19:00:00.000Z, is under way or was cut off\nif it was cut off: nsctl store upgrade goes on where it was; what the store held before is in /b/old.export\n`,
      )
    }
    assert.is((await run('get svc -o name')).code, 0)
    const found = await run('store check')
    assert.is(found.code, 1)
    assert.match(
      found.stdout,
      /^store\/layout\n {2}its upgrade to layout [24]\.0, begun at \S+, is under way or was cut off\n/m,
    )
    const dry = await run('store upgrade --dry-run')
    assert.match(dry.stdout, /begun at 2026-11-20T19:00:00\.000Z, was cut off\n/)
    assert.match(
      dry.stdout,
      /: 8 changes\nlayout 2\.0 → 3\.0: .*: 0 changes\nlayout 3\.0 → 3\.1: .*: 0 changes\nlayout 3\.1 → 4\.0: .*: 0 changes\nit would go on where it was \(dry run\)\n$/,
    )
    const done = await run('store upgrade')
    assert.is(done.code, 0, done.stderr)
    assert.match(done.stdout, /\nwhat it held before is in \/b\/old\.export\n/)
    assert.is((await run('store check')).code, 0)
    assert.is((await run('apply -f web.yaml')).code, 0)
  })

test('half upgraded to what this nsctl does not know is as good as newer', async ({ path, run }) => {
  await change(path, say({ layout: '4.0', upgrade: { to: '5.0', since: '2026-11-20T19:00:00.000Z' } }))
  for (const line of ['get svc', 'apply -f web.yaml', 'store upgrade'])
    assert.match(
      (await run(line)).stderr,
      /^error: the store sqlite:\S+ has layout 5\.0, this nsctl reads layouts up to 4\.1\n/,
    )
})

test('a store that does not say what it is, and one that is half filled, are not upgraded', async ({
  path,
  run,
}) => {
  await change(path, say({ layout: 'two' }))
  for (const line of ['get svc', 'store upgrade']) {
    const { code, stderr } = await run(line)
    assert.is(code, 3)
    assert.match(
      stderr,
      /^error: the store sqlite:\S+ does not say which layout it has\nrestore the store from a backup/,
    )
  }
  await change(
    path,
    { kind: 'delete', key: 'store/layout' },
    { kind: 'put', key: 'import/unfinished', value: '{"from":"x.export","since":"then"}' },
  )
  const { code, stderr } = await run('store upgrade')
  assert.is(code, 4)
  assert.match(stderr, /is half filled: the import of x\.export, begun at then, was cut off\n/)
})

test('what is no store of ours is left alone', async ({ home, run }) => {
  home.write('other', 'no database at all, but long enough to be looked at twice')
  symlinkSync('nowhere', join(home.folder, 'dangling'))
  for (const store of ['other', 'missing.db', 'dangling']) {
    const { code, stderr } = await run(`--store sqlite:${store} store upgrade`)
    assert.is(code, 3, stderr)
  }
  assert.not.ok(existsSync(join(home.folder, 'missing.db')))
  assert.is(
    (await run('--store memory: store upgrade')).stdout,
    'the store memory: has layout 4.0 already: nothing to upgrade\n',
  )
})

test('an import that was cut off refuses whatever writes', async ({ home, run }) => {
  assert.is((await run('store upgrade')).code, 0)
  assert.is((await run('store export x.export')).code, 0)
  assert.is((await run('--store sqlite:b.db store import x.export')).code, 0)
  const path = join(home.folder, 'b.db')
  await change(
    path,
    { kind: 'put', key: 'import/unfinished', value: '{"from":"x.export","since":"then"}' },
    say({ layout: '4.0', isFilling: true }),
    { kind: 'delete', key: 'obj/nsctl.dev/services/default/mail' },
  )
  for (const line of WRITING) {
    const { code, stderr } = await run(`--store sqlite:b.db ${line}`)
    assert.is(code, 4, `${line}: ${stderr}`)
    assert.match(
      stderr,
      /^error: the store sqlite:\S+ is half filled: the import of x\.export, begun at then, was cut off\n/,
    )
  }
  assert.is((await run('--store sqlite:b.db store import x.export')).code, 0)
  assert.is((await run('--store sqlite:b.db apply -f web.yaml')).code, 0)
})

test.run()
