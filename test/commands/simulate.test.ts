/** `nsctl simulate`, over files and over what a scaler measured. */
process.env.TZ = 'UTC'

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { matchesGolden } from '../views/golden.ts'
import { openShop } from './shop.ts'

const folder = mkdtempSync(join(tmpdir(), 'nsctl-simulate-'))
test.after(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const trigger = {
  type: 'prometheus',
  name: 'requests',
  metadata: { serverAddress: 'http://127.0.0.1:9090', query: 'q', threshold: '35' },
}
const scaler = (spec: object = {}) => ({
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'ScaledObject',
  metadata: { name: 'web' },
  spec: {
    scaleTargetRef: { name: 'web' },
    minReplicaCount: 1,
    maxReplicaCount: 9,
    triggers: [trigger],
    ...spec,
  },
})
const web = write('web.yaml', JSON.stringify(scaler()))

/** Two hours in bins of five minutes: calm, a rush, calm. */
const bins = Array.from({ length: 24 }, (_, bin) => (bin >= 8 && bin < 14 ? 400 : 60) * 300)
const trace = write(
  'demand.csv',
  [
    'timestamp,value',
    ...bins.map((value, bin) => `${Date.UTC(2026, 10, 17) / 1000 + bin * 300},${value}`),
  ].join('\n'),
)
const page = ['simulate', '-f', web, '--trace', trace, '--capacity', '50', '--compare', 'hpa,keda,static']

test('a table, and a chart in blocks', async () => {
  const shop = await openShop()
  const { code, stdout, stderr } = await shop.run(page)
  assert.is(stderr, '')
  assert.is(code, 0)
  matchesGolden('simulate/table.txt', stdout.replaceAll(folder, 'FOLDER'))
})

test('signs of ASCII where the terminal has no others', async () => {
  const shop = await openShop()
  const { stdout } = await shop.run(page, { env: { LC_ALL: 'C' } })
  assert.ok(/^[\n\x20-\x7e]*$/.test(stdout), stdout)
})

test('JSON holds the scores and what changed the number', async () => {
  const shop = await openShop()
  const { stdout } = await shop.run([...page, '-o', 'json'])
  const { kind, policies, decisions, stepSeconds, notes } = JSON.parse(stdout)
  assert.equal([kind, stepSeconds, notes], ['Simulation', 15, []])
  assert.equal(
    policies.map(({ name }: { name: string }) => name),
    ['web', 'hpa', 'keda', 'static'],
  )
  for (const { latePercent, costPercent } of policies) assert.ok(latePercent >= 0 && costPercent > 100)
  assert.ok(decisions.length > 2)
  assert.match(decisions[0].because, /requests/)
})

test('CSV has a row for each tick', async () => {
  const shop = await openShop()
  const { stdout } = await shop.run([...page, '-o', 'csv'])
  const rows = stdout.trim().split('\n')
  assert.is(
    rows[0],
    'timestamp,demand,needed,oracle,web,web_ready,hpa,hpa_ready,keda,keda_ready,static,static_ready',
  )
  assert.is(rows.length, 1 + 24 * 20)
  assert.is(rows[1], '2026-11-17T00:00:00.000Z,60,2,2,2,2,2,2,2,2,8,8')
})

test('HTML loads and runs nothing, and what users wrote is text', async () => {
  const shop = await openShop()
  const file = write('named.yaml', JSON.stringify(scaler({ triggers: [{ ...trigger, name: '<b>&"' }] })))
  const { stdout } = await shop.run([
    'simulate',
    '-f',
    file,
    '--trace',
    trace,
    '--capacity',
    '50',
    '-o',
    'html',
  ])
  assert.match(stdout, /^<!doctype html>/)
  assert.match(stdout, /<svg viewBox/)
  assert.not.match(stdout, /<script|<link|src=|https?:|<b>/)
})

test('what the scaler measured is a trace too, and its own policy is tried', async () => {
  const shop = await openShop()
  const actor = { name: 'ada' }
  const service = {
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { template: { source: { command: ['a'] } } },
  }
  for (const object of [{ apiVersion: 'nsctl.dev/v1alpha1', ...service }, scaler()])
    await shop.api.apply([{ object } as never], { actor })
  const web = await shop.api.get({ kind: 'ScaledObject', namespace: 'default', name: 'web' })
  for (let minute = 0; minute < 120; minute++)
    shop.history.append({
      object: 'ScaledObject/default/web',
      uid: web?.metadata.uid ?? '',
      kind: 'sample',
      atMs: Date.now() - (120 - minute) * 60_000,
      content: {
        replicas: 2,
        desired: 2,
        ready: 2,
        active: true,
        demand: { requests: minute < 60 ? 60 : 300 },
      },
    })
  const { code, stdout, stderr } = await shop.run([
    'simulate',
    '--from-history',
    'web',
    '--since',
    '3h',
    '--capacity',
    '50',
  ])
  assert.is(code, 0, stderr)
  assert.match(stdout, /^web on what web measured\n(1h59m|2h0?m?|119m|120m)/)
  assert.match(stdout, /^web +\d\.\d+ %/m)
})

test('a cron trigger beside it is known without a trace', async () => {
  const shop = await openShop()
  const window = { timezone: 'UTC', start: '30 1 * * *', end: '50 1 * * *', desiredReplicas: '7' }
  const file = write(
    'cron.yaml',
    JSON.stringify(scaler({ triggers: [trigger, { type: 'cron', metadata: window }] })),
  )
  const { stdout, stderr } = await shop.run([
    'simulate',
    '-f',
    file,
    '--trace',
    trace,
    '--capacity',
    '999',
    '-o',
    'csv',
  ])
  assert.is(stderr, '')
  const at = (time: string) =>
    stdout
      .split('\n')
      .find((row) => row.startsWith(`2026-11-17T${time}`))
      ?.split(',')[4]
  assert.is(at('01:25'), '2')
  assert.is(at('01:31'), '7')
})

test('what the trace does not feed is said', async () => {
  const shop = await openShop()
  const queue = { type: 'redis', name: 'queue', metadata: { address: 'r:1', listName: 'l', listLength: '5' } }
  const file = write(
    'both.yaml',
    JSON.stringify(
      scaler({ triggers: [trigger, queue], rules: [{ name: 'rush', when: 'queue.lag > 5', min: 3 }] }),
    ),
  )
  const argv = ['simulate', '-f', file, '--trace', trace, '--trigger', 'requests', '-o', 'json']
  const { stdout, stderr } = await shop.run(argv)
  assert.is(stderr, '')
  assert.equal(JSON.parse(stdout).notes, [
    'left out, since the trace does not feed it: redis/queue',
    'rush reads what is not known here: queue.lag',
    'a replica is taken to serve its target, 35: --capacity says otherwise',
  ])
})

for (const c of [
  { name: 'no demand', argv: ['-f', web], code: 2, message: /--trace FILE or --from-history/ },
  { name: 'no policy', argv: ['--trace', trace], code: 2, message: /no manifest was named/ },
  {
    name: 'a trace that is not there',
    argv: ['-f', web, '--trace', '/nowhere.csv'],
    code: 2,
    message: /cannot read \/nowhere.csv/,
  },
  {
    name: 'a row that is no number',
    argv: ['-f', web, '--trace', write('bad.csv', 'timestamp,value\n2026-01-01T00:00Z,x')],
    code: 2,
    message: /bad.csv:2: no number from 0 to \d+: "x"/,
  },
  {
    name: 'an unknown rival',
    argv: ['-f', web, '--trace', trace, '--compare', 'hpa,me'],
    code: 2,
    message: /"me"[\s\S]*hpa, keda, static/,
  },
  {
    name: 'a capacity that is none',
    argv: ['-f', web, '--trace', trace, '--capacity', 'lots'],
    code: 2,
    message: /--capacity must be a number above 0/,
  },
  { name: 'an unknown scaler', argv: ['--from-history', 'shop'], code: 1, message: /no scaledobject "shop"/ },
  {
    name: 'a manifest that would not be taken',
    argv: ['-f', write('wrong.yaml', JSON.stringify(scaler({ minReplicaCount: 10 }))), '--trace', trace],
    code: 2,
    message: /minReplicaCount|maxReplicaCount/,
  },
  {
    name: 'several triggers and none named',
    argv: [
      '-f',
      write('two.yaml', JSON.stringify(scaler({ triggers: [trigger, { ...trigger, name: 'more' }] }))),
      '--trace',
      trace,
    ],
    code: 2,
    message: /2 could be fed[\s\S]*requests, more/,
  },
])
  test(`is refused: ${c.name}`, async () => {
    const shop = await openShop()
    const { code, stdout, stderr } = await shop.run(['simulate', ...c.argv])
    assert.is(code, c.code, stderr)
    assert.is(stdout, '')
    assert.match(stderr, c.message)
  })

test.run()
