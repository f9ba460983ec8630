import { test } from 'uvu'
import * as assert from 'uvu/assert'
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
