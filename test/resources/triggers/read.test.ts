import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FOREIGN_TRIGGERS, TRIGGERS, triggerSchema } from '../../../src/resources/triggers/index.ts'
import { readTrigger, type TriggerText, targetOf } from '../../../src/resources/triggers/read.ts'

function read(type: string, trigger: TriggerText) {
  const schema = triggerSchema(type)
  assert.ok(schema, `no schema of ${type}`)
  return { schema, ...readTrigger(schema, trigger) }
}

const said = (type: string, trigger: TriggerText) =>
  read(type, trigger).issues.map(({ path, message }) => `${path.join('.')} ${message}`)

const REDIS = { address: 'redis:6379', listName: 'work' }
const PROMETHEUS = { serverAddress: 'http://prometheus:9090', query: 'sum(up)', threshold: '5' }
const AMQP = { queueName: 'orders', host: 'amqp://guest:guest@rabbit:5672/' }
const CRON = { start: '0 8 * * *', end: '0 20 * * *', timezone: 'Europe/Berlin', desiredReplicas: '5' }

const REFUSED: readonly (readonly [name: string, type: string, trigger: TriggerText, issue: string])[] = [
  [
    'a number that is none',
    'redis',
    { metadata: { ...REDIS, listLength: 'abc' } },
    'metadata.listLength must be a whole number, not "abc"',
  ],
  [
    'NaN',
    'prometheus',
    { metadata: { ...PROMETHEUS, threshold: 'NaN' } },
    'metadata.threshold must be a number, not "NaN"',
  ],
  [
    'infinity',
    'prometheus',
    { metadata: { ...PROMETHEUS, threshold: 'Infinity' } },
    'metadata.threshold must be a number, not "Infinity"',
  ],
  [
    'a number too large',
    'prometheus',
    { metadata: { ...PROMETHEUS, threshold: '1e999' } },
    'metadata.threshold must be a number, not "1e999"',
  ],
  [
    'a target of 0',
    'prometheus',
    { metadata: { ...PROMETHEUS, threshold: '0' } },
    'metadata.threshold must be more than 0, not 0',
  ],
  [
    'a target below 0',
    'redis',
    { metadata: { ...REDIS, listLength: '-1' } },
    'metadata.listLength must be more than 0, not -1',
  ],
  [
    'half a list entry',
    'redis',
    { metadata: { ...REDIS, listLength: '2.5' } },
    'metadata.listLength must be a whole number, not "2.5"',
  ],
  ['what is missing', 'redis', { metadata: { address: 'redis:6379' } }, 'metadata.listName is required'],
  [
    'no address',
    'redis',
    { metadata: { listName: 'work' } },
    'metadata.address is required, or host with port',
  ],
  [
    'fewer ports than hosts',
    'redis',
    { metadata: { listName: 'work', hosts: 'a,b', ports: '1' } },
    'metadata.ports must be as many as the hosts, 2, not 1',
  ],
  [
    'what is not in the list of values',
    'metrics-api',
    { metadata: { url: 'http://a', valueLocation: 'a', targetValue: '1', format: 'jsn' } },
    'metadata.format must be one of json, xml, yaml, prometheus, not "jsn"',
  ],
  [
    'no URL',
    'prometheus',
    { metadata: { ...PROMETHEUS, serverAddress: 'prometheus' } },
    'metadata.serverAddress must be a URL such as http://host:9090, not "prometheus"',
  ],
  [
    'a flag that is none',
    'prometheus',
    { metadata: { ...PROMETHEUS, unsafeSsl: 'yes' } },
    'metadata.unsafeSsl must be true or false, not "yes"',
  ],
  [
    'a list as metadata',
    'redis',
    { metadata: { ...REDIS, listLength: [1] } },
    'metadata.listLength must be text, not a list',
  ],
  [
    'Utilization of a queue',
    'redis',
    { metadata: REDIS, metricType: 'Utilization' },
    'metricType must be AverageValue or Value for redis, not Utilization',
  ],
  [
    'Value of cpu',
    'cpu',
    { metadata: { value: '50' }, metricType: 'Value' },
    'metricType must be Utilization or AverageValue for cpu, not Value',
  ],
  [
    'a quantity as a percentage',
    'cpu',
    { metadata: { value: '500m' } },
    'metadata.value must be whole per cent with metricType Utilization',
  ],
  [
    'a percentage with its sign',
    'memory',
    { metadata: { value: '80%' } },
    'metadata.value must be a quantity such as 70, 500m or 100Mi, not "80%"',
  ],
  [
    'a window without end',
    'cron',
    { metadata: { ...CRON, end: CRON.start } },
    'metadata.end must not be the same as start',
  ],
  [
    'a timezone that there is not',
    'cron',
    { metadata: { ...CRON, timezone: 'Europe/Berln' } },
    'metadata.timezone must be a timezone such as Europe/Berlin, not "Europe/Berln"',
  ],
  [
    'no replicas',
    'cron',
    { metadata: { ...CRON, desiredReplicas: '0' } },
    'metadata.desiredReplicas must be at least 1, not "0"',
  ],
  [
    'a rate over AMQP',
    'rabbitmq',
    { metadata: { ...AMQP, mode: 'MessageRate', value: '1' } },
    'metadata.mode MessageRate can be had over http only',
  ],
  [
    'a mode without a value',
    'rabbitmq',
    { metadata: { ...AMQP, mode: 'QueueLength' } },
    'metadata.value is required where mode is given',
  ],
  [
    'old beside new',
    'rabbitmq',
    { metadata: { ...AMQP, mode: 'QueueLength', queueLength: '5' } },
    'metadata.queueLength must not stand beside mode: use value',
  ],
  [
    'a mode of authentication without its parameters',
    'prometheus',
    { metadata: { ...PROMETHEUS, authModes: 'bearer' } },
    'metadata.authModes names bearer, which needs bearerToken',
  ],
  [
    'two modes that exclude each other',
    'prometheus',
    { metadata: { ...PROMETHEUS, authMode: 'bearer,basic' }, authentication: { token: 't', username: 'u' } },
    'metadata.authMode must have one of bearer, basic, oauth, not bearer and basic',
  ],
  [
    'a missing target',
    'metrics-api',
    { metadata: { url: 'http://a', valueLocation: 'a' } },
    'metadata.targetValue is required',
  ],
  [
    'parts of an address missing',
    'mysql',
    { metadata: { query: 'SELECT 1', queryValue: '1', host: 'db', port: '3306', username: 'me' } },
    'metadata.dbName is required where there is no connectionString',
  ],
  [
    'partitions that are none',
    'kafka',
    { metadata: { bootstrapServers: 'k:9092', consumerGroup: 'g', topic: 't', partitionLimitation: '1-' } },
    'metadata.partitionLimitation must be partitions and ranges such as 1,2,10-12',
  ],
  [
    'a selector that is none',
    'kubernetes-workload',
    { metadata: { podSelector: '=', value: '1' } },
    'metadata.podSelector ',
  ],
  [
    'a bad value from elsewhere, without it',
    'redis',
    { metadata: { listName: 'a' }, authentication: { address: 'a:1', tls: 'maybe' } },
    'authenticationRef gives tls, which must be one of enable, disable',
  ],
]
for (const [name, type, trigger, issue] of REFUSED)
  test(`readTrigger refuses ${name}`, () => {
    const issues = said(type, trigger)
    assert.ok(
      issues.length === 1 && issues[0]?.startsWith(issue),
      `${JSON.stringify(issues)} is not ${issue}`,
    )
  })

test('readTrigger takes the TriggerAuthentication before metadata, and that before a variable', () => {
  const metadata = {
    ...REDIS,
    addressFromEnv: 'ADDRESS',
    password: 'of metadata',
    passwordFromEnv: 'PASSWORD',
  }
  const environment = { ADDRESS: 'env:1', PASSWORD: 'of the variable' }
  const all = read('redis', { metadata, environment, authentication: { address: 'auth:1' } })
  assert.equal(all.parameters.list('address'), ['auth:1'])
  assert.is(all.parameters.text('password'), 'of metadata')
  const { password: _, address: __, ...rest } = metadata
  const less = read('redis', { metadata: rest, environment })
  assert.equal(less.parameters.list('address'), ['env:1'])
  assert.is(less.parameters.text('password'), 'of the variable')
})

test('readTrigger leaves what is not known yet to later', () => {
  const metadata = { listName: 'work', addressFromEnv: 'ADDRESS' }
  const { issues, parameters } = read('redis', { metadata, environment: 'later' })
  assert.equal(issues, [])
  assert.ok(parameters.pending('address'))
  assert.not.ok(parameters.has('address'))
  assert.equal(
    said('prometheus', { metadata: { ...PROMETHEUS, authModes: 'bearer' }, authentication: 'later' }),
    [],
  )
  assert.equal(
    said('postgresql', { metadata: { query: 'q', targetQueryValue: '1' }, authentication: 'later' }),
    [],
  )
  assert.equal(said('redis', { metadata, environment: {} }), [
    'metadata.address is required, or host with port',
  ])
})

test('readTrigger warns of what it accepts', () => {
  const metadata = { ...REDIS, lisLength: '7', listLength: 7, host: null, ca: 'x', password: 'hush' }
  const { issues, warnings, parameters } = read('redis', { metadata, authentication: { pasword: 'p' } })
  assert.equal(issues, [])
  assert.is(parameters.number('listLength'), 7)
  assert.equal(warnings, [
    'metadata.listLength is a number and read as text: put it in quotes',
    'metadata.host is empty and ignored',
    'metadata.password is a secret in the clear: give it by a TriggerAuthentication',
    'metadata.lisLength is unknown and ignored (did you mean listLength?)',
    'metadata.ca is ignored: it is taken from a TriggerAuthentication only',
    'the parameter pasword of its TriggerAuthentication is ignored (did you mean password?)',
  ])
})

test("readTrigger reads KEDA's old ways", () => {
  const cpu = read('cpu', { metadata: { type: 'AverageValue', value: '500m' } })
  assert.is(cpu.metricType, 'AverageValue')
  assert.is(targetOf(cpu.schema, cpu.parameters), 0.5)
  assert.equal(cpu.warnings, ["metadata.type is deprecated: use the trigger's metricType"])
  const old = read('rabbitmq', { metadata: { ...AMQP, queueLength: '7' } })
  assert.is(targetOf(old.schema, old.parameters), 7)
  const none = read('rabbitmq', { metadata: AMQP })
  assert.is(targetOf(none.schema, none.parameters), 20)
})

test('readTrigger compares a stream with what is counted', () => {
  const target = (more: Record<string, string>) => {
    const one = read('redis-streams', { metadata: { address: 'a:1', stream: 's', ...more } })
    return targetOf(one.schema, one.parameters)
  }
  assert.is(target({ streamLength: '11' }), 11)
  assert.is(target({ consumerGroup: 'g', pendingEntriesCount: '12' }), 12)
  assert.is(target({ consumerGroup: 'g', lagCount: '13' }), 13)
})

test('readTrigger lets a formula do without a target', () => {
  const metadata = { url: 'http://a', valueLocation: 'a' }
  const { schema, parameters, issues } = read('metrics-api', { metadata, inFormula: true })
  assert.equal(issues, [])
  assert.is(targetOf(schema, parameters), undefined)
})

test('readTrigger hands all metadata of an external scaler on, without secrets', () => {
  const metadata = { scalerAddress: 'a:1', anything: '1', tokenFromEnv: 'TOKEN' }
  const one = read('external', { metadata, environment: { TOKEN: 't' } })
  assert.equal(one.warnings, [])
  assert.equal(one.metadata, { ...metadata, token: 't' })
  assert.is(read('rabbitmq', { metadata: AMQP }).metadata.host, undefined)
})

test('readTrigger says nothing of a secret', () => {
  const hush = 'amqp://user:hush@rabbit:99999999/'
  const text = JSON.stringify(said('rabbitmq', { metadata: { queueName: 'q', host: hush } }))
  assert.match(text, 'must be a URL')
  assert.not.match(text, 'hush')
  const other = JSON.stringify(
    read('redis', { metadata: { listName: 'a' }, authentication: { address: 'a:1', tls: 'hush' } }).issues,
  )
  assert.not.match(other, 'hush')
})

test('asking for a parameter that there is not is a Bug', () => {
  const { parameters } = read('redis', { metadata: REDIS })
  assert.throws(() => parameters.text('nothing'), /has no parameter nothing/)
  assert.throws(() => parameters.flag('listName'), /is no boolean/)
})

test('schemas are sound', () => {
  const types = TRIGGERS.flatMap(({ types }) => types)
  assert.is(new Set(types).size, types.length)
  assert.equal(
    types.filter((type) => FOREIGN_TRIGGERS.includes(type)),
    [],
  )
  for (const { types, parameters, activation, target } of TRIGGERS) {
    const names = parameters.flatMap(({ name, aliases = [] }) => [name, ...aliases])
    assert.is(new Set(names).size, names.length, `${types[0]} names a parameter twice`)
    for (const name of [activation, target])
      if (typeof name === 'string') assert.ok(names.includes(name), `${types[0]} has no ${name}`)
    for (const { name, from, required, default: byDefault } of parameters) {
      assert.match(from, /^M?E?A?$/, `${types[0]}.${name}`)
      assert.not.ok(required && byDefault !== undefined, `${types[0]}.${name} is required and has a default`)
    }
  }
})

test.run()
