import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/core/clock.ts'
import { type MeasureOptions, measureBy } from '../../src/main/measure.ts'
import { SOURCES } from '../../src/main/sources.ts'
import type { ServiceAnalysis } from '../../src/resources/generated/types.ts'
import { SourceGuards } from '../../src/scaling/guard.ts'
import { sourceContext } from '../scaling/sources/double.ts'

interface Context {
  server: Server
  answers: { result: unknown; requests: { url: string; authorization: string | undefined }[] }
  guards: SourceGuards
}

const test = suite<Context>('measure')

test.before.each(async (context) => {
  const answers: Context['answers'] = { result: [], requests: [] }
  const server = createServer(({ url = '', headers }, response) => {
    answers.requests.push({ url, authorization: headers.authorization })
    const data = { resultType: 'vector', result: answers.result }
    response.end(JSON.stringify({ status: 'success', data }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const guards = new SourceGuards({
    context: sourceContext({ clock: systemClock }),
    load: (type) => SOURCES[type]?.(),
    steadyMs: () => systemClock.monotonic(),
    random: () => 1,
  })
  Object.assign(context, { server, answers, guards })
})

test.after.each(async ({ server, guards }) => {
  await guards.close()
  server.close()
})

const owner = { namespace: 'shop', name: 'web' }
const signal = new AbortController().signal

function analysisOf(
  { server }: Context,
  ref?: ServiceAnalysis['prometheus']['authenticationRef'],
): ServiceAnalysis {
  const { port } = server.address() as AddressInfo
  return {
    prometheus: {
      ...{ address: `http://127.0.0.1:${port}/p`, query: 'errors{a="b"}' },
      ...(ref && { authenticationRef: ref }),
    },
    ...{ successCondition: 'result < 1', interval: '1s', count: 1, failureLimit: 0, inconclusiveLimit: 1 },
  }
}

function measure({ guards }: Context, authenticate: MeasureOptions['authenticate'] = async () => ({})) {
  return measureBy({ guards, authenticate })
}

const sample = (value: string) => [{ metric: {}, value: [0, value] }]

test('asks for the number of the query', async (context) => {
  context.answers.result = sample('0.25')
  assert.is(await measure(context)(analysisOf(context), owner, signal), 0.25)
  assert.is(context.answers.requests[0]?.url, '/p/api/v1/query?query=errors%7Ba%3D%22b%22%7D')
})

for (const [name, result] of [
  ['no series', []],
  ['NaN', sample('NaN')],
  ['infinity', sample('+Inf')],
  ['two series', [...sample('1'), ...sample('2')]],
] as const)
  test(`${name} is no number`, async (context) => {
    context.answers.result = result
    const said = await measure(context)(analysisOf(context), owner, signal).catch((error: Error) => error)
    assert.instance(said, Error)
  })

test('a server that is away is an error, and the next time it is asked again', async (context) => {
  context.answers.result = sample('1')
  const away = { ...analysisOf(context), prometheus: { address: 'http://127.0.0.1:1', query: 'up' } }
  const said = await measure(context)(away, owner, signal).catch((error: Error) => error)
  assert.match(String(said), /ECONNREFUSED|refused/)
  assert.is(await measure(context)(analysisOf(context), owner, signal), 1)
  assert.is(await measure(context)(analysisOf(context), owner, signal), 1)
  assert.is(context.answers.requests.length, 2, 'no look of another is taken for a measurement')
})

test('logs in with what the TriggerAuthentication has', async (context) => {
  context.answers.result = sample('1')
  const asked: unknown[] = []
  const authenticate: MeasureOptions['authenticate'] = async (ref, { kind, namespace, name }) => {
    asked.push([ref.name, kind, namespace, name])
    return { authModes: 'bearer', bearerToken: 'secret' }
  }
  await measure(context, authenticate)(analysisOf(context, { name: 'prometheus' }), owner, signal)
  assert.equal(asked, [['prometheus', 'Service', 'shop', 'web']])
  assert.is(context.answers.requests[0]?.authorization, 'Bearer secret')
})

test.run()
