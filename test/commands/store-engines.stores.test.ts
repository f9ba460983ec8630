/** A store moved from engine to engine and back, with real servers: nothing is lost, added or altered on the way. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/core/clock.ts'
import { openStore } from '../../src/main.ts'
import { type ConsulCluster, startConsul } from '../lab/consul.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { type EtcdCluster, startEtcd } from '../store/etcd/scene.ts'
import { createHome, type Home, root, service } from './nsctl.ts'

const SERVICES = 800
const KILLS = 8

let consul: ConsulCluster
let etcd: EtcdCluster
let home: Home
const run = (line: string) => home.run(line.split(' '))

/** The entries of a store, without what differs from engine to engine. */
async function contentsOf(store: string): Promise<readonly string[]> {
  const { code, stdout, stderr } = await run(`--store ${store} store export -`)
  assert.is(code, 0, stderr)
  const lines = stdout.split('\n').filter((line) => line.startsWith('{"key"'))
  return lines.map((line) => line.replace(/"revision":\d+,/, ''))
}

const urlOf = (engine: 'consul' | 'etcd', name: string) =>
  engine === 'consul'
    ? `consul://${consul.servers[0]!.address}/${name}`
    : `etcd://${etcd.endpoints.join(',')}/${name}`

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    ;[consul, etcd] = await Promise.all([startConsul(), startEtcd()])
    await etcd.ready()
    home = createHome()
    // revisions, scaled and not, beside what is new, and values of any size
    const manifests = (memory: string) =>
      Array.from({ length: SERVICES }, (_, n) => service(`web-${n}`, `    resources: {memory: ${memory}}\n`))
    for (const memory of ['64Mi', '96Mi']) {
      home.write('all.yaml', manifests(memory).join('---\n'))
      assert.is((await run('apply -f all.yaml')).code, 0)
    }
    const long = `    env: [{name: LONG, value: ${'ü'.repeat(30_000)}}]\n`
    home.write('long.yaml', service('long', long))
    assert.is((await run('apply -f long.yaml')).code, 0)
    assert.is((await run('scale service web-0 --replicas 4')).code, 0)
  })
  test.after(async () => {
    home.remove()
    await Promise.all([consul.stop(), etcd.stop()])
  })

  test('from SQLite to Consul to etcd and back nothing changes', async () => {
    const here = `sqlite:${home.state}/store.db`
    const before = await contentsOf(here)
    const stations = [here, urlOf('consul', 'moved'), urlOf('etcd', 'moved'), 'sqlite:back.db']
    for (const [at, to] of stations.entries()) {
      const from = stations[at - 1]
      if (from === undefined) continue
      const moved = await run(`--store ${from} store migrate --to ${to}`)
      assert.is(moved.code, 0, moved.stderr)
      assert.match(moved.stdout, /^copied \d+ keys of .*read back and equal\n/)
      const checked = await run(`--store ${to} store check`)
      assert.is(checked.code, 0, checked.stdout + checked.stderr)
      assert.equal(await contentsOf(to), before)
      const diff = await run(`--store ${to} diff -f all.yaml`)
      assert.equal([diff.code, diff.stdout], [1, (await run('diff -f all.yaml')).stdout])
      assert.is(
        (await run(`--store ${to} history service web-0 -o json`)).stdout,
        (await run('history service web-0 -o json')).stdout,
      )
    }
  })

  for (const engine of ['consul', 'etcd'] as const)
    test(`${engine}: kill -9 of an import leaves what says so, and the same import makes it whole`, async () => {
      assert.is((await run('store export all.export')).code, 0)
      const before = await contentsOf(`sqlite:${home.state}/store.db`)
      let halves = 0
      for (let kill = 0; kill < KILLS; kill++) {
        const url = urlOf(engine, `kill-${kill}`)
        await importAndKill(url, kill)
        const { stdout } = await run(`--store ${url} store check`)
        if (stdout.includes('import/unfinished')) halves++
        const again = await run(`--store ${url} store import all.export`)
        assert.is(again.code, 0, again.stderr)
        assert.equal(await contentsOf(url), before)
      }
      console.log(`${engine}: ${halves} of ${KILLS} kills left half an import`)
      assert.ok(halves > 0, 'no kill hit the middle: the test shows nothing')
    })
}

/** Kills the import as soon as `changes` more batches of changes than its first were heard of. */
async function importAndKill(url: string, changes: number): Promise<void> {
  const store = await openStore({ env: {}, clock: systemClock, store: url })
  const done = new AbortController()
  try {
    const { revision } = await store.list([''])
    const child = spawn(join(root, 'bin/nsctl'), ['--store', url, 'store', 'import', 'all.export'], {
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
    for await (const _ of store.watch(['import/', 'obj/', 'rev/'], revision, done.signal))
      if (heard++ === changes) child.kill('SIGKILL')
    await ended
  } finally {
    await store.close()
  }
}

test.run()
