/** What is said of a scaler, word for word. */
process.env.TZ = 'UTC'

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Client } from '../../src/client/client.ts'
import type { Json } from '../../src/core/json.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import type { Decision } from '../../src/scaling/decide.ts'
import type { HistoryEntry, HistoryQuery } from '../../src/telemetry/history/history.ts'
import { describeObject } from '../../src/views/describe/describe.ts'
import { gatherDescription } from '../../src/views/describe/description.ts'
import { toAscii } from '../../src/views/scaler/ascii.ts'
import { renderExplanation } from '../../src/views/scaler/explain.ts'
import { bucket, sparkline } from '../../src/views/scaler/sparkline.ts'
import { ZoneTimes } from '../../src/views/scaler/times.ts'
import { kinds, nowMs } from './fixtures.ts'
import { matchesGolden } from './golden.ts'
import { before, decision, samples, scaler, secondsAgo } from './scaler-fixtures.ts'

interface Known {
  readonly latest?: readonly Decision[]
  readonly decisions?: readonly Decision[]
  readonly samples?: readonly { readonly atMs: number }[]
}

function clientOf({ latest = [], decisions = [], samples: measured = [] }: Known): Client {
  const stored = (kind: HistoryEntry['kind']): readonly unknown[] =>
    ({ latest, decision: decisions, sample: measured })[kind]
  return {
    kinds,
    listAll: async () => ({ revision: 1, lists: [] }),
    history: async () => [],
    scalerHistory: async ({ kind, object, limit }: HistoryQuery) =>
      stored(kind)
        .slice(0, limit)
        .map((content) => ({
          object,
          kind,
          atMs: (content as { atMs: number }).atMs,
          content: JSON.parse(JSON.stringify(content)) as Json,
        })),
  } as unknown as Client
}

async function page(object: AnyResource, known: Known, columns: number): Promise<string> {
  const kind = kinds.byKind(object.kind)
  const description = await gatherDescription(clientOf(known), kind, object, nowMs)
  return describeObject({ ...description, columns })
}

test('why not more names what holds it, where more is wanted already', async () => {
  const message = 'at most 7 now: 4 in 15s'
  const held: Decision = {
    ...decision,
    triggers: decision.triggers.map((one, index) =>
      index === 0 ? { ...one, proposal: decision.to + 5 } : one,
    ),
    outlook: { ...decision.outlook, more: undefined },
    limited: { reason: 'ScaleUpLimit', message },
  }
  const { kind, metadata, spec } = scaler
  const object = {
    ...scaler,
    kind,
    metadata,
    spec,
    status: { ...scaler.status, decision: held },
  } as unknown as AnyResource
  assert.match(await page(object, { latest: [held] }, 120), new RegExp(`Why not more +${message}`))
})

const whole: Known = { latest: [decision], decisions: before, samples }

for (const columns of [80, 120])
  test(`describe scaler at ${columns} columns`, async () => {
    const text = await page(scaler, whole, columns)
    matchesGolden(`describe/scaler-${columns}.txt`, text)
    for (const line of text.split('\n')) assert.ok(line.length <= columns, line)
  })

test('describe scaler in ASCII', async () => {
  const text = toAscii(await page(scaler, whole, 80))
  matchesGolden('describe/scaler-ascii.txt', text)
  assert.match(text, /^[\n\x20-\x7e]*$/)
})

test('describe scaler that was never decided upon', async () => {
  const { status: _, ...fresh } = scaler
  matchesGolden('describe/scaler-new.txt', await page(fresh as AnyResource, {}, 80))
})

test('describe scaler without a history here: the object says the last decision', async () => {
  matchesGolden('describe/scaler-stored.txt', await page(scaler, {}, 80))
})

test('describe scaler that is paused, and whose source fails', async () => {
  const failing: Decision = {
    ...decision,
    to: 7,
    triggers: [
      {
        ...decision.triggers[0]!,
        value: undefined,
        proposal: undefined,
        decides: false,
        error: 'cannot reach 10.0.0.9:5672: connection refused',
        failures: 4,
        ageMs: 61_000,
      },
      { ...decision.triggers[1]!, decides: true },
    ],
    steps: [
      { step: 'pause', from: 7, to: 3, reason: 'Paused', text: 'paused at 3' },
      {
        step: 'triggers',
        from: 7,
        to: 7,
        reason: 'Unknown',
        text: 'kept: rabbitmq/orders: cannot reach 10.0.0.9:5672: connection refused',
      },
      { step: 'bounds', from: 3, to: 3, reason: 'None', text: '2–20' },
    ],
    because: 'paused at 3',
    limited: { reason: 'Paused', message: 'paused at 3' },
    faults: ['formula: division by zero'],
  }
  const object = {
    ...scaler,
    metadata: { ...scaler.metadata, annotations: { 'autoscaling.keda.sh/paused-replicas': '3' } },
    status: {
      ...scaler.status,
      conditions: [
        {
          type: 'Ready',
          status: 'False',
          reason: 'TriggerError',
          message: 'rabbitmq/orders cannot be reached at 10.0.0.9:5672: connection refused',
          lastTransitionTime: secondsAgo(70),
        },
        { type: 'Paused', status: 'True', reason: 'Annotation', lastTransitionTime: secondsAgo(30) },
      ],
    },
  } as unknown as AnyResource
  matchesGolden('describe/scaler-paused.txt', await page(object, { latest: [failing] }, 80))
})

test('where a formula decides, demand is that of the first trigger that has numbers', async () => {
  const formula = { ...decision, triggers: decision.triggers.map((one) => ({ ...one, decides: false })) }
  const measured = samples.map((one) => ({ ...one, demand: { 'cpu-1': null, orders: one.demand.orders } }))
  const text = await page(scaler, { latest: [formula], samples: measured }, 80)
  assert.match(text, /^Demand +[▁-█ ]+1 h/m)
  assert.match(text, /rabbitmq\/orders, at most 1,350/)
})

for (const columns of [80, 120])
  test(`a decision in full at ${columns} columns`, () => {
    const [decided, previous, next] = [before[0]!, before[1]!, decision]
    const around = { object: scaler, samples: samples.slice(0, 3), before: previous, after: next }
    const times = new ZoneTimes('UTC', nowMs)
    const failed = {
      ...decided,
      triggers: [
        ...decided.triggers,
        {
          ...decided.triggers[0]!,
          key: 'mails',
          proposal: undefined,
          decides: false,
          error: 'timed out',
          failures: 2,
        },
      ],
      limited: { reason: 'MaxReplicas', message: 'held at 7 by rule weekend' },
      faults: ['formula: division by zero'],
    }
    const text = renderExplanation({ ...around, decision: failed }, { nowMs, times, columns })
    matchesGolden(`describe/decision-${columns}.txt`, text)
    for (const line of text.split('\n')) assert.ok(line.length <= columns, line)
  })

const authentication = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'TriggerAuthentication',
  metadata: { name: 'orders', namespace: 'shop', creationTimestamp: secondsAgo(3_600) },
  spec: {
    secretTargetRef: [{ parameter: 'password', name: 'orders', key: 'pass' }],
    configMapTargetRef: [{ parameter: 'host', name: 'settings', key: 'host' }],
    env: [{ parameter: 'username', name: 'QUEUE_USER', containerName: 'worker' }],
    hashiCorpVault: {
      address: 'https://vault.example.org:8200',
      authentication: 'token',
      credential: { token: 's.Tr0ub4dor' },
      secrets: [{ parameter: 'apiKey', path: 'secret/data/queue', key: 'api' }],
    },
    podIdentity: { provider: 'aws' },
  },
} as unknown as AnyResource

test('describe triggerauthentication says where parameters come from, and never a value', async () => {
  const using = {
    ...scaler,
    spec: {
      triggers: [
        { type: 'rabbitmq', name: 'orders', authenticationRef: { name: 'orders' } },
        { type: 'cpu' },
      ],
    },
  } as unknown as AnyResource
  const client = {
    ...clientOf({}),
    listAll: async (wanted: readonly { kind: string }[]) => ({
      revision: 1,
      lists: wanted.map(({ kind }) => (kind === 'ScaledObject' ? [using, scaler] : [])),
    }),
  } as unknown as Client
  const kind = kinds.byKind('TriggerAuthentication')
  const text = await describeObject(await gatherDescription(client, kind, authentication, nowMs))
  matchesGolden('describe/triggerauthentication.txt', text)
  assert.not.match(text, /Tr0ub4dor/)
})

test('describe scaledjob lists the newest Jobs that it made', async () => {
  const made = Array.from({ length: 12 }, (_, i) => ({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Job',
    metadata: {
      name: `import-${i}`,
      namespace: 'shop',
      creationTimestamp: secondsAgo(1_200 - i * 60),
      ownerReferences: [{ kind: 'ScaledJob', name: i === 3 ? 'another' : 'import' }],
    },
    status: { completionsText: i < 10 ? '1/1' : '0/1', failed: i % 2 },
  })) as unknown as AnyResource[]
  const scaledJob = {
    ...scaler,
    kind: 'ScaledJob',
    metadata: { ...scaler.metadata, name: 'import' },
    spec: { maxReplicaCount: 10, triggers: [{ type: 'redis', metadata: {} }] },
    status: { running: 2, pending: 1 },
  } as unknown as AnyResource
  const trigger = { key: 'redis-0', label: 'redis', value: 7, target: 2, active: true, failures: 0 }
  const jobs = {
    at: secondsAgo(3),
    atMs: nowMs - 3_000,
    create: 2,
    running: 2,
    active: true,
    because: '4 for 7 waiting, 2 run',
    triggers: [trigger],
  }
  const client = {
    ...clientOf({ latest: [jobs as unknown as Decision] }),
    listAll: async (wanted: readonly { kind: string }[]) => ({
      revision: 1,
      lists: wanted.map(({ kind }) => (kind === 'Job' ? made : [])),
    }),
  } as unknown as Client
  const description = await gatherDescription(client, kinds.byKind('ScaledJob'), scaledJob, nowMs)
  matchesGolden('describe/scaledjob.txt', await describeObject({ ...description, columns: 80 }))
})

test('describe job', async () => {
  const job = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Job',
    metadata: { name: 'import', namespace: 'shop', creationTimestamp: secondsAgo(120) },
    spec: {
      completions: 3,
      parallelism: 2,
      backoffLimit: 4,
      activeDeadlineSeconds: 600,
      template: { source: { command: ['import', '--all'] } },
    },
    status: { succeeded: 1, active: 2, failed: 1, startTime: secondsAgo(90) },
  } as unknown as AnyResource
  matchesGolden('describe/job.txt', await page(job, {}, 80))
})

for (const { name, values, want } of [
  { name: 'from nothing to all', values: [0, 1, 2, 3, 4, 5, 6, 7], want: '▁▂▃▄▅▆▇█' },
  { name: 'all the same', values: [5, 5, 5], want: '███' },
  { name: 'all zero', values: [0, 0], want: '▁▁' },
  { name: 'holes', values: [1, undefined, 1], want: '█ █' },
])
  test(`sparkline: ${name}`, () => assert.is(sparkline(values), want))

test('buckets hold their largest value, and replicas hold until they change', () => {
  const points = [
    { atMs: 5, value: 3 },
    { atMs: 7, value: 1 },
    { atMs: 45, value: 2 },
    { atMs: 99, value: 9 },
  ]
  const span = { fromMs: 0, toMs: 100, cells: 10 }
  const _ = undefined
  assert.equal(bucket(points, span), [3, _, _, _, 2, _, _, _, _, 9])
  assert.equal(bucket(points, { ...span, holds: true }), [3, 3, 3, 3, 2, 2, 2, 2, 2, 9])
})

const NOON = Date.parse('2026-07-01T12:00:00Z')
for (const { text, zone, want } of [
  { text: '11:59:30', zone: 'UTC', want: '2026-07-01T11:59:31.000Z' },
  { text: '11:59', zone: 'UTC', want: '2026-07-01T12:00:00.000Z' },
  { text: '12:30', zone: 'UTC', want: '2026-06-30T12:31:00.000Z' },
  { text: '13:59:30', zone: 'Europe/Berlin', want: '2026-07-01T11:59:31.000Z' },
  { text: '5m ago', zone: 'UTC', want: '2026-07-01T11:55:00.001Z' },
  { text: '2026-06-30T08:00:00Z', zone: 'UTC', want: '2026-06-30T08:00:01.000Z' },
  { text: '2026-06-30T08:00:00.250Z', zone: 'UTC', want: '2026-06-30T08:00:00.251Z' },
])
  test(`a time of a scaler in ${zone}: ${text}`, () =>
    assert.is(new Date(new ZoneTimes(zone, NOON).parse(text)).toISOString(), want))

for (const text of ['', 'noon', '25:00', '12:60', 'ago', 'yesterday ago', '2026-13-45T00:00:00Z'])
  test(`no time: ${JSON.stringify(text)}`, () =>
    assert.throws(() => new ZoneTimes('UTC', NOON).parse(text), /./))

test('times of another day have their day, and a zone that there is not is UTC', () => {
  const times = new ZoneTimes('Europe/Nowhere', NOON)
  assert.is(times.zone, 'UTC')
  assert.is(times.text(NOON - 1_000), '11:59:59')
  assert.is(times.text(NOON - 86_400_000), '2026-06-30 12:00:00')
  assert.is(new ZoneTimes('Europe/Berlin', NOON).text(NOON), '14:00:00')
  assert.ok(new ZoneTimes('Europe/Berlin', NOON).isForeign())
})

test.run()
