/** The verbs on a store as a whole: back up, restore, move, check, count. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { openSqliteStore } from '../../src/store/sqlite/store.ts'
import type { Operation, Store } from '../../src/store/store.ts'
import { createHome, type Finished, type Home, service } from './nsctl.ts'

type Run = (line: string) => Promise<Finished>

/** A home with a store in it: a service at its third revision, which was scaled. */
async function withStore(use: (home: Home, run: Run) => Promise<void>): Promise<void> {
  const home = createHome()
  const run: Run = (line) => home.run(line.split(' '))
  try {
    home.write('web.yaml', service('web'))
    await run('apply -f web.yaml')
    for (const memory of ['64Mi', '96Mi']) {
      home.write('web.yaml', service('web', `    resources: {memory: ${memory}}\n`))
      assert.is((await run('apply -f web.yaml')).code, 0)
    }
    assert.is((await run('scale service web --replicas 5')).code, 0)
    await use(home, run)
  } finally {
    home.remove()
  }
}

async function write(path: string, ...operations: readonly Operation[]): Promise<void> {
  const store: Store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger })
  await store.commit([operations])
  await store.close()
}

/** Lines of an export that hold an entry, with the revisions left out. */
const entriesOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{"key"'))
    .map((line) => line.replace(/"revision":\d+,/, ''))

test('what is exported and imported is the same again', () =>
  withStore(async (home, run) => {
    const exported = await run('store export shop.export')
    assert.is(exported.code, 0, exported.stderr)
    assert.match(exported.stdout, /^exported 13 keys of sqlite:\S+ at revision 6 to shop\.export\n$/)
    assert.is(statSync(join(home.folder, 'shop.export')).mode & 0o777, 0o600)
    const text = readFileSync(join(home.folder, 'shop.export'), 'utf8')

    const dry = await run('--store sqlite:new.db store import shop.export --dry-run')
    assert.match(
      dry.stdout,
      /^the export is whole: sqlite at revision 6, \S+, by nsctl \S+\n13 keys would be written into a new store \(dry run\)\n$/,
    )
    assert.not.ok(readdirSync(home.folder).includes('new.db'))

    const imported = await run('--store sqlite:new.db store import shop.export')
    assert.is(imported.code, 0, imported.stderr)
    assert.match(
      imported.stdout,
      /\nimported 13 keys into sqlite:\S+new\.db: all 13 read back and equal\nresourceVersions/,
    )
    const again = await run('--store sqlite:new.db store export -')
    assert.equal(entriesOf(again.stdout), entriesOf(text))
    assert.match(again.stderr, /^exported 13 keys/)

    for (const line of [
      'history service web',
      'get svc -o jsonpath={.items[*].spec.replicas}',
      'store check -o json',
    ])
      assert.is((await run(`--store sqlite:new.db ${line}`)).code, 0)
    assert.is(
      (await run('--store sqlite:new.db history service web -o json')).stdout,
      (await run('history service web -o json')).stdout,
    )
    const [there, here] = [
      await run('--store sqlite:new.db apply -f web.yaml'),
      await run('apply -f web.yaml'),
    ]
    assert.equal(there, here, 'what was applied last is known in the copy')
  }))

test('an export that is not whole is refused before a store is made', () =>
  withStore(async (home, run) => {
    await run('store export shop.export')
    const path = join(home.folder, 'shop.export')
    const whole = readFileSync(path)
    writeFileSync(path, whole.subarray(0, whole.length - 20))
    const cut = await run('--store sqlite:new.db store import shop.export')
    assert.equal(
      [cut.code, cut.stderr],
      [
        2,
        'error: shop.export is cut off: of 13 keys 13 are whole, and the last line is missing\ncopy it again from where it was made, or use an older export; nothing was changed\n',
      ],
    )
    writeFileSync(path, whole.toString().replace('64Mi', '65Mi'))
    const altered = await run('--store sqlite:new.db store import shop.export')
    assert.is(altered.code, 2)
    assert.match(
      altered.stderr,
      /^error: shop\.export was altered after it was written: its checksum is another\n/,
    )
    writeFileSync(
      path,
      whole.toString().replace('"format":1', '"format":2').replace('"nsctl":"0.1.0"', '"nsctl":"3.0.0"'),
    )
    const newer = await run('--store sqlite:new.db store import shop.export')
    assert.is(newer.code, 2)
    assert.match(newer.stderr, /written by nsctl 3\.0\.0 .*\nimport it with nsctl 3\.0\.0 or newer/)
    const missing = await run('store import nowhere.export')
    assert.is(missing.code, 2)
    assert.match(missing.stderr, /^error: the export nowhere\.export cannot be read: ENOENT/)
    assert.not.ok(readdirSync(home.folder).includes('new.db'))
  }))

test('a store that is not empty is replaced when it is said, and kept in a file', () =>
  withStore(async (home, run) => {
    await run('store export shop.export')
    home.write('mail.yaml', service('mail'))
    await run('apply -f mail.yaml')
    const refused = await run('store import shop.export')
    assert.is(refused.code, 4)
    assert.match(refused.stderr, /^error: the store is not empty: it holds 16 keys\n.*--replace/)
    assert.match((await run('get svc -o name')).stdout, /service\/mail/)

    const replaced = await run('store import shop.export --replace')
    assert.is(replaced.code, 0, replaced.stderr)
    const [, backup] = /removed 16 keys, which are kept in (\S+\.export)\n/.exec(replaced.stdout) ?? []
    assert.ok(backup, replaced.stdout)
    assert.is((await run('get svc -o name')).stdout, 'service/web\n')
    assert.is((await run(`store import ${backup} --replace`)).code, 0)
    assert.is((await run('get svc -o name')).stdout, 'service/mail\nservice/web\n')
  }))

test('an export does not take the place of anything else', () =>
  withStore(async (home, run) => {
    const store = join(home.state, 'store.db')
    const before = readFileSync(store)
    const { code, stderr } = await run(`store export ${store}`)
    assert.is(code, 2)
    assert.match(stderr, /is there and is no export of a store\nname another file/)
    assert.equal(readFileSync(store), before)
    for (const round of [1, 2]) assert.is((await run('store export shop.export')).code, 0, `round ${round}`)
    const lost = await run('store export nowhere/shop.export')
    assert.is(lost.code, 3)
    assert.match(lost.stderr, /^error: the export nowhere\/shop\.export cannot be written: ENOENT/)
    assert.equal(
      readdirSync(home.folder).filter((name) => name.includes('.part-')),
      [],
    )
  }))

test('a store is moved there and back', () =>
  withStore(async (home, run) => {
    const before = (await run('store export -')).stdout
    const dry = await run('store migrate --to sqlite:b.db --dry-run')
    assert.match(
      dry.stdout,
      /^13 keys of sqlite:\S+ at revision 6 would be copied to sqlite:b\.db \(dry run\)\n$/,
    )
    assert.not.ok(readdirSync(home.folder).includes('b.db'))
    const there = await run('store migrate --to sqlite:b.db')
    assert.is(there.code, 0, there.stderr)
    assert.match(
      there.stdout,
      /^copied 13 keys of sqlite:\S+ at revision 6 to sqlite:\S+b\.db: all 13 read back and equal\n/,
    )
    assert.match(there.stdout, /\n {2}export NSCTL_STORE=sqlite:\S+b\.db\n/)
    const back = await run('--store sqlite:b.db store migrate --to sqlite:c.db')
    assert.is(back.code, 0, back.stderr)
    assert.equal(entriesOf((await run('--store sqlite:c.db store export -')).stdout), entriesOf(before))
    assert.is((await run('store export -')).stdout.split('\n')[1], before.split('\n')[1])
    assert.is((await run('--store sqlite:c.db store check')).code, 0)
    assert.match(
      (await run('store migrate --to sqlite:b.db')).stdout,
      /^13 keys were there already\ncopied 0 keys/,
    )
    assert.match(
      (await run('store migrate --to memory:')).stderr,
      /^error: memory: would be gone with this command\n/,
    )
    assert.match(
      (await run(`store migrate --to ${join(home.state, 'store.db')}`)).stderr,
      /^error: the store is sqlite:\S+ already\n/,
    )
  }))

test('check finds what is wrong, and repairs what is safe', () =>
  withStore(async (home, run) => {
    const sound = await run('store check')
    assert.equal([sound.code, sound.stderr], [0, ''])
    assert.match(sound.stdout, /^nothing is wrong in 14 keys of sqlite:\S+ at revision 6\n$/)
    const orphan = 'applied/nsctl.dev/services/default/gone'
    await write(
      join(home.state, 'store.db'),
      { kind: 'put', key: orphan, value: '{}' },
      { kind: 'put', key: 'zoo/lion', value: 'x' },
    )
    const found = await run('store check')
    assert.is(found.code, 1)
    assert.match(
      found.stdout,
      /^applied\/nsctl\.dev\/services\/default\/gone\n {2}it is the last manifest of an object that is not there\n {2}nsctl store check --repair removes it\nzoo\/lion\n {2}it is no key of nsctl’s\n/,
    )
    assert.match(
      found.stdout,
      /\n2 findings in 16 keys of \S+ at revision 7; nsctl store check --repair puts 1 right\n$/,
    )
    const dry = await run('store check --repair --dry-run')
    assert.is(dry.code, 1)
    assert.match(
      dry.stdout,
      /would be repaired \(dry run\)\n1 of 2 findings would be repaired \(dry run\)\n$/,
    )
    const json = JSON.parse((await run('store check -o json')).stdout)
    assert.equal(
      json.findings.map(({ key, repairable }: { key: string; repairable: boolean }) => [key, repairable]),
      [
        [orphan, true],
        ['zoo/lion', false],
      ],
    )
    const repaired = await run('store check --repair')
    assert.is(repaired.code, 1)
    assert.match(repaired.stdout, /\n1 repaired, 1 left, in /)
    await write(join(home.state, 'store.db'), { kind: 'delete', key: 'zoo/lion' })
    assert.is((await run('store check')).code, 0)
  }))

test('a store that is half filled is found, not exported, and no daemon starts on it', () =>
  withStore(async (home, run) => {
    await run('store export shop.export')
    const value = JSON.stringify({ from: 'shop.export', since: '2026-11-20T18:00:00.000Z' })
    await write(
      join(home.state, 'store.db'),
      { kind: 'put', key: 'import/unfinished', value },
      { kind: 'delete', key: 'obj/nsctl.dev/services/default/web' },
    )
    const found = await run('store check')
    assert.is(found.code, 1)
    assert.match(
      found.stdout,
      /^import\/unfinished\n {2}the import of shop\.export, begun at 2026-11-20T18:00:00\.000Z, was cut off\n {2}import or migrate shop\.export again/m,
    )
    for (const line of [
      'up --runtime process',
      'store export half.export',
      'store migrate --to sqlite:b.db',
    ]) {
      const { code, stderr } = await run(line)
      assert.is(code, 4, line)
      assert.match(stderr, /^error: the store sqlite:\S+ is half filled: the import of shop\.export/)
    }
    const done = await run('store import shop.export')
    assert.is(done.code, 0, done.stderr)
    assert.match(done.stdout, /\n12 keys of it were there already\nimported 1 key into /)
    assert.is((await run('store check')).code, 0)
  }))

test('stats counts', () =>
  withStore(async (_home, run) => {
    const { stdout } = await run('store stats')
    assert.match(
      stdout,
      /^Store {6}sqlite:\S+\nEngine {5}sqlite, format 3\nLayout {5}4\.0\nRevision {3}6\nHolds {6}14 keys, \S+Ki\nEvents {5}0\nAudit {6}4 records, the oldest \ds old\n/,
    )
    assert.match(stdout, /\nKIND +OBJECTS\nNamespace +1\nService +1\n$/)
    const { groups, kinds, bytes } = JSON.parse((await run('store stats -o json')).stdout)
    assert.equal(kinds, [
      { kind: 'Namespace', objects: 1 },
      { kind: 'Service', objects: 1 },
    ])
    assert.is(
      groups.reduce((sum: number, group: { bytes: number }) => sum + group.bytes, 0),
      bytes,
    )
    assert.is((await run('store stats -o yaml')).code, 2)
  }))

test('credentials of the context that is copied are not shown to the store that is filled', () =>
  withStore(async (home, run) => {
    const tokens: unknown[] = []
    const server = createServer((request, response) => {
      tokens.push(request.headers['x-consul-token'])
      response.writeHead(403).end('Permission denied')
    })
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
    try {
      const { port } = server.address() as AddressInfo
      home.write('token', 'secret-of-lab')
      const set = await run(`config set-context lab --store sqlite:${home.state}/store.db --token-file token`)
      assert.is(set.code, 0, set.stderr)
      assert.is((await run('--context lab store stats')).code, 0)
      const refused = await run(`--context lab store migrate --to consul://127.0.0.1:${port}/x`)
      assert.is(refused.code, 3, refused.stderr)
      assert.ok(tokens.length > 0, 'nobody was asked')
      assert.equal(new Set(tokens), new Set([undefined]))
    } finally {
      server.close()
      server.closeAllConnections()
    }
  }))

test.run()
