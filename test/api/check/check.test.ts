/** The check of a store: silent on whatever nsctl itself has written, and every planted fault is found under its key. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ResourceApi } from '../../../src/api/api.ts'
import { checkEntries } from '../../../src/api/check/check.ts'
import type { Finding } from '../../../src/api/check/finding.ts'
import { repairFindings } from '../../../src/api/check/repair.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { IMPORT_KEY } from '../../../src/store/snapshot.ts'
import type { Operation, Store } from '../../../src/store/store.ts'
import {
  actor,
  instance,
  manifest,
  openBench,
  options,
  STORES,
  service,
  widget,
  widgetDefinition,
} from '../support.ts'

const kinds = createKindRegistry()
const web = { kind: 'Service', namespace: 'default', name: 'web' }

async function findingsOf(store: Store): Promise<readonly Finding[]> {
  return checkEntries((await store.list([''])).entries, kinds)
}

/** A bit of everything: revisions with and without their spec, placed objects, a user's kind, events, an applied manifest. */
async function fill(api: ResourceApi): Promise<void> {
  await api.ensure(manifest('Node', { name: 'alpha' }, { spec: {} }).object)
  await api.apply([service('web'), service('mail'), widgetDefinition()], options)
  await api.apply([widget('one', { size: 3 })], options)
  await api.apply([service('web', { replicas: 3 })], options)
  await api.scale(web, 5, options)
  await api.apply([service('web', { replicas: 2, template: { source: { command: ['false'] } } })], options)
  await api.rollback(web, options)
  const { metadata } = (await api.get(web))!
  const owner = { apiVersion: 'nsctl.dev/v1alpha1', kind: 'Service', name: 'web', uid: metadata.uid! }
  await api.createOwned([
    instance('web-0-aaaaa', 'alpha', { ownerReferences: [owner] }),
    instance('web-1-bbbbb', 'alpha', { ownerReferences: [owner] }),
  ])
  await api.updateStatus(
    { kind: 'Instance', namespace: 'default', name: 'web-0-aaaaa' },
    { phase: 'Running' },
  )
  await api.updateStatus(web, { readyReplicas: 1 })
  await api.recordEvent({ about: web, type: 'Normal', reason: 'Started', message: 'x', source: 'test' })
  await api.flush()
}

for (const { name, use } of STORES)
  test(`${name}: what nsctl has written has no findings`, () =>
    use(async (store) => {
      const { api } = await openBench(store)
      assert.equal(await findingsOf(store), [])
      await fill(api)
      assert.equal(await findingsOf(store), [])
      await api.delete(web, { actor })
      assert.equal(await findingsOf(store), [])
    }))

test('whatever is done through the api leaves nothing to find', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ what: fc.constantFrom('apply', 'scale', 'roll back', 'delete', 'status'), n: fc.nat(4) }),
        {
          maxLength: 25,
        },
      ),
      async (steps) => {
        const { api, store } = await openBench()
        for (const { what, n } of steps) {
          const ref = { ...web, name: `web-${n % 2}` }
          const template = { source: { command: [`v${n}`] } }
          if (what === 'apply')
            await api.apply([service(ref.name, { replicas: n, template, revisionHistoryLimit: 2 })], options)
          else if ((await api.get(ref)) === undefined) continue
          else if (what === 'scale') await api.scale(ref, n, options)
          else if (what === 'status') await api.updateStatus(ref, { stableRevision: 1 })
          else if (what === 'delete') {
            await api.delete(ref, { actor })
            await api.removeFinalizer(ref, 'nsctl.dev/children')
          } else if ((await api.history(ref)).length > 1) await api.rollback(ref, options)
        }
        assert.equal(await findingsOf(store), [])
      },
    ),
    { numRuns: 60 },
  ))

const put = (key: string, value: string): Operation => ({ kind: 'put', key, value })
const remove = (key: string): Operation => ({ kind: 'delete', key })
const REV = 'rev/nsctl.dev/services/default'

interface Fault {
  readonly name: string
  readonly plant: Operation | ((store: Store) => Promise<Operation>)
  /** Of each finding, in order of keys. */
  readonly found: readonly (readonly [key: string, problem: RegExp])[]
  readonly repairable?: boolean
}

const change = (key: string, edit: (text: string) => string) => async (store: Store) =>
  put(key, edit((await store.get(key))!.value))
const INSTANCE = 'node/alpha/instances/default/web-0-aaaaa'
const WEB = 'obj/nsctl.dev/services/default/web'

const FAULTS: readonly Fault[] = [
  {
    name: 'text that is not JSON',
    plant: put('obj/nsctl.dev/services/default/x', '{'),
    found: [['obj/nsctl.dev/services/default/x', /^it is not JSON$/]],
  },
  {
    name: 'JSON that is no object',
    plant: put('obj/nsctl.dev/services/default/x', '[]'),
    found: [['obj/nsctl.dev/services/default/x', /no object/]],
  },
  {
    name: 'an object under another name',
    plant: async (store) => put('obj/nsctl.dev/services/default/x', (await store.get(WEB))!.value),
    found: [['obj/nsctl.dev/services/default/x', /called web/]],
  },
  {
    name: 'keys of another program',
    plant: put('vault/secret', 'x'),
    found: [['vault/secret', /no key of nsctl/]],
  },
  {
    name: 'a key with too many steps',
    plant: put(`${WEB}/more/of/it`, '{}'),
    found: [[`${WEB}/more/of/it`, /no key of nsctl/]],
  },
  {
    name: 'an audit record without a time',
    plant: put('audit/yesterday', '{}'),
    found: [['audit/yesterday', /no key of nsctl/]],
  },
  {
    name: 'revisions of nothing',
    plant: put(`${REV}/gone/00000001`, '{"revision":1,"spec":{}}'),
    found: [[`${REV}/gone/00000001`, /revision of an object that is not there/]],
    repairable: true,
  },
  {
    name: 'a spec without its revision',
    plant: put(`${REV}/web/00000077/spec`, '{}'),
    found: [[`${REV}/web/00000077/spec`, /revision that is not there/]],
    repairable: true,
  },
  {
    name: 'a manifest of nothing',
    plant: put('applied/nsctl.dev/services/default/gone', '{}'),
    found: [['applied/nsctl.dev/services/default/gone', /last manifest of an object/]],
    repairable: true,
  },
  {
    name: 'a status without its spec',
    plant: put('node/alpha/status/instances/default/gone', '{}'),
    found: [['node/alpha/status/instances/default/gone', /status of an object that is not there/]],
    repairable: true,
  },
  {
    name: 'a placement of nothing',
    plant: put('at/instances/default/gone', 'alpha'),
    found: [['at/instances/default/gone', /leads to an object on node alpha/]],
    repairable: true,
  },
  {
    name: 'an instance without placement',
    plant: remove('at/instances/default/web-0-aaaaa'),
    found: [[INSTANCE, /nothing leads to it/]],
    repairable: true,
  },
  {
    name: 'a placement that leads elsewhere',
    plant: put('at/instances/default/web-0-aaaaa', 'beta'),
    found: [
      ['at/instances/default/web-0-aaaaa', /node beta that is not there/],
      [INSTANCE, /leads to node beta/],
    ],
  },
  {
    name: 'a node that is gone',
    plant: remove('obj/nsctl.dev/nodes/_/alpha'),
    found: [
      [INSTANCE, /its node alpha is not there/],
      ['node/alpha/instances/default/web-1-bbbbb', /its node alpha/],
    ],
  },
  {
    name: 'a dangling owner',
    plant: change(INSTANCE, (text) => text.replaceAll(/"uid":"[^"]+"(?=\}\])/g, '"uid":"gone"')),
    found: [[INSTANCE, /its owner service\/web \(gone\) is not there/]],
  },
  {
    name: 'a revision whose spec is nowhere',
    plant: remove(`${REV}/web/00000001/spec`),
    found: [[`${REV}/web/00000001`, /spec of this revision is nowhere/]],
  },
  {
    name: 'a present revision that was never recorded',
    plant: change(WEB, (text) => text.replace(/"revision":\d+/, '"revision":9')),
    found: [[WEB, /at revision r9, and the newest that is recorded is r4/]],
  },
  {
    name: 'a kind that is gone',
    plant: remove('obj/nsctl.dev/customresourcedefinitions/_/widgets.example.org'),
    found: [
      ['obj/example.org/widgets/default/one', /Widget of example.org\/v1, is not defined/],
      ['rev/nsctl.dev/customresourcedefinitions/_/widgets.example.org/00000001', /revision of an object/],
    ],
  },
  {
    name: 'an object of a version that is gone',
    plant: change('obj/nsctl.dev/customresourcedefinitions/_/widgets.example.org', (text) =>
      text.replace('"name":"v1"', '"name":"v2"'),
    ),
    found: [
      ['obj/example.org/widgets/default/one', /stored as example.org\/v1, and its definition has v2 only/],
    ],
  },
  {
    name: 'an import that was cut off',
    plant: put(IMPORT_KEY, '{"from":"a.export","since":"2026-11-20T18:00:00.000Z","backup":"b.export"}'),
    found: [[IMPORT_KEY, /the import of a.export, begun at 2026-11-20T18:00:00.000Z, was cut off/]],
  },
]

for (const { name, plant, found, repairable = false } of FAULTS)
  test(`finds ${name}`, async () => {
    const { api, store } = await openBench()
    await fill(api)
    await store.commit([[typeof plant === 'function' ? await plant(store) : plant]])
    const findings = await findingsOf(store)
    assert.equal(
      findings.map(({ key }) => key),
      found.map(([key]) => key),
      JSON.stringify(findings),
    )
    for (const [at, finding] of findings.entries()) {
      assert.match(finding.problem, found[at]![1])
      assert.ok(finding.remedy.length > 10)
    }
    assert.is(
      findings.every(({ repair }) => repair !== undefined),
      repairable,
    )
    if (!repairable) return
    const { repaired, left } = await repairFindings(store, findings)
    assert.equal([repaired.length, left], [findings.length, []])
    assert.equal(await findingsOf(store), [])
  })

test('nothing is repaired once the store has moved on', async () => {
  const { api, store } = await openBench()
  await fill(api)
  await store.commit([
    [put(`${REV}/late/00000001`, '{"revision":1,"spec":{}}'), put('at/instances/default/late', 'alpha')],
  ])
  const findings = await findingsOf(store)
  assert.is(findings.length, 2)
  await api.apply([service('late')], options)
  await api.createOwned([instance('other')])
  await store.commit([[put('at/instances/default/late', 'beta')]])
  const before = await store.list([''])
  const { repaired, left } = await repairFindings(store, findings)
  assert.equal([repaired, left.length], [[], 2])
  assert.equal(await store.list(['']), before)
})

test.run()
