import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { firstFluxValue } from '../../../src/scaling/sources/influxdb/flux.ts'
import { influxdb } from '../../../src/scaling/sources/influxdb.ts'
import { type Script, startScripted } from '../../lab/scripted-http.ts'
import { sourceContext, triggerConfig } from './double.ts'

const ANNOTATED = `#datatype,string,long,dateTime:RFC3339,string,double
#group,false,false,false,true,false
#default,_result,,,,
,result,table,_time,host,_value
,,0,2026-01-01T00:00:00Z,"a, b ""c""",`

for (const [name, text, want] of [
  ['annotated', `${ANNOTATED}12.5\r\n`, 12.5],
  ['the first of several', `${ANNOTATED}1\n,,0,2026-01-01T00:00:01Z,x,2\n`, 1],
  ['of several tables', `${ANNOTATED}3\n\n#datatype,string\n,result,_value\n,,4\n`, 3],
  ['plain', 'result,_value\n,0\n', 0],
  ['of whole numbers', ',result,table,_value\n,,0,9007199254740991\n', 9_007_199_254_740_991],
  ['infinite', ',_value\n,+Inf\n', Number.POSITIVE_INFINITY],
  ['of no record', `${ANNOTATED.split('\n').slice(0, 4).join('\n')}\n`, undefined],
  ['of null', `${ANNOTATED}\n`, undefined],
  ['empty', '', undefined],
] as const)
  test(`an answer of Flux that is ${name} is ${want}`, () => {
    assert.is(firstFluxValue(text), want)
  })

test('NaN is told as it is', () => {
  assert.ok(Number.isNaN(firstFluxValue(',_value\n,NaN\n')))
})

for (const [name, text, message] of [
  [
    'an error',
    '#datatype,string,long\n,error,reference\n,Failed to parse query,897\n',
    'Failed to parse query',
  ],
  ['no _value', ',result,value\n,,1\n', '_value'],
  ['a text', ',_value\n,many\n', 'no number'],
  ['a page', '<html>\n<body>\n', '_value'],
] as const)
  test(`${name} is Invalid`, () => {
    assert.throws(
      () => firstFluxValue(text),
      (error: unknown) => isNsctlError(error, 'Invalid') && error.message.includes(message),
    )
  })

async function asked(metadata: Record<string, string>, script: Script) {
  const server = await startScripted(script)
  const context = sourceContext()
  const source = influxdb.open(
    triggerConfig({
      type: 'influxdb',
      metadata: { serverURL: `${server.url}/influx/`, query: 'a query', ...metadata },
      authentication: { authToken: 'the-token' },
    }),
    context,
  )
  try {
    const reading = await source.measure(AbortSignal.timeout(5_000)).catch((error) => error)
    return { reading, request: server.requests[0] }
  } finally {
    await source.close()
    context.http.close()
    await server.stop()
  }
}

test('version 2 is asked in Flux, with its organization and token', async () => {
  const { reading, request } = await asked({ organizationName: 'my org' }, () => ({
    body: `${ANNOTATED}7\n`,
  }))
  assert.equal(reading, { kind: 'values', metrics: [{ name: '', value: 7 }], active: true })
  assert.equal(
    [request?.method, request?.url.pathname, request?.url.search, request?.body],
    ['POST', '/influx/api/v2/query', '?org=my+org', 'a query'],
  )
  assert.is(request?.headers.authorization, 'Token the-token')
  assert.is(request?.headers['content-type'], 'application/vnd.flux')
})

test('version 3 is asked in SQL, and the last row counts', async () => {
  const metadata = { influxVersion: '3', queryType: 'FlightSQL', database: 'jobs', metricKey: 'n' }
  const { reading, request } = await asked(metadata, () => ({ body: '[{"n":1},{"n":2.5}]' }))
  assert.equal(reading, { kind: 'values', metrics: [{ name: '', value: 2.5 }], active: true })
  assert.is(request?.url.pathname, '/influx/api/v3/query_sql')
  assert.equal(JSON.parse(request?.body ?? ''), { db: 'jobs', q: 'a query', format: 'json' })
  for (const body of ['[]', '[{"m":1}]', '[{"n":"1"}]', '[{"n":null}]', '{}', 'x'])
    assert.ok(isNsctlError((await asked(metadata, () => ({ body }))).reading, 'Invalid'), body)
})

test.run()
