import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { Reading, Source } from '../../../src/scaling/source.ts'
import { external, externalPush } from '../../../src/scaling/sources/external.ts'
import { canMakeCertificates, makeAuthority } from '../../lab/certificates.ts'
import { type ExternalScaler, type ScalerOptions, startScaler } from '../../lab/scaler.ts'
import { serverDirectory } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { until } from './contract.ts'
import { sourceContext, triggerConfig } from './double.ts'

const soon = () => AbortSignal.timeout(5_000)

async function withScaler(
  options: ScalerOptions,
  run: (scaler: ExternalScaler, open: Open, clock: ManualClock) => Promise<void>,
): Promise<void> {
  const scaler = await startScaler(options)
  const clock = new ManualClock()
  const opened: Source[] = []
  const open: Open = (metadata = {}, authentication = {}, type = 'external') => {
    const spec = { type, metadata: { scalerAddress: scaler.address, ...metadata }, authentication }
    const source = (type === 'external' ? external : externalPush).open(
      triggerConfig(spec),
      sourceContext({ clock }),
    )
    opened.push(source)
    return source
  }
  try {
    await run(scaler, open, clock)
  } finally {
    for (const source of opened) await source.close()
    await scaler.stop()
  }
}

type Open = (
  metadata?: Record<string, string>,
  authentication?: Record<string, string>,
  type?: string,
) => Source

test('a scaler is told whose trigger it is and its metadata, and brings its targets', () =>
  withScaler({}, async (scaler, open) => {
    scaler.set(12)
    const source = open({ answer: 'two', topic: 'orders' }, { tlsClientKeyX: 'secret' })
    assert.equal(await source.measure(soon()), {
      kind: 'values',
      metrics: [
        { name: 'queue', value: 12, target: 5 },
        { name: 'lag', value: 7.25, target: 2.5 },
      ],
      active: true,
    })
    for (const { ref } of scaler.asked)
      assert.equal(ref, {
        name: 'web',
        namespace: 'default',
        scalerMetadata: { scalerAddress: scaler.address, answer: 'two', topic: 'orders' },
      })
  }))

test('several values of one metric are summed', () =>
  withScaler({}, async (scaler, open) => {
    scaler.set(2)
    const reading = await open({ answer: 'parts' }).measure(soon())
    assert.equal(reading.kind === 'values' && reading.metrics, [{ name: 'queue', value: 2.5, target: 5 }])
  }))

test('what does not listen on the port as a scaler is unreachable or invalid, and told by its address', () =>
  withScaler({}, async (_scaler, open) => {
    for (const address of ['127.0.0.1:1', 'no-such-host.invalid:6000']) {
      const error = await open({ scalerAddress: address })
        .measure(soon())
        .catch((thrown) => thrown)
      assert.ok(isNsctlError(error, 'Unreachable'), String(error))
      assert.match(error.message, address)
    }
  }))

needs(
  test,
  canMakeCertificates(),
  'openssl',
)('TLS: the authority, the name and the client count', async () => {
  const directory = serverDirectory('scaler')
  const authority = makeAuthority(directory.path)
  const foreign = makeAuthority(directory.path, 'foreign')
  const server = authority.sign('server')
  const client = authority.sign('client')
  const read = (file: string) => readFileSync(file, 'utf8')
  try {
    const tls = { ca: authority.ca, ...server, client: true } as const
    await withScaler({ tls }, async (scaler, open) => {
      scaler.set(3)
      const pair = { tlsClientCert: read(client.cert), tlsClientKey: read(client.key) }
      const right = open({}, { caCert: read(authority.ca), ...pair })
      assert.is((await right.measure(soon())).kind, 'values')
      for (const [metadata, authentication] of [
        [{}, { caCert: read(foreign.ca), ...pair }],
        [{}, { caCert: read(authority.ca) }],
        [{ enableTLS: 'true' }, pair],
        [{}, {}],
      ] as [Record<string, string>, Record<string, string>][]) {
        const error = await open(metadata, authentication)
          .measure(soon())
          .catch((thrown) => thrown)
        assert.ok(isNsctlError(error, 'Unreachable'), String(error))
        assert.not.match(JSON.stringify(error) + error.message, 'PRIVATE KEY')
      }
      const unsafe = open({ enableTLS: 'true', unsafeSsl: 'true' }, pair)
      assert.is((await unsafe.measure(soon())).kind, 'values')
      const garbled = await open({}, { tlsClientCert: 'none', tlsClientKey: 'none' })
        .measure(soon())
        .catch((thrown) => thrown)
      assert.ok(isNsctlError(garbled, 'Invalid'), String(garbled))
    })
  } finally {
    directory.remove()
  }
})

test('what a scaler pushes is told with its numbers, activity and targets', () =>
  withScaler({ activation: 2 }, async (scaler, open) => {
    const source = open({}, {}, 'external-push')
    const told: Reading[] = []
    const stop = new AbortController()
    const listening = source.listen?.((reading) => told.push(reading), stop.signal)
    const last = () => told.at(-1)
    await until(async () => scaler.listening === 1 && told.length > 0)
    scaler.set(9)
    const values = (value: number, target: number, active: boolean) => ({
      kind: 'values',
      metrics: [{ name: 'queue', value, target }],
      active,
    })
    await until(async () => JSON.stringify(last()) === JSON.stringify(values(9, 5, true)))
    scaler.retarget(3)
    await until(async () => JSON.stringify(last()) === JSON.stringify(values(9, 3, true)))
    scaler.set(1)
    await until(async () => JSON.stringify(last()) === JSON.stringify(values(1, 3, false)))
    stop.abort()
    await listening
    const { length } = told
    scaler.set(20)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.is(told.length, length)
  }))

test('a stream that ends is begun again after a pause', () =>
  withScaler({ noSpecStream: true }, async (scaler, open, clock) => {
    const source = open({}, {}, 'external-push')
    const stop = new AbortController()
    const told: Reading[] = []
    const listening = source.listen?.((reading) => told.push(reading), stop.signal)
    await until(async () => scaler.listening === 1)
    scaler.dropStreams()
    await until(async () => {
      clock.advance(500)
      return scaler.listening === 1
    })
    scaler.set(4)
    await until(async () => told.some((one) => one.kind === 'values' && one.metrics[0]?.value === 4))
    stop.abort()
    await listening
  }))

test('a scaler that does not push says so, and is polled all the same', () =>
  withScaler({ pullOnly: true }, async (scaler, open) => {
    const source = open({}, {}, 'external-push')
    const error = await source.listen?.(() => {}, soon()).catch((thrown) => thrown)
    assert.ok(isNsctlError(error, 'Unsupported'), String(error))
    scaler.set(6)
    assert.is((await source.measure(soon())).kind, 'values')
  }))

test.run()
