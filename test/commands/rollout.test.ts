import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../src/core/json.ts'
import type { Service } from '../../src/resources/generated/types.ts'
import { openShop, rolledOut, type Shop, service } from './shop.ts'

const NOBODY = 'nobody is acting on this: start it with nsctl up\n'

/** web with r1 (96Mi) and r2 (128Mi). */
async function shopWithTwoRevisions(): Promise<Shop> {
  const shop = await openShop()
  for (const memory of ['96Mi', '128Mi'])
    await shop.apply(
      service('web', { template: { source: { command: ['/bin/true'] }, resources: { memory } } }),
    )
  return shop
}

for (const argv of [
  ['rollback', 'service/web'],
  ['rollback', 'service', 'web'],
  ['rollback', 'svc/web', '--to-revision', 'r1'],
  ['rollback', 'svc/web', '--to-revision=1'],
  ['rollout', 'undo', 'service/web'],
  ['rollout', 'undo', 'service/web', '--to-revision', '0'],
])
  test(`nsctl ${argv.join(' ')}`, async () => {
    const shop = await shopWithTwoRevisions()
    const ran = await shop.run(argv)
    assert.equal(ran, {
      code: 0,
      stdout: 'service/web rolled back: r3 = r1 (memory 128Mi → 96Mi, source unchanged)\n',
      stderr: NOBODY,
    })
    const history = await shop.api.history({ kind: 'Service', namespace: 'default', name: 'web' })
    assert.equal(
      history.map(({ revision, by }) => [revision, by]),
      [
        [3, 'ada'],
        [2, 'ada'],
        [1, 'ada'],
      ],
    )
  })

test('rollback --dry-run writes nothing', async () => {
  const shop = await shopWithTwoRevisions()
  const ran = await shop.run(['rollback', 'svc/web', '--dry-run'])
  assert.is(
    ran.stdout,
    'service/web rolled back: r3 = r1 (memory 128Mi → 96Mi, source unchanged) (dry run)\n',
  )
  assert.is((await shop.api.history({ kind: 'Service', namespace: 'default', name: 'web' })).length, 2)
})

test('rollback --wait shows how far it is, and ends when it is done', async () => {
  const shop = await shopWithTwoRevisions()
  shop.setDaemon({ running: true })
  const web0 = await shop.addInstance('web', 0, 'aaaaa')
  const ran = await shop.run(['rollback', 'svc/web', '--wait'], {
    onOutput(stdout) {
      if (!stdout.includes('rolled back') || stdout.includes('rolled out')) return
      const pause = () => new Promise((resolve) => setTimeout(resolve, 50))
      void pause()
        .then(() =>
          shop.setStatus('Service', 'web', {
            observedGeneration: 3,
            replicas: 2,
            updatedReplicas: 1,
            currentHash: 'h3kq9x2mzc',
            conditions: [{ type: 'Progressing', status: 'True', reason: 'RollingOut' }],
          }),
        )
        .then(pause)
        .then(() => shop.setStatus('Service', 'web', rolledOut(3)))
    },
  })
  assert.is(ran.code, 0)
  assert.match(ran.stdout, /rolled back: r3 = r1 .*\nservice "web" successfully rolled out\n$/)
  assert.match(ran.stderr, /waiting for 2 instances: 0\/2\n(.*\n)*waiting for 2 instances: 1\/2\n/)
  assert.ok(web0)
})

test('rollback --wait of what fails exits 1 and says why', async () => {
  const shop = await shopWithTwoRevisions()
  shop.setDaemon({ running: true })
  await shop.setStatus(
    'Service',
    'web',
    rolledOut(3, {
      conditions: [
        {
          type: 'Degraded',
          status: 'True',
          reason: 'RolledBack',
          message: 'web-0 was not ready',
          lastTransitionTime: '2026-01-31T12:00:00Z',
        },
      ],
    }),
  )
  const ran = await shop.run(['rollback', 'svc/web', '--wait'])
  assert.is(ran.code, 1, ran.stderr)
  assert.match(ran.stderr, /error: service "web" was rolled back by itself: web-0 was not ready\n/)
})

test('rollout status holds until a daemon that has just started has looked', async () => {
  const shop = await shopWithTwoRevisions()
  shop.setDaemon({ running: true, catchingUp: true })
  await shop.setStatus('Service', 'web', rolledOut(2))
  const waiting = shop.run(['rollout', 'status', 'svc/web', '--timeout=10s'])
  const early = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))])
  assert.is(early, 'waits')
  shop.setDaemon({ running: true })
  assert.is((await waiting).stdout, 'service "web" successfully rolled out\n')
})

for (const c of [
  { argv: ['rollback'], code: 2, stderr: /no resource type was named/ },
  { argv: ['rollback', 'svc'], code: 2, stderr: /nothing was named to roll back/ },
  { argv: ['rollback', 'svc/web', '--to-revision', 'x'], code: 2, stderr: /not a revision: "x"/ },
  { argv: ['rollback', 'svc/web', '--to-revision', '9'], code: 1, stderr: /no revision r9\n.*r1, r2/ },
  { argv: ['rollback', 'svc/nope'], code: 1, stderr: /service\/nope/ },
  { argv: ['rollback', 'svc/web', '-o', 'xml'], code: 2, stderr: /unknown output format "xml"/ },
  { argv: ['rollback', 'svc/web', '--timeout', '5'], code: 2, stderr: /not a duration: "5"/ },
  { argv: ['rollback', 'nod/web'], code: 2, stderr: /no resource type "nod"/ },
  { argv: ['history', 'svc/web', '--revision', '7'], code: 1, stderr: /has no revision r7\nit has r2, r1/ },
  { argv: ['history', 'ns/default'], code: 2, stderr: /a namespace keeps no revisions/ },
  { argv: ['history', 'svc/web', '-o', 'wide'], code: 2, stderr: /unknown output format: wide/ },
  { argv: ['rollout', 'status', 'ns/default'], code: 2, stderr: /only services have/ },
  { argv: ['rollout', 'restart', 'svc'], code: 2, stderr: /no service was named/ },
  {
    argv: ['rollout', 'status', 'svc/web'],
    code: 1,
    stderr: /nobody is acting on service\/web/,
    stdout: 'Waiting for service spec update to be observed...\n',
  },
  {
    argv: ['rollout', 'status', 'svc/web', '--revision', '1'],
    code: 1,
    stderr: /the wanted revision is r2, not r1/,
  },
])
  test(`nsctl ${c.argv.join(' ')} is refused`, async () => {
    const shop = await shopWithTwoRevisions()
    const ran = await shop.run(c.argv)
    assert.is(ran.code, c.code, ran.stderr)
    assert.match(ran.stderr, c.stderr)
    assert.is(ran.stdout, c.stdout ?? '')
  })

for (const verb of [['history'], ['rollout', 'history']])
  test(`nsctl ${verb.join(' ')} lists revisions, the newest first`, async () => {
    const shop = await shopWithTwoRevisions()
    const { stdout } = await shop.run([...verb, 'svc/web'])
    assert.match(
      stdout,
      /^REVISION +AGE +BY +FROM +CAUSE +CHANGES\nr2 .* ada .* file test\.yaml .* memory 96Mi → 128Mi +current\nr1 .* created\n$/,
    )
  })

test('history --revision shows one in full, -o json all as data', async () => {
  const shop = await shopWithTwoRevisions()
  const one = await shop.run(['history', 'svc/web', '--revision', '1'])
  assert.match(one.stdout, /^service\/web r1, applied .* ago by ada from file test\.yaml/)
  assert.match(one.stdout, /\n {6}memory: 96Mi\n/)
  const all = JSON.parse((await shop.run(['history', 'svc/web', '-o', 'json'])).stdout)
  assert.is(all.kind, 'RevisionList')
  assert.equal(
    all.items.map((item: { revision: number }) => item.revision),
    [2, 1],
  )
  const yaml = await shop.run(['history', 'svc/web', '--revision', '2', '-o', 'yaml'])
  assert.match(yaml.stdout, /revision: 2\n/)
})

test('rollout restart is a revision that replaces every instance', async () => {
  const shop = await shopWithTwoRevisions()
  assert.equal(await shop.run(['rollout', 'restart', 'svc/web']), {
    code: 0,
    stdout: 'service/web restarted\n',
    stderr: NOBODY,
  })
  const [latest] = await shop.api.history({ kind: 'Service', namespace: 'default', name: 'web' })
  assert.is(latest?.revision, 3)
  assert.equal(latest?.changes[0]?.path, ['spec', 'template', 'restartedAt'])
  assert.is((await shop.run(['rollout', 'restart', 'svc/web', '-o', 'name'])).stdout, 'service/web\n')
})

test('rollout pause and resume are no revisions, and going back to one changes neither', async () => {
  const shop = await shopWithTwoRevisions()
  const ref = { kind: 'Service', namespace: 'default', name: 'web' }
  const said = async (...argv: string[]) => (await shop.run(argv)).stdout
  assert.is(await said('rollout', 'pause', 'svc/web'), 'service/web paused\n')
  assert.is(await said('rollout', 'pause', 'svc/web'), 'service/web unchanged (paused already)\n')
  assert.is(await said('rollout', 'pause', 'svc/web', '-o', 'name'), 'service/web\n')
  const isPaused = async () => (await shop.api.get<Service>(ref))?.spec.update.paused
  assert.is(await isPaused(), true)
  assert.match(await said('describe', 'svc/web'), /\nUpdate +Rolling, .*, PAUSED\n/)
  const undone = 'service/web rolled back: r3 = r1 (memory 128Mi → 96Mi, source unchanged)\n'
  assert.is(await said('rollout', 'undo', 'svc/web'), undone)
  assert.is(await isPaused(), true)
  assert.is(await said('rollout', 'resume', 'svc/web'), 'service/web resumed\n')
  assert.is(await said('rollout', 'resume', 'svc/web'), 'service/web unchanged (not paused)\n')
  assert.is(await isPaused(), undefined)
  assert.match(await said('rollout', 'undo', 'svc/web'), /^service\/web rolled back: r4 = r2 /)
})

async function shopWithRollout(
  update: JsonObject,
  rollout: JsonObject,
  status: JsonObject = {},
): Promise<Shop> {
  const shop = await openShop()
  await shop.apply(service('web', { update, template: { source: { command: ['/bin/true'] } } }))
  const stable = { stableHash: 'aaaa', currentHash: 'bbbb', observedGeneration: 1 }
  await shop.setStatus('Service', 'web', {
    ...stable,
    rollout: { hash: 'bbbb', revision: 1, ...rollout },
    ...status,
  })
  return shop
}

const canary = {
  strategy: 'Canary',
  canary: { steps: [{ setWeight: 25 }, { pause: {} }, { setWeight: 50 }] },
}
const paused = { step: 1, stepCount: 3, text: 'step 2 of 3: waits for nsctl rollout promote' }

async function annotationsOf(shop: Shop) {
  return (await shop.api.get({ kind: 'Service', namespace: 'default', name: 'web' }))?.metadata.annotations
}

test('rollout promote and abort order it of the rollout that is there', async () => {
  const shop = await shopWithRollout(canary, paused)
  const said = async (...argv: string[]) => (await shop.run(['rollout', ...argv])).stdout
  assert.is(await said('promote', 'svc/web'), 'service/web promoted\n')
  assert.is(await said('promote', 'svc/web'), 'service/web unchanged (promoted already)\n')
  assert.equal(await annotationsOf(shop), { 'nsctl.dev/rollout-promote': 'bbbb r1 1' })
  assert.is(await said('promote', 'svc/web', '--full'), 'service/web promoted\n')
  assert.is(await said('abort', 'svc/web'), 'service/web aborted\n')
  assert.equal(await annotationsOf(shop), {
    'nsctl.dev/rollout-promote': 'bbbb r1 full',
    'nsctl.dev/rollout-abort': 'bbbb r1',
  })
  assert.is((await shop.run(['history', 'svc/web'])).stdout.split('\n').length, 3, 'no order is a revision')
})

for (const c of [
  {
    name: 'a weight',
    verb: 'promote',
    update: canary,
    rollout: { step: 0, text: 'step 1 of 3: weight 25 %' },
    status: {},
    says: /waits for instances \(step 1 of 3: weight 25 %\)/,
  },
  { name: 'what has no steps', verb: 'promote', update: {}, rollout: {}, status: {}, says: /has no steps/ },
  {
    name: 'what is paused',
    verb: 'promote',
    update: { ...canary, paused: true },
    rollout: paused,
    status: {},
    says: /is paused/,
  },
  {
    name: 'what has not been seen',
    verb: 'abort',
    update: canary,
    rollout: paused,
    status: { observedGeneration: 0 },
    says: /has not been seen yet/,
  },
  {
    name: 'what is over',
    verb: 'abort',
    update: canary,
    rollout: {},
    status: { rollout: null },
    says: /nothing is being rolled out/,
  },
  {
    name: 'a first template',
    verb: 'abort',
    update: canary,
    rollout: {},
    status: { stableHash: null },
    says: /nothing to go back to/,
  },
])
  test(`rollout ${c.verb} refuses ${c.name}`, async () => {
    const shop = await shopWithRollout(c.update, c.rollout, c.status)
    const { code, stderr } = await shop.run(['rollout', c.verb, 'svc/web'])
    assert.is(code, 1, stderr)
    assert.match(stderr, c.says)
    assert.is(await annotationsOf(shop), undefined)
  })

test('describe shows the steps of a rollout in 80 columns', async () => {
  const traffic = [
    { hash: 'aaaa', weight: 75 },
    { hash: 'bbbb', weight: 25 },
  ]
  const shop = await shopWithRollout(canary, { ...paused, stepSince: new Date().toISOString() }, { traffic })
  const { stdout } = await shop.run(['describe', 'svc/web'])
  assert.match(stdout, /\nUpdate +Canary, 3 steps, /)
  assert.match(stdout, /\nRollout +step 2 of 3: waits for nsctl rollout promote, since 0s\n/)
  assert.match(stdout, /\n +done {2}setWeight 25\n +now {3}pause\n +setWeight 50\n/)
  assert.match(stdout, /\nTraffic +75 % to the old ones \(aaaa\), 25 % to the new ones \(bbbb\)\n/)
})

test('rollout status waits for what is paused, and says so', async () => {
  const shop = await shopWithTwoRevisions()
  const conditions = [
    { type: 'Progressing', status: 'Unknown', reason: 'Paused', message: 'paused, 0 of 1 have r2' },
  ]
  await shop.setStatus('Service', 'web', { observedGeneration: 2, conditions })
  const { code, stdout } = await shop.run(['rollout', 'status', 'svc/web', '--watch=false'])
  assert.is(code, 0)
  assert.is(stdout, 'Waiting for service "web" rollout to finish: paused, 0 of 1 have r2\n')
})

test('rollout status tells each step once and ends with the last', async () => {
  const shop = await shopWithTwoRevisions()
  shop.setDaemon({ running: true })
  const steps = [
    {
      observedGeneration: 2,
      replicas: 3,
      updatedReplicas: 1,
      conditions: [{ type: 'Progressing', status: 'True' }],
    },
    {
      observedGeneration: 2,
      replicas: 3,
      updatedReplicas: 2,
      conditions: [{ type: 'Progressing', status: 'True' }],
    },
    rolledOut(2),
  ]
  const ran = await shop.run(['rollout', 'status', 'svc/web'], {
    onOutput() {
      const next = steps.shift()
      if (next !== undefined) void shop.setStatus('Service', 'web', next)
    },
  })
  assert.equal(ran, {
    code: 0,
    stdout: [
      'Waiting for service spec update to be observed...',
      'Waiting for service "web" rollout to finish: 1 out of 2 new replicas have been updated...',
      'Waiting for service "web" rollout to finish: 1 old replicas are pending termination...',
      'service "web" successfully rolled out',
      '',
    ].join('\n'),
    stderr: '',
  })
})

test('rollout status gives up after its time, and says what it saw', async () => {
  const shop = await shopWithTwoRevisions()
  shop.setDaemon({ running: true })
  const ran = await shop.run(['rollout', 'status', 'svc/web', '--timeout', '50ms'])
  assert.is(ran.code, 1)
  assert.match(ran.stderr, /was not rolled out within 0s: Waiting for service spec update/)
})

test('rollout status --watch=false looks once, even where nobody acts', async () => {
  const shop = await shopWithTwoRevisions()
  const ran = await shop.run(['rollout', 'status', 'svc/web', '--watch=false'])
  assert.is(ran.code, 0)
  assert.is(ran.stdout, 'Waiting for service spec update to be observed...\n')
  assert.match(ran.stderr, /status is stale/)
})

test('rollout status ends when the service goes away', async () => {
  const shop = await shopWithTwoRevisions()
  shop.setDaemon({ running: true })
  const ran = await shop.run(['rollout', 'status', 'svc/web'], {
    onOutput: () => {
      void (async () => {
        const ref = { kind: 'Service', namespace: 'default', name: 'web' }
        await shop.api.delete(ref, { actor: { name: 'ada' }, cascade: 'orphan' })
        for (const finalizer of (await shop.api.get(ref))?.metadata.finalizers ?? [])
          await shop.api.removeFinalizer(ref, finalizer)
      })()
    },
  })
  assert.is(ran.code, 1)
  assert.match(ran.stderr, /service\/web not found/)
})

test('Ctrl-C ends a wait with 130', async () => {
  const shop = await shopWithTwoRevisions()
  shop.setDaemon({ running: true })
  const stop = new AbortController()
  const ran = await shop.run(['rollout', 'status', 'svc/web'], {
    signal: stop.signal,
    onOutput: () => stop.abort(),
  })
  assert.is(ran.code, 130)
})

test.run()
