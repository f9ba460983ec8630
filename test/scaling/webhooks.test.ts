import { createHmac } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock, systemClock } from '../../src/core/clock.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { triggerSchema } from '../../src/resources/triggers/index.ts'
import { readTrigger } from '../../src/resources/triggers/read.ts'
import type { Reading, Source } from '../../src/scaling/source.ts'
import { webhook } from '../../src/scaling/sources/webhook.ts'
import { listenForWebhooks, type WebhookListener } from '../../src/scaling/webhooks.ts'
import { sourceContext, triggerConfig } from './sources/double.ts'

const test = suite('webhooks')
const now = new AbortController().signal
let clock: ManualClock
let listener: WebhookListener
const sources: Source[] = []

test.before.each(async () => {
  clock = new ManualClock()
  listener = await listenForWebhooks({ port: 0, clock, logger: silentLogger })
})
test.after.each(async () => {
  for (const source of sources.splice(0)) await source.close()
  await listener.close()
})

function open(metadata: Record<string, string> = {}, authentication: Record<string, string> = {}): Source {
  const spec = { type: 'webhook', metadata: { value: '5', ...metadata }, authentication }
  const schema = triggerSchema('webhook')
  if (schema === undefined) throw new Error('there is no webhook')
  const { parameters, issues } = readTrigger(schema, spec)
  assert.equal(issues, [])
  const source = webhook.open(
    { ...triggerConfig(spec), parameters },
    sourceContext({ clock, webhooks: listener }),
  )
  sources.push(source)
  return source
}

interface Push {
  readonly path?: string
  readonly method?: string
  readonly headers?: Record<string, string>
}

async function push(body: string, { path = 'default/web/outside', ...more }: Push = {}) {
  const response = await fetch(`http://127.0.0.1:${listener.port}/hooks/${path}`, {
    method: more.method ?? 'POST',
    headers: more.headers ?? {},
    ...(more.method === 'GET' ? {} : { body }),
  })
  return { status: response.status, text: (await response.text()).trim() }
}

const values = (value: number, active: boolean): Reading => ({
  kind: 'values',
  metrics: [{ name: '', value }],
  active,
})

async function failure(source: Source): Promise<{ code: string; message: string }> {
  const error = await source.measure(now).catch((thrown) => thrown)
  assert.ok(isNsctlError(error), String(error))
  return error
}

test('what is pushed is told at once, and stands until something else is said', async () => {
  const source = open({ activationValue: '3' })
  assert.is((await failure(source)).code, 'Invalid', 'nothing is not 0')
  const told: Reading[] = []
  const stop = new AbortController()
  const listening = source.listen?.((reading) => told.push(reading), stop.signal)
  assert.equal(await push('{"value": 12}'), { status: 200, text: '{"value":12,"active":true}' })
  assert.equal(told, [values(12, true)])
  clock.advance(86_400_000)
  assert.equal(await source.measure(now), values(12, true))
  for (const [body, value, active] of [
    ['3', 3, false],
    [' 3.5\n', 3.5, true],
    ['{"active": true}', 1, true],
    ['{"active": false}', 0, false],
    ['{"value": 2, "active": true}', 2, true],
    ['0', 0, false],
  ] as const) {
    assert.is((await push(body)).status, 200)
    assert.equal(await source.measure(now), values(value, active), body)
  }
  stop.abort()
  await listening
  await push('9')
  assert.is(told.length, 7)
})

test('what is no event changes nothing', async () => {
  const source = open()
  await push('4')
  for (const body of [
    '',
    'many',
    '-1',
    '"4"',
    '[4]',
    '{"value":"4"}',
    '{"value":null}',
    '1e999',
    'NaN',
    '{"active":1}',
  ])
    assert.is((await push(body)).status, 400, body)
  assert.is((await push('', { method: 'GET' })).status, 405)
  assert.is((await push('5', { path: 'default/web' })).status, 404)
  assert.equal(await source.measure(now), values(4, true))
})

test('a gauge that nobody spoke of for its ttl is not known, and not 0', async () => {
  const source = open({ ttl: '30s' })
  await push('4')
  clock.advance(29_999)
  assert.equal(await source.measure(now), values(4, true))
  clock.advance(1)
  assert.match((await failure(source)).message, '30 s')
  await push('2')
  assert.equal(await source.measure(now), values(2, true))
})

test('events are counted for their ttl', async () => {
  const source = open({ mode: 'count', ttl: '1m' })
  assert.is((await failure(source)).code, 'Invalid', 'what came before it listened may count')
  await push('')
  await push('{"ref": "refs/heads/main", "commits": []}')
  await push('payload=%7B%7D')
  await push('{"value": 4}')
  assert.equal(await source.measure(now), values(7, true))
  clock.advance(30_000)
  await push('x'.repeat(50_000))
  clock.advance(29_999)
  assert.equal(await source.measure(now), values(8, true))
  clock.advance(2_000)
  assert.equal(await source.measure(now), values(1, true))
  clock.advance(60_000)
  assert.equal(await source.measure(now), values(0, false), 'now nothing is known to have come')
})

test('a first few events below the activation threshold are no reason to say that there is no work', async () => {
  const source = open({ mode: 'count', activationValue: '2' })
  assert.is((await push('')).status, 202)
  assert.is((await failure(source)).code, 'Invalid')
  await push('2')
  assert.equal(await source.measure(now), values(3, true))
})

test('a flood is remembered in little', async () => {
  const source = open({ mode: 'count', path: 'flood' })
  let status = 200
  let accepted = 0
  for (let i = 0; i < 400; i++) {
    clock.advance(1)
    ;({ status } = await push('', { path: 'flood' }))
    if (status === 200) accepted++
  }
  assert.is(status, 429)
  assert.equal(await source.measure(now), values(accepted, true))
  assert.ok(accepted >= 200 && accepted <= 242, String(accepted))
  clock.advance(1_000)
  assert.is((await push('', { path: 'flood' })).status, 200)
})

test('a token is wanted where there is one', async () => {
  const source = open({}, { token: 'right-token' })
  for (const headers of [
    {},
    { authorization: 'Bearer wrong' },
    { authorization: 'Bearer right-token2' },
    { authorization: 'right-token' },
    { 'x-gitlab-token': 'wrong' },
  ])
    assert.is((await push('4', { headers: headers as Record<string, string> })).status, 401)
  assert.is((await failure(source)).code, 'Invalid')
  assert.is((await push('4', { headers: { authorization: 'Bearer right-token' } })).status, 200)
  assert.is((await push('5', { headers: { 'x-gitlab-token': 'right-token' } })).status, 200)
})

test('a signature is wanted where there is a secret', async () => {
  open({ mode: 'count' }, { hmacSecret: 'shared' })
  const body = '{"action":"opened"}'
  const sign = (secret: string, text = body) =>
    `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`
  for (const [signature, status] of [
    [sign('other'), 401],
    [sign('shared', '{}'), 401],
    ['', 401],
    [sign('shared').slice(7), 401],
    [sign('shared'), 200],
  ] as const)
    assert.is((await push(body, { headers: { 'x-hub-signature-256': signature } })).status, status)
  const ping = { 'x-hub-signature-256': sign('shared'), 'x-github-event': 'ping' }
  assert.equal(await push(body, { headers: ping }), { status: 200, text: 'pong' })
})

test('a page in a browser on this machine may not push without a token', async () => {
  open()
  assert.is((await push('4', { headers: { origin: 'https://example.org' } })).status, 403)
})

test('a listener that others reach wants a credential of each trigger', async () => {
  await listener.close()
  listener = await listenForWebhooks({ host: '0.0.0.0', port: 0, clock, logger: silentLogger })
  assert.throws(
    () => open(),
    (error: unknown) => isNsctlError(error, 'Invalid') && error.value === 'token',
  )
  open({}, { token: 'x' })
})

test('two triggers on one path: the second says so until the first has gone', async () => {
  const [first, second] = [open({ path: 'ci/builds' }), open({ path: 'ci/builds' })]
  await push('4', { path: 'ci/builds' })
  assert.equal(await first.measure(now), values(4, true))
  assert.is((await failure(second)).code, 'AlreadyExists')
  await first.close()
  assert.is((await push('4', { path: 'ci/builds' })).status, 404)
  await second.measure(now).catch(() => {})
  assert.is((await push('6', { path: 'ci/builds' })).status, 200)
  assert.equal(await second.measure(now), values(6, true))
  await first.close()
  assert.is((await push('6', { path: 'ci/builds' })).status, 200)
})

test('a body of more than 1 MiB is refused, said before or not', async () => {
  open()
  assert.is((await push('x'.repeat(2 ** 20 + 1))).status, 413)
  const status = await new Promise<number>((resolve, reject) => {
    const request = httpRequest(
      { port: listener.port, path: '/hooks/default/web/outside', method: 'POST' },
      (response) => resolve(response.statusCode ?? 0),
    )
    request.on('error', reject)
    // without a length
    for (let i = 0; i < 20; i++) request.write('x'.repeat(100_000))
    request.end()
  })
  assert.is(status, 413)
  assert.is((await push('4')).status, 200)
})

test('what is no HTTP is dropped, and the listener lives', async () => {
  open()
  await new Promise<void>((resolve) => {
    const socket = connect(listener.port, '127.0.0.1', () => socket.write('\u0000nonsense\r\n\r\n'))
    socket.on('close', () => resolve()).on('error', () => {})
  })
  assert.is((await push('4')).status, 200)
  assert.is((await fetch(`http://127.0.0.1:${listener.port}/hooks/../../etc`)).status, 404)
})

test('a port that is taken is told', async () => {
  const error = await listenForWebhooks({
    port: listener.port,
    clock: systemClock,
    logger: silentLogger,
  }).catch((thrown) => thrown)
  assert.ok(isNsctlError(error, 'Failed'))
  assert.match(error.message, String(listener.port))
})

test.run()
