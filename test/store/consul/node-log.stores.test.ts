/** What agents with tokens of their own commit is seen by all; what somebody else does with such a token hides and forges nothing. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { nodeRules } from '../../../src/store/consul/acl.ts'
import { encodeLog } from '../../../src/store/consul/records.ts'
import { acquireLease, thisProcess } from '../../../src/store/lease.ts'
import type { Store } from '../../../src/store/store.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { commit, put, remove } from '../contract-read.ts'
import { follow } from '../watching.ts'
import { type AclLab, startAclLab } from './acl-lab.ts'
import { freshUrl, openAt } from './scene.ts'

let lab: AclLab

interface Scene {
  readonly prefix: string
  /** The control plane's. */
  readonly store: Store
  readonly agentOf: (node: string) => Promise<Store>
  /** Writes keys of Consul's with the token of n1, however it likes. */
  readonly thief: (...operations: readonly object[]) => Promise<void>
}

const STATUS = 'node/n1/status/instances/default/a'
const base64 = (text: string) => Buffer.from(text).toString('base64')
const set = (Key: string, text: string) => ({ KV: { Verb: 'set', Key, Value: base64(text) } })

async function withScene(run: (scene: Scene) => Promise<void>): Promise<void> {
  const url = freshUrl(lab.cluster.servers[0]!.address)
  const prefix = `${new URL(url).pathname.slice(1)}/`
  const stores: Store[] = []
  const open = async (token: string, node?: string) => {
    const store = await openAt(url, { env: { CONSUL_HTTP_TOKEN: token }, ...(node && { node }) })
    stores.push(store)
    return store
  }
  const store = await open(lab.master)
  const agentOf = async (node: string) => open(await lab.tokenWith(nodeRules(prefix, node)), node)
  const token = await lab.tokenWith(nodeRules(prefix, 'n1'))
  const thief: Scene['thief'] = async (...operations) => {
    const { status, body } = await lab.raw(token, 'PUT', 'txn', operations)
    assert.is(status, 200, body)
  }
  try {
    await run({ prefix, store, agentOf, thief })
  } finally {
    for (const one of stores) await one.close()
  }
}

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    lab = await startAclLab()
  })
  test.after(() => lab.cluster.stop())

  test('an agent hears of its own node, and is heard by all', () =>
    withScene(async ({ store, agentOf }) => {
      const from = await commit(store, put('node/n1/instances/default/a', 'v1', 0), put('obj/other', 'x'))
      const agent = await agentOf('n1')
      const [all, own] = [follow(store, ['node/', 'obj/'], from), follow(agent, ['node/n1/'], from)]
      const listing = await agent.list(['node/n1/', 'obj/'])
      assert.equal(
        listing.entries.map(({ key }) => key),
        ['node/n1/instances/default/a'],
      )
      const said = await commit(agent, put(STATUS, 'Running', 0))
      assert.is((await store.list([''])).revision, said, 'it is the store’s revision')
      await commit(store, put('node/n1/instances/default/a', 'v2'), put('obj/other', 'y'))
      const done = await commit(agent, put(STATUS, 'Stopped', said))
      const values = (w: typeof all) => w.changes().map((one) => one.kind === 'put' && one.value)
      await all.until('everything', (w) => w.changes().at(-1)?.revision === done)
      assert.equal(values(all), ['Running', 'v2', 'y', 'Stopped'])
      await own.until('its own', (w) => w.changes().at(-1)?.revision === done)
      assert.equal(values(own), ['Running', 'v2', 'Stopped'])
      // taken up again anywhere
      for (const [at, batch] of all.batches.entries()) {
        const again = follow(store, ['node/', 'obj/'], batch.revision)
        const rest = all.batches.slice(at + 1).flatMap((one) => (one.kind === 'changes' ? one.changes : []))
        await again.until('the rest', (w) => w.changes().length >= rest.length)
        assert.equal(
          again.changes().map(({ key }) => key),
          rest.map(({ key }) => key),
        )
        await again.stop()
      }
      await Promise.all([all.stop(), own.stop()])
    }))

  test('more commits of an agent than its log holds are all seen', () =>
    withScene(async ({ store, agentOf }) => {
      const from = await commit(store, put('obj/a', ''))
      const agent = await agentOf('n1')
      for (let n = 0; n < 70; n++) await commit(agent, put(`node/n1/status/x/default/${n}`, 'x', 0))
      const late = follow(store, ['node/'], from)
      await late.until('all of them', (w) => w.changes().length >= 70)
      assert.is(new Set(late.changes().map(({ key }) => key)).size, 70)
      assert.is(late.batches.filter(({ kind }) => kind === 'relist').length, 0)
      await late.stop()
    }))

  test('an agent holds a lease of its node', () =>
    withScene(async ({ agentOf, store }) => {
      const agent = await agentOf('n1')
      const take = () =>
        acquireLease(agent, {
          ...{ name: 'node/n1', ttlMs: 2_000, holder: thisProcess({}), clock: systemClock },
          isAlive: () => undefined,
          signal: AbortSignal.timeout(20_000),
        })
      const first = await take()
      const second = take()
      await commit(store, put('obj/a', '1'))
      await first.release()
      assert.is((await second).epoch, 2)
      await (await second).release()
    }))

  test('nothing of others is forged or hidden with a stolen token, and nobody has to start over', () =>
    withScene(async ({ prefix, store, agentOf, thief }) => {
      const from = await commit(
        store,
        put('obj/web', 'v1'),
        put('node/n2/status/x', 's'),
        put(STATUS, 'Running'),
      )
      const all = follow(store, ['node/', 'obj/', 'objstatus/', 'lease/'], from)
      const head = `${prefix}feed/head/node/n1`
      const log = (n: number) => `${prefix}feed/log/node/n1/${String(n % 64).padStart(6, '0')}`
      const lie = (n: number) =>
        encodeLog({
          n,
          id: 'x',
          put: ['obj/web', 'nonsense'],
          delete: ['obj/web', 'node/n2/status/x', 'lease/leader/epoch', 'node/n1/instances/default/a'],
        })
      await thief(set(log(1), lie(1)), set(head, '1'))
      // a log from after its head would come before what others did meanwhile
      await thief(set(head, '2'))
      await thief(set(log(2), lie(2)))
      // heads that say nothing, that go back, that jump ahead, and that vanish
      for (const text of ['', 'NaN', '-5', '0', '999999999', '1e99', '{}']) await thief(set(head, text))
      await thief({ KV: { Verb: 'delete', Key: head } })
      await thief(set(log(3), '{"n":3'), set(head, '3'))
      const truth = await commit(store, put('obj/web', 'v2'))
      await all.until('what was really done', (w) => w.changes().at(-1)?.revision === truth)
      assert.equal(
        all
          .changes()
          .map((one) => [one.kind, one.key])
          .filter(([, key]) => key !== STATUS),
        [['put', 'obj/web']],
      )
      assert.is(all.batches.filter(({ kind }) => kind === 'relist').length, 0, 'nobody starts over')
      const revisions = all.batches.map(({ revision }) => revision)
      assert.equal(
        revisions,
        [...revisions].sort((a, b) => a - b),
      )
      // the node's own agent goes on from whatever is there, and others are committed beside it
      const agent = await agentOf('n1')
      const [last] = await Promise.all([
        commit(agent, put(STATUS, 'Stopped')),
        commit(store, put('obj/web', 'v3')),
      ])
      await all.until('both', (w) =>
        w.changes().some(({ key, revision }) => key === STATUS && revision === last),
      )
      await all.until('and the other', (w) => w.changes().filter(({ key }) => key === 'obj/web').length === 2)
      await all.stop()
    }))

  test('who writes a node’s scope or status over and over keeps nobody from committing', () =>
    withScene(async ({ prefix, store, thief }) => {
      await commit(store, put('node/n1/instances/default/a', 'v0'), put(STATUS, 'x'))
      let isOver = false
      let writes = 0
      const flood = async (...keys: readonly string[]) => {
        while (!isOver) {
          await thief(...keys.map((key) => set(key, `${Math.random()}`)))
          writes++
        }
      }
      const flooding = [1, 2, 3].map(() => flood(`${prefix}feed/scope/n1`, `${prefix}data/${STATUS}`))
      const tookMs: number[] = []
      for (let n = 1; n <= 20; n++) {
        const began = performance.now()
        // an Instance goes with its status whatever that is, beside what is somebody else's
        await Promise.all([
          commit(store, put('node/n1/instances/default/a', `v${n}`), remove(STATUS)).catch(() => 0),
          commit(store, put('obj/web', `v${n}`)).then(() => tookMs.push(performance.now() - began)),
          commit(store, put('node/n1/instances/default/b', `v${n}`)).then(() =>
            tookMs.push(performance.now() - began),
          ),
        ])
      }
      isOver = true
      await Promise.all(flooding)
      assert.is(tookMs.length, 40)
      const worst = Math.max(...tookMs)
      assert.ok(worst < 2_000, `${Math.round(worst)} ms beside ${writes} writes`)
      assert.is((await store.get('node/n1/instances/default/b'))?.value, 'v20')
    }))
}

test.run()
