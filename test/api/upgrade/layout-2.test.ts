/** From layout 1.0 to 2.0, on what the nsctl of then has really written. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkEntries } from '../../../src/api/check/check.ts'
import { STORE_LAYOUT } from '../../../src/api/keys.ts'
import { openApi } from '../../../src/api/open.ts'
import { LAYOUT_STEPS, stepsFrom, walk } from '../../../src/api/upgrade/chain.ts'
import { toLayout2 } from '../../../src/api/upgrade/layout-2.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { randomIds } from '../../../src/core/ids.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import { differingKeys, takeSnapshot } from '../../../src/store/snapshot.ts'
import type { Entry, Store } from '../../../src/store/store.ts'
import { downgrade, fillWith, formerEntries } from '../../store/previous-format.ts'

const kinds = createKindRegistry()
const plan = (entries: readonly Entry[]) => toLayout2.plan?.(entries, kinds) ?? []
const upgraded = (entries: readonly Entry[]) => walk([toLayout2], entries, kinds)[0]?.entries ?? []

async function storeOf(entries: readonly Entry[]): Promise<Store> {
  const store = createMemoryStore()
  await fillWith(store, entries)
  return store
}

const apiOver = (store: Store) => openApi({ store, clock: systemClock, ids: randomIds })

/** What was applied when the fixture was made. */
const service = (name: string, template: object, more: object = {}, metadata: object = {}) => ({
  object: {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name, ...metadata },
    spec: { ...more, template },
  } as never,
  source: 'shop.yaml',
})
const command = (...words: readonly string[]) => ({ command: words, workingDir: '/srv/shop' })
const MANIFESTS = [
  service('mail', { source: command('node', 'mail.js', '--fast') }),
  service(
    'web',
    { source: command('node', 'server.js'), ports: [{ name: 'http' }] },
    { replicas: 2 },
    { namespace: 'shop', labels: { app: 'web' } },
  ),
]

test('the chain has no gaps and ends at the present layout', () => {
  for (const [at, step] of LAYOUT_STEPS.entries())
    assert.equal(step.to, LAYOUT_STEPS[at + 1]?.from ?? STORE_LAYOUT)
  assert.is(stepsFrom(STORE_LAYOUT, LAYOUT_STEPS).length, 0)
})

test('audit records name a list, and manifests that tell nothing new go', () => {
  const before = formerEntries('1.0')
  const after = upgraded(before)
  const audit = after.filter(({ key }) => key.startsWith('audit/')).map(({ value }) => JSON.parse(value))
  assert.is(audit.length, 7)
  assert.equal(audit[1], {
    at: '2026-11-20T19:51:52.299Z',
    by: 'ada',
    from: 'file shop.yaml',
    verb: 'apply',
    objects: [{ kind: 'Service', namespace: 'shop', name: 'web', revision: 1 }],
  })
  // cron was scaled and web labeled since: their manifests say something else than they do
  assert.equal(
    after.map(({ key }) => key).filter((key) => key.startsWith('applied/')),
    ['applied/nsctl.dev/services/default/cron', 'applied/nsctl.dev/services/shop/web'],
  )
  const mail = after.find(({ key }) => key.endsWith('services/default/mail') && key.startsWith('obj/'))
  assert.is(
    JSON.parse(mail?.value ?? '')['nsctl.dev/defaulted'],
    'spec{replicas,template{stop,network,}update,revisionHistoryLimit,}',
  )
  assert.equal(checkEntries(after, kinds), [])
})

test('the way back gives what was there, to the letter', async () => {
  const store = await storeOf(upgraded(formerEntries('1.0')))
  await downgrade(store, '1.0')
  assert.equal(differingKeys(formerEntries('1.0'), (await takeSnapshot(store)).entries), [])
})

test('what was done is found done, wherever it was cut off', () => {
  const before = formerEntries('1.0')
  const transactions = plan(before)
  assert.is(transactions.length, 9)
  const whole = upgraded(before)
  for (let cut = 0; cut <= transactions.length; cut++) {
    const step = { ...toLayout2, plan: () => transactions.slice(0, cut) }
    const half = walk([step], before, kinds)[0]?.entries ?? []
    assert.is(plan(half).length, transactions.length - cut)
    assert.equal(differingKeys(upgraded(half), whole), [], `cut off after ${cut}`)
  }
})

test('history, audit and the next apply are what they were', async () => {
  const [former, present] = [
    await storeOf(formerEntries('1.0')),
    await storeOf(upgraded(formerEntries('1.0'))),
  ]
  const [before, after] = [await apiOver(former), await apiOver(present)]
  for (const name of ['mail', 'cron']) {
    const ref = { kind: 'Service', namespace: 'default', name }
    assert.equal(await after.history(ref), await before.history(ref))
  }
  const facts = (records: Awaited<ReturnType<typeof after.audit>>) =>
    records.map(({ verb, object, revision }) => `${verb} ${object.name} ${revision}`).sort()
  assert.equal(facts(await after.audit()), facts(await before.audit()))
  const { results } = await after.apply(MANIFESTS, { actor: { name: 'ada' } })
  assert.equal(
    results.map(({ verdict }) => verdict),
    ['unchanged', 'unchanged'],
  )
  const rolledBack = await after.rollback(
    { kind: 'Service', namespace: 'default', name: 'mail' },
    { actor: { name: 'ada' }, toRevision: 1 },
  )
  assert.is(rolledBack.verdict, 'rolled back')
  assert.equal(rolledBack.object.spec?.template, {
    source: command('node', 'mail.js'),
    stop: { signal: 'SIGTERM', gracePeriod: '10s' },
    network: 'host',
  })
  // a field that the manifest does not have any more goes, because the manifest is known still
  const web = service('web', { source: command('node', 'server.js') }, { replicas: 2 }, { namespace: 'shop' })
  const [changed] = (await after.apply([web], { actor: { name: 'ada' } })).results
  assert.equal(
    changed?.changes.map(({ path }) => path.join('.')),
    ['metadata.labels.app', 'metadata.labels.tier', 'spec.template.ports'],
  )
})

test('what is no manifest, no record and no object of ours stays as it is', () => {
  const odd: readonly Entry[] = [
    { key: 'applied/nsctl.dev/services/default/gone', revision: 1, value: '{"spec":{}}' },
    { key: 'applied/nsctl.dev/services/default/bad', revision: 1, value: '{' },
    { key: 'applied/nsctl.dev/services/default/worse', revision: 1, value: '{"spec":{}}' },
    { key: 'obj/nsctl.dev/services/default/worse', revision: 1, value: '[' },
    { key: 'applied/example.org/lions/default/leo', revision: 1, value: '{"spec":{}}' },
    {
      key: 'obj/example.org/lions/default/leo',
      revision: 1,
      value: '{"metadata":{"name":"leo"},"spec":{}}',
    },
    { key: 'audit/2026-11-20T19:51:52.299Z-x', revision: 1, value: 'no record' },
    { key: 'zoo/lion', revision: 1, value: 'x' },
  ]
  assert.equal(plan(odd), [])
})

test.run()
