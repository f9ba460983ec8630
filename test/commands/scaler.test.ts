/** `nsctl scaler …` and `describe scaler`, over a store in memory. */
process.env.TZ = 'UTC'

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { POLL_REQUESTED } from '../../src/resources/scaler-annotations.ts'
import type { Decision } from '../../src/scaling/decide.ts'
import { decision } from '../views/scaler-fixtures.ts'
import { openShop, type Shop } from './shop.ts'

const OBJECT = 'ScaledObject/default/web'
const actor = { name: 'ada' }

async function openScaled(): Promise<Shop> {
  const shop = await openShop()
  const apply = (object: object) => shop.api.apply([{ object } as never], { actor })
  await apply({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { template: { source: { command: ['sleep', '9'] } } },
  })
  await apply({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name: 'web' },
    spec: {
      scaleTargetRef: { name: 'web' },
      triggers: [
        {
          type: 'cron',
          metadata: { timezone: 'UTC', start: '0 8 * * *', end: '0 18 * * *', desiredReplicas: '3' },
        },
      ],
    },
  })
  return shop
}

/** @param uid of another of this name, where it is not of the present one */
async function decide(
  shop: Shop,
  secondsAgo: number,
  more: Partial<Decision>,
  uid?: string,
): Promise<Decision> {
  const atMs = Date.now() - secondsAgo * 1_000
  const made = { ...decision, at: new Date(atMs).toISOString(), ...more }
  const content = JSON.parse(JSON.stringify(made))
  const web = await shop.api.get({ kind: 'ScaledObject', namespace: 'default', name: 'web' })
  const subject = { object: OBJECT, uid: uid ?? web?.metadata.uid ?? '' }
  shop.history.append({ ...subject, kind: 'decision', atMs, content })
  shop.history.append({ ...subject, kind: 'latest', atMs, content })
  shop.history.append({
    ...subject,
    kind: 'sample',
    atMs,
    content: {
      replicas: made.from,
      desired: made.to,
      ready: made.from,
      active: true,
      demand: { orders: 1310 },
    },
  })
  return made
}

const annotations = async (shop: Shop) =>
  (await shop.api.get({ kind: 'ScaledObject', namespace: 'default', name: 'web' }))?.metadata.annotations ??
  {}

test('scaler history lists decisions, newest first, as many and as old as asked for', async () => {
  const shop = await openScaled()
  const none = await shop.run(['scaler', 'history', 'web'])
  assert.is(none.code, 0)
  assert.is(none.stderr, 'No decisions are known of scaledobject/web.\n')
  await decide(shop, 7_200, { from: 2, to: 4, because: 'long ago' })
  await decide(shop, 60, { from: 4, to: 7 })
  const all = await shop.run(['scaler', 'history', 'web'])
  assert.match(
    all.stdout,
    /^TIME \(UTC\) +CHANGE +ACTIVE +HELD BY +BECAUSE\n.*4 → 7 +yes +- +rabbitmq\/orders 1,310 ÷ 200\n.*2 → 4/,
  )
  assert.not.match((await shop.run(['scaler', 'history', 'web', '--since', '1h'])).stdout, /long ago/)
  assert.not.match((await shop.run(['scaler', 'history', 'web', '--limit', '1'])).stdout, /long ago/)
  const json = JSON.parse((await shop.run(['scaler', 'history', 'web', '-o', 'json'])).stdout)
  assert.is(json.kind, 'ScalerDecisionList')
  assert.equal(
    json.items.map(({ to }: Decision) => to),
    [7, 4],
  )
  const samples = await shop.run(['scaler', 'history', 'web', '--samples'])
  assert.match(samples.stdout, /REPLICAS +WANTED +READY +ACTIVE +ORDERS/)
  assert.match(samples.stdout, /4 +7 +4 +yes +1310/)
})

test('a scaler that was made anew is another, whose past is shown where it is asked for', async () => {
  const shop = await openScaled()
  await decide(shop, 300, { from: 2, to: 9, because: 'the one before' }, 'before-this-one')
  const none = await shop.run(['scaler', 'history', 'web'])
  assert.is(
    none.stderr,
    'No decisions are known of scaledobject/web. Of another of this name there are: --all shows them.\n',
  )
  assert.is((await shop.run(['scaler', 'explain', 'web'])).code, 1)
  assert.not.match((await shop.run(['describe', 'scaler', 'web'])).stdout, /2 → 9|the one before/)
  await decide(shop, 60, { from: 4, to: 7 })
  const own = await shop.run(['scaler', 'history', 'web'])
  assert.not.match(own.stdout, /the one before|UID/)
  const all = await shop.run(['scaler', 'history', 'web', '--all'])
  assert.match(all.stdout, /^TIME \(UTC\) +UID +CHANGE .*\n.* +[0-9a-f]{8} +4 → 7 .*\n.* +before-t +2 → 9 /)
  const samples = await shop.run(['scaler', 'history', 'web', '--all', '--samples', '-o', 'json'])
  assert.equal(
    JSON.parse(samples.stdout).items.map(({ uid, desired }: Record<string, unknown>) => [
      uid === 'before-this-one',
      desired,
    ]),
    [
      [false, 7],
      [true, 9],
    ],
  )
  const at = ['scaler', 'explain', 'web', '--at', '2m ago']
  assert.is((await shop.run(at)).code, 1)
  const before = await shop.run([...at, '--all'])
  assert.match(before.stdout, /2 → 9\nBecause +the one before\n/)
  // what came after it is not the other's
  assert.not.match(before.stdout, /4 → 7/)
  assert.is((await shop.run(['scaler', 'explain', 'web', '--all'])).code, 2)
})

test('scaler explain tells the present decision, the last change, and the one at a time', async () => {
  const shop = await openScaled()
  const missing = await shop.run(['scaler', 'explain', 'web'])
  assert.is(missing.code, 1)
  assert.match(missing.stderr, /nothing is known that scaledobject\/web decided/)
  const first = await decide(shop, 600, { from: 2, to: 4, because: 'the first' })
  await decide(shop, 60, { from: 4, to: 7 })
  const present = await shop.run(['scaler', 'explain', 'web'])
  assert.match(present.stdout, /^Decision +scaledobject\/web -n default at .*: 4 → 7\n/)
  for (const part of ['Because', 'Triggers', 'Steps', 'Why not more', 'Next', 'Before', 'Measured'])
    assert.match(present.stdout, new RegExp(`^${part} `, 'm'))
  assert.match(
    present.stdout,
    /^ +stabilization +7 +StabilizationWindow +the highest wish of the\s+last 5m$/m,
  )
  const earlier = await shop.run(['scaler', 'explain', 'web', '--at', '5m ago'])
  assert.match(earlier.stdout, /2 → 4\nBecause +the first\n/)
  assert.match(earlier.stdout, /^After .*4 → 7/m)
  const exact = await shop.run(['scaler', 'explain', 'web', '--at', first.at, '-o', 'json'])
  assert.is(JSON.parse(exact.stdout).to, 4)
  const tooEarly = await shop.run(['scaler', 'explain', 'web', '--at', '1h ago'])
  assert.is(tooEarly.code, 1)
  assert.match(
    tooEarly.stderr,
    /no decision of scaledobject\/web is known from before .*\nsee what is known: nsctl scaler history web/,
  )
  assert.is((await shop.run(['scaler', 'explain', 'web', '--at', 'noon'])).code, 2)
})

test('scaler pause and resume write KEDA’s annotations, and say where nothing changes', async () => {
  const shop = await openScaled()
  const steps: readonly (readonly [argv: string, said: string, annotations: object])[] = [
    ['pause web', 'paused', { 'autoscaling.keda.sh/paused': 'true' }],
    ['pause web', 'unchanged (paused already)', { 'autoscaling.keda.sh/paused': 'true' }],
    ['pause web --replicas 3', 'paused at 3', { 'autoscaling.keda.sh/paused-replicas': '3' }],
    ['pause web --scale-in', 'will not shrink', { 'autoscaling.keda.sh/paused-scale-in': 'true' }],
    ['pause web --scale-out', 'will not grow', { 'autoscaling.keda.sh/paused-scale-out': 'true' }],
    ['pause web --scale-in --scale-out', 'paused', { 'autoscaling.keda.sh/paused': 'true' }],
    ['resume web --dry-run', 'resumed (dry run)', { 'autoscaling.keda.sh/paused': 'true' }],
    ['resume web', 'resumed', {}],
    ['resume scaledobject/web', 'unchanged (it was not paused)', {}],
  ]
  for (const [argv, said, want] of steps) {
    const ran = await shop.run(['scaler', ...argv.split(' ')])
    assert.is(ran.stdout, `scaledobject/web ${said}\n`, argv)
    assert.equal(await annotations(shop), want, argv)
  }
})

test('scaler trigger asks for a look and waits for what comes of it', async () => {
  const shop = await openScaled()
  const nobody = await shop.run(['scaler', 'trigger', 'web'])
  assert.is(nobody.code, 3)
  shop.setDaemon({ running: true })
  const late = await shop.run(['scaler', 'trigger', 'web', '--timeout', '50ms'])
  assert.is(late.code, 1)
  assert.match(late.stderr, /scaledobject\/web did not look within/)
  const before = (await annotations(shop))[POLL_REQUESTED]
  const running = shop.run(['scaler', 'trigger', 'web'])
  let asked = before
  while (asked === before) {
    asked = (await annotations(shop))[POLL_REQUESTED]
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const made = JSON.parse(JSON.stringify({ ...decision, at: new Date().toISOString() }))
  await shop.api.updateStatus(
    { kind: 'ScaledObject', namespace: 'default', name: 'web' },
    { polledFor: asked, decision: made },
  )
  const ran = await running
  assert.is(ran.code, 0)
  assert.match(
    ran.stdout,
    /^scaledobject\/web stays 7 {3}rabbitmq\/orders 1,310 ÷ 200\n {2}rabbitmq\/orders .*→ 7 +\(decides\)\n/,
  )
})

test('what cannot be meant is refused with what to do', async () => {
  const shop = await openScaled()
  for (const { argv, code, said } of [
    { argv: 'explain', code: 2, said: /exactly one scaler must be named, not 0/ },
    { argv: 'history web mail', code: 2, said: /mail/ },
    { argv: 'history nobody', code: 1, said: /scaledobject\/nobody not found in namespace default/ },
    { argv: 'pause service/web', code: 2, said: /service\/web is no scaler/ },
    { argv: 'pause web --replicas many', code: 2, said: /--replicas must be a whole number/ },
    { argv: 'pause web --replicas 2 --scale-in', code: 2, said: /./ },
    { argv: 'history web --limit 0', code: 2, said: /--limit must be/ },
    { argv: 'history web -o table', code: 2, said: /unknown output format: table/ },
    { argv: 'trigger', code: 2, said: /exactly one/ },
    { argv: 'resume', code: 2, said: /no scaler was named/ },
  ]) {
    const ran = await shop.run(['scaler', ...argv.split(' ')])
    assert.is(ran.code, code, argv)
    assert.match(ran.stderr, said, argv)
  }
})

test('names of scalers are completed', async () => {
  const shop = await openScaled()
  for (const verb of ['history', 'explain', 'pause', 'resume', 'trigger'])
    assert.is((await shop.run(['__complete', '--', 'scaler', verb, ''])).stdout, 'web\n', verb)
})

test('describe scaler shows the history, in ASCII where there is nothing else', async () => {
  const shop = await openScaled()
  await decide(shop, 60, { from: 4, to: 7 })
  const page = await shop.run(['describe', 'scaler', 'web'])
  assert.match(page.stdout, /^Why 7 .*1,310 ÷ 200/m)
  const ascii = await shop.run(['describe', 'scaler', 'web'], { env: { LC_ALL: 'C' } })
  assert.match(ascii.stdout, /^[\n\x20-\x7e]*$/)
  assert.match(ascii.stdout, /1,310 \/ 200 .*-> 7/)
})

test.run()
