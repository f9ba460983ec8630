/** Events that are signed, and come more than once. */
import { createHmac } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../src/core/clock.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import { triggerSchema } from '../../src/resources/triggers/index.ts'
import { readTrigger } from '../../src/resources/triggers/read.ts'
import type { TriggerSchema } from '../../src/resources/triggers/schema.ts'
import type { Source, WebhookAnswer, WebhookRequest } from '../../src/scaling/source.ts'
import { Taken } from '../../src/scaling/sources/webhook/taken.ts'
import { webhook } from '../../src/scaling/sources/webhook.ts'
import { sourceContext, triggerConfig } from './sources/double.ts'

const schema = triggerSchema('webhook') as TriggerSchema
const COUNT = { mode: 'count', ttl: '1h' }

interface Hook {
  readonly source: Source
  readonly clock: ManualClock
  /** How often whoever listens was told. */
  readonly told: () => number
  push(body: string, headers?: Readonly<Record<string, string>>): Promise<WebhookAnswer>
  /** Undefined while it is not known. */
  value(): Promise<number | undefined>
}

function open(
  metadata: Readonly<Record<string, string>>,
  authentication: Readonly<Record<string, string>> = { hmacSecret: 'shared' },
): Hook {
  const clock = new ManualClock(Date.UTC(2026, 0, 1))
  let handle: ((request: WebhookRequest) => Promise<WebhookAnswer>) | undefined
  const webhooks = {
    on(_path: string, given: (request: WebhookRequest) => Promise<WebhookAnswer>) {
      handle = given
      return () => {}
    },
  }
  const spec = { type: 'webhook', metadata: { value: '5', ...metadata }, authentication }
  const source = webhook.open(triggerConfig(spec, schema), sourceContext({ clock, webhooks }))
  let told = 0
  const signal = new AbortController().signal
  void source.listen?.(() => told++, signal)
  return {
    source,
    clock,
    told: () => told,
    async push(body, headers = {}) {
      const request = { method: 'POST', headers, query: new URLSearchParams(), body: Buffer.from(body) }
      return (await handle?.(request)) ?? { status: 404 }
    },
    async value() {
      const reading = await source.measure(signal).catch(() => undefined)
      return reading?.kind === 'values' ? reading.metrics[0]?.value : undefined
    },
  }
}

const mac = (text: string, secret: string | Buffer = 'shared') => createHmac('sha256', secret).update(text)
const github = (body: string, more: Readonly<Record<string, string>> = {}) => ({
  ...more,
  'x-hub-signature-256': `sha256=${mac(body).digest('hex')}`,
})
const timed = (time: number | string, body: string, header = 'x-signature-timestamp') => ({
  'x-hub-signature-256': `sha256=${mac(`${time}.${body}`).digest('hex')}`,
  [header]: String(time),
})
const seconds = ({ clock }: Hook) => Math.floor(clock.now() / 1000)

test('a signed event that comes again counts once, and the sender need not know', async () => {
  const hook = open(COUNT)
  const body = '{"action":"opened","number":1}'
  assert.equal(await hook.push(body, github(body, { 'x-github-delivery': 'a' })), {
    status: 200,
    body: '{"value":1,"active":true}',
  })
  // an id that is not signed is anybody's to change
  for (const delivery of ['a', 'b'])
    assert.equal(await hook.push(body, github(body, { 'x-github-delivery': delivery })), {
      status: 200,
      body: '{"value":1,"active":true,"repeated":true}',
    })
  assert.is(hook.told(), 1)
  const other = '{"action":"opened","number":2}'
  await hook.push(other, github(other))
  assert.equal([await hook.value(), hook.told()], [2, 2])
})

test('what was signed is known for twice the tolerance', async () => {
  const hook = open({ ...COUNT, tolerance: '10s' })
  await hook.push('go', github('go'))
  hook.clock.advance(19_999)
  await hook.push('go', github('go'))
  assert.is(await hook.value(), 1)
  hook.clock.advance(1)
  await hook.push('go', github('go'))
  assert.is(await hook.value(), 2)
})

test('what is wrong is not remembered, and with a token each counts', async () => {
  const hook = open(COUNT, { hmacSecret: 'shared', token: 'right' })
  await hook.push('go', { 'x-hub-signature-256': `sha256=${mac('go', 'other').digest('hex')}` })
  await hook.push('-1', github('-1'))
  assert.equal(await hook.push('-1', github('-1')), {
    status: 400,
    body: 'the value must be a number from 0',
  })
  await hook.push('go', github('go'))
  for (let turn = 0; turn < 3; turn++) await hook.push('go', { authorization: 'Bearer right' })
  assert.is(await hook.value(), 4)
})

test('a gauge may say again what it said: it counts nothing, and lives on being told', async () => {
  const hook = open({ ttl: '1m' })
  for (const [body, value] of [
    ['5', 5],
    ['0', 0],
    ['5', 5],
  ] as const) {
    await hook.push(body, github(body))
    assert.is(await hook.value(), value)
  }
  hook.clock.advance(59_000)
  await hook.push('5', github('5'))
  hook.clock.advance(59_000)
  assert.is(await hook.value(), 5)
})

for (const [mode, metadata] of [
  ['gauge', {}],
  ['count', COUNT],
] as const)
  test(`${mode}: a time that is signed keeps what somebody has kept from counting again`, async () => {
    const hook = open({ ...metadata, timestampHeader: 'X-Signature-Timestamp', tolerance: '1m' })
    const began = seconds(hook)
    const [first, kept] = [timed(began, '5'), timed(began + 30, '9')]
    assert.is((await hook.push('5', first)).status, 200)
    const known = await hook.value()
    hook.clock.advance(30_000)
    assert.match((await hook.push('5', first)).body ?? '', '"repeated":true')
    assert.is(await hook.value(), known)
    // the same said at another time is said again
    assert.is((await hook.push('5', timed(began + 30, '5'))).status, 200)
    assert.is(await hook.value(), mode === 'count' ? 10 : 5)
    hook.clock.advance(61_000)
    const late = await hook.push('9', kept)
    assert.equal(late, { status: 401, body: 'the time that was signed is too far from the time here' })
    assert.is((await hook.push('9', timed(seconds(hook) + 61, '9'))).status, 401)
    assert.is((await hook.push('9', timed(seconds(hook) + 60, '9'))).status, 200)
    hook.clock.advance(119_000)
    assert.match((await hook.push('9', timed(seconds(hook) - 59, '9'))).body ?? '', '"repeated":true')
  })

test('where a time is to be signed, none and another one are refused', async () => {
  const hook = open({ ...COUNT, timestampHeader: 'X-Signature-Timestamp' })
  const time = seconds(hook)
  const signed = timed(time, 'go')
  for (const headers of [
    github('go'),
    { ...signed, 'x-signature-timestamp': String(time + 1) },
    { 'x-hub-signature-256': signed['x-hub-signature-256'] },
    timed('', 'go'),
    timed('now', 'go'),
    timed(`-${time}`, 'go'),
    timed(time, 'go', 'date'),
  ])
    assert.is((await hook.push('go', headers as Record<string, string>)).status, 401)
  assert.is(await hook.value(), undefined)
  assert.is((await hook.push('go', signed)).status, 200)
})

test('standard webhooks: an id is one event, whenever it was sent', async () => {
  const secret = `whsec_${Buffer.from('twenty-four bytes of key').toString('base64')}`
  const hook = open({ ...COUNT, signature: 'standard-webhooks' }, { hmacSecret: secret })
  const sign = (id: string, time: number, body: string, key = Buffer.from('twenty-four bytes of key')) => ({
    'webhook-id': id,
    'webhook-timestamp': String(time),
    'webhook-signature': `v1,b3RoZXI= v1,${mac(`${id}.${time}.${body}`, key).digest('base64')}`,
  })
  const time = seconds(hook)
  assert.is((await hook.push('go', sign('msg_1', time, 'go'))).body, '{"value":1,"active":true}')
  assert.match((await hook.push('go', sign('msg_1', time, 'go'))).body ?? '', 'repeated')
  // its sender did not hear the answer
  assert.match((await hook.push('go', sign('msg_1', time + 5, 'go'))).body ?? '', 'repeated')
  assert.is((await hook.push('go', sign('msg_2', time, 'go'))).body, '{"value":2,"active":true}')
  for (const headers of [
    sign('msg_3', time - 301, 'go'),
    sign('msg_3', time, 'go', Buffer.from(secret)),
    { ...sign('msg_3', time, 'go'), 'webhook-id': 'msg_4' },
    { ...sign('msg_3', time, 'go'), 'webhook-signature': `v1a,${'A'.repeat(43)}=` },
    { 'x-hub-signature-256': `sha256=${mac('go', secret).digest('hex')}` },
    {},
  ])
    assert.is((await hook.push('go', headers as Record<string, string>)).status, 401)
  assert.is(await hook.value(), 2)
})

test('a time without a secret to sign it with is told', () => {
  for (const [name, value] of [
    ['timestampHeader', 'X-Time'],
    ['signature', 'standard-webhooks'],
  ] as const)
    assert.throws(
      () => open({ [name]: value }, { token: 'x' }),
      (error: unknown) => isNsctlError(error, 'Invalid') && error.value === 'hmacSecret',
    )
})

test('so many are remembered and no more, and what is refused for that has not counted', () => {
  const taken = new Taken(1_000)
  let added = 0
  while (taken.add(String(added), 0)) added++
  assert.is(added, 100_000)
  assert.is(taken.has('0', 999), true)
  assert.is(taken.has('0', 1_000), false)
  assert.is(taken.add('one more', 1_000), true)
})

for (const [name, metadata, path] of [
  ['a header of two words', { timestampHeader: 'X Time' }, 'timestampHeader'],
  [
    'a header beside what has its own',
    { timestampHeader: 'X-Time', signature: 'standard-webhooks' },
    'timestampHeader',
  ],
  ['no time at all', { tolerance: '0s' }, 'tolerance'],
  ['a long time', { tolerance: '1h' }, 'tolerance'],
  ['what is no time', { tolerance: 'long' }, 'tolerance'],
  ['another signature', { signature: 'stripe' }, 'signature'],
] as const)
  test(`refused: ${name}`, () => {
    const { issues } = readTrigger(schema, { metadata: { value: '5', ...metadata } })
    assert.equal(
      issues.map((issue) => issue.path.join('.')),
      [`metadata.${path}`],
    )
  })

test.run()
