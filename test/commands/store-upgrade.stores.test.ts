/** Upgrades of stores in Consul and etcd, with real servers: the same as SQLite's, and kill -9 at any moment. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/core/clock.ts'
import { openBareStore, openStore } from '../../src/main.ts'
import { LAYOUT_KEY } from '../../src/store/snapshot.ts'
import { type ConsulCluster, startConsul } from '../lab/consul.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { type EtcdCluster, startEtcd } from '../store/etcd/scene.ts'
import { downgrade, fillWith, formerEntries } from '../store/previous-format.ts'
import { createHome, type Home, root, service } from './nsctl.ts'

const SERVICES = 500
const KILLS = 8

let consul: ConsulCluster
let etcd: EtcdCluster
let home: Home
const run = (line: string) => home.run(line.split(' '))

const urlOf = (engine: 'consul' | 'etcd', name: string) =>
  engine === 'consul'
    ? `consul://${consul.servers[0]!.address}/${name}`
    : `etcd://${etcd.endpoints.join(',')}/${name}`

/** The entries of a store, without what differs from engine to engine and from moment to moment. */
async function contentsOf(store: string): Promise<string> {
  const { code, stdout, stderr } = await run(`--store ${store} store export -`)
  assert.is(code, 0, stderr)
  const lines = stdout.split('\n').filter((line) => line.startsWith('{"key"'))
  return lines.map((line) => line.replace(/"revision":\d+,/, '')).join('\n')
}

/** Makes a store of the layout before at `url`, of what `fill` puts there. */
async function makeFormer(url: string, fill: () => Promise<unknown>): Promise<void> {
  await fill()
  const store = await openBareStore({ env: {}, clock: systemClock, store: url })
  await downgrade(store, '1.0')
  await store.close()
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    ;[consul, etcd] = await Promise.all([startConsul(), startEtcd()])
    await etcd.ready()
    home = createHome()
    home.write('all.yaml', Array.from({ length: SERVICES }, (_, n) => service(`web-${n}`)).join('---\n'))
    home.write('web.yaml', service('web'))
  })
  test.after(async () => {
    home.remove()
    await Promise.all([consul.stop(), etcd.stop()])
  })

  for (const engine of ['consul', 'etcd'] as const) {
    test(`${engine}: what the nsctl before has written is upgraded as in any engine`, async () => {
      const url = urlOf(engine, 'former')
      await fillFormer(url)
      const refused = await run(`--store ${url} apply -f web.yaml`)
      assert.is(refused.code, 3, refused.stderr)
      assert.match(
        refused.stderr,
        /has layout 1\.0, this nsctl writes layout 4\.0\nupgrade it: nsctl store upgrade/,
      )
      const yaml = async () =>
        (await run(`--store ${url} get svc -A -o yaml`)).stdout.replaceAll(/resourceVersion: .*/g, '')
      const before = await yaml()
      const dry = await run(`--store ${url} store upgrade --dry-run`)
      assert.match(
        dry.stdout,
        /has format 1 and layout 1\.0\nlayout 1\.0 → 2\.0: .*: 9 changes\nlayout 2\.0 → 3\.0: .*: 0 changes\nlayout 3\.0 → 3\.1: .*: 0 changes\nlayout 3\.1 → 4\.0: .*: 0 changes\n/,
      )
      const done = await run(`--store ${url} store upgrade`)
      assert.is(done.code, 0, done.stderr)
      assert.match(done.stdout, /\nupgraded: 20 keys \(5 objects, 4 revisions\) have layout 4\.0/)
      const pattern = new RegExp(`in (${home.state}/backups/${engine}-format-1-layout-1\\.0-\\S+\\.export)\n`)
      const [, backup = ''] = pattern.exec(done.stdout) ?? []
      assert.ok(backup, done.stdout)
      assert.is(await yaml(), before)
      assert.is((await run(`--store ${url} store check`)).code, 0)
      assert.is((await run(`--store ${url} apply -f web.yaml`)).code, 0)
      assert.is((await run(`--store ${urlOf(engine, 'again')} store import ${backup}`)).code, 0)
      assert.match((await run(`--store ${urlOf(engine, 'again')} store stats`)).stdout, /\nLayout +4\.0\n/)
    })

    test(`${engine}: ${KILLS} kills of an upgrade leave what says so, and the same again makes it whole`, async () => {
      let halves = 0
      let wanted: string | undefined
      for (let kill = 0; kill <= KILLS; kill++) {
        const url = urlOf(engine, `kill-${kill}`)
        await makeFormer(url, () =>
          kill === 0
            ? run(`--store ${url} apply -f all.yaml`)
            : run(`--store ${urlOf(engine, 'kill-0')} store export kept`).then(() =>
                run(`--store ${url} store import kept`),
              ),
        )
        const former = await contentsOf(url)
        if (kill > 0) await upgradeAndKill(url, kill)
        const { stdout } = await run(`--store ${url} store check`)
        if (stdout.includes('store/layout')) {
          halves++
          const refused = await run(`--store ${url} apply -f web.yaml`)
          assert.match(refused.stderr, /is half upgraded: its upgrade to layout 4\.0/)
        }
        const again = await run(`--store ${url} store upgrade --no-backup`)
        assert.is(again.code, 0, again.stderr)
        const left = await contentsOf(url)
        wanted ??= left
        assert.is.not(left, former)
        assert.is(left, wanted)
      }
      console.log(`${engine}: ${halves} of ${KILLS} kills left half an upgrade`)
      assert.ok(halves > 0, 'no kill hit the middle: the test shows nothing')
    })
  }
}

/** A new store of what the nsctl before has written: without what says its layout. */
async function fillFormer(url: string): Promise<void> {
  const store = await openBareStore({ env: {}, clock: systemClock, store: url })
  await store.commit([[{ kind: 'delete', key: LAYOUT_KEY }]])
  await fillWith(store, formerEntries('1.0'))
  await store.close()
}

/** Kills the upgrade as soon as `changes` more batches of changes than its first were heard of. */
async function upgradeAndKill(url: string, changes: number): Promise<void> {
  const store = await openStore({ env: {}, clock: systemClock, store: url, readOnly: true })
  const done = new AbortController()
  try {
    const { revision } = await store.list([''])
    const child = spawn(join(root, 'bin/nsctl'), ['--store', url, 'store', 'upgrade', '--no-backup'], {
      cwd: home.folder,
      env: { PATH: process.env.PATH, HOME: home.folder, NSCTL_HOME: home.state },
      stdio: 'ignore',
    })
    const ended = new Promise<void>((settle) =>
      child.on('close', () => {
        done.abort()
        settle()
      }),
    )
    let heard = 0
    for await (const _ of store.watch(['store/', 'obj/', 'audit/'], revision, done.signal))
      if (heard++ === changes) child.kill('SIGKILL')
    await ended
  } finally {
    await store.close()
  }
}

test.run()
