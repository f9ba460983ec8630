/** How long requests take through a real Caddy, by its own histogram. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { Source, ValueReading } from '../../../src/scaling/source.ts'
import { latency } from '../../../src/scaling/sources/latency.ts'
import { type CaddyServer, startCaddy } from '../../lab/caddy.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { sourceContext, triggerConfig } from './double.ts'

interface Context {
  caddy: CaddyServer
  backend: Server
  delayMs: number
}

const present = canFetchDebs()
const test = suite<Context>('latency of Caddy', { caddy: undefined, backend: undefined, delayMs: 0 } as never)
test.before(async (context) => {
  if (!present) return
  context.backend = createServer((_, response) => setTimeout(() => response.end('ok'), context.delayMs))
  await new Promise<void>((resolve) => context.backend.listen(0, '127.0.0.1', resolve))
  context.caddy = await startCaddy(`127.0.0.1:${(context.backend.address() as AddressInfo).port}`)
})
test.after(async ({ caddy, backend }) => {
  if (!present) return
  await caddy.stop()
  backend.closeAllConnections()
  backend.close()
})
/** `needs` knows nothing of the suite's context. */
const own = (crumbs: object) => crumbs as Context
const real = needs(test, present, 'Debian packages')

async function request({ caddy }: Context, count: number): Promise<void> {
  const answers = await Promise.all(Array.from({ length: count }, () => fetch(caddy.url)))
  for (const answer of answers) assert.is(await answer.text(), 'ok')
}

async function opened(context: Context, run: (source: Source) => Promise<void>): Promise<void> {
  const metadata = {
    url: context.caddy.metricsUrl,
    metric: 'caddy_http_request_duration_seconds',
    labels: 'handler=reverse_proxy,code=200',
    value: '0.2',
    activationValue: '0.1',
    percentile: '50',
    window: '5s',
  }
  const watched = sourceContext()
  const source = latency.open(triggerConfig({ type: 'latency', metadata, metricType: 'Value' }), watched)
  try {
    await run(source)
  } finally {
    await source.close()
    watched.http.close()
  }
}

async function measured(source: Source): Promise<{ readonly value: number; readonly active: boolean }> {
  const { metrics, active } = (await source.measure(AbortSignal.timeout(5_000))) as ValueReading
  return { value: metrics[0]?.value ?? Number.NaN, active }
}

const failed = async (source: Source) => {
  const error = await measured(source).catch((thrown) => thrown)
  assert.ok(isNsctlError(error), `${error}`)
  return error
}

real('before the first request there is no histogram, which is not the same as no time', (crumbs) =>
  opened(own(crumbs), async (source) => {
    assert.is((await failed(source)).code, 'Invalid')
  }),
)

real('says how long the requests of the window took', async (crumbs) => {
  const context = own(crumbs)
  context.delayMs = 0
  await request(context, 50)
  await opened(context, async (source) => {
    assert.equal(await measured(source), { value: 0, active: false })
    context.delayMs = 150
    await request(context, 40)
    const slow = await measured(source)
    assert.ok(slow.value > 0.1 && slow.value <= 0.25, `${slow.value} s, between the bounds of Caddy’s bucket`)
    assert.is(slow.active, true)
    context.delayMs = 0
    // few at a time, so that they wait for each other only briefly
    for (let i = 0; i < 50; i++) await request(context, 4)
    const mixed = await measured(source)
    assert.ok(mixed.value < 0.1, `${mixed.value} s, most were quick`)
    assert.is(mixed.active, false)
  })
})

real('a Caddy that is frozen or gone is an error, and one that is back counts anew', (crumbs) => {
  const context = own(crumbs)
  return opened(context, async (source) => {
    await measured(source)
    context.caddy.process.freeze()
    const startedMs = performance.now()
    await source.measure(AbortSignal.timeout(300)).then(
      () => assert.unreachable(),
      () => {},
    )
    assert.ok(performance.now() - startedMs < 500)
    context.caddy.process.thaw()
    await measured(source)
    await context.caddy.process.kill()
    assert.is((await failed(source)).code, 'Unreachable')
    await context.caddy.restart()
    context.delayMs = 150
    await request(context, 20)
    const { value } = await measured(source)
    assert.ok(value > 0.1 && value <= 0.25, `${value}`)
  })
})

test.run()
