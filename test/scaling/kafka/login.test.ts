/** What librdkafka's mock does not do, against a broker of our own: logins, all offsets of a group, old versions. */
import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { scramLogin } from '../../../src/scaling/kafka/scram.ts'
import { kafka } from '../../../src/scaling/sources/kafka.ts'
import { read } from '../sources/contract.ts'
import { sourceContext, triggerConfig } from '../sources/double.ts'
import { type BrokerOptions, END, startBroker } from './broker.ts'

const PASSWORD = 'planted-kafka-40ce'
const WRONG = 'planted-wrong-77aa'
const LOGIN = { username: 'scaler', password: PASSWORD }

async function says(
  options: BrokerOptions,
  metadata: Readonly<Record<string, string>> = {},
  authentication: Readonly<Record<string, string>> = {},
): Promise<string> {
  const broker = await startBroker(options)
  const trigger = {
    type: 'kafka',
    metadata: {
      bootstrapServers: `127.0.0.1:${broker.port}`,
      consumerGroup: 'workers',
      topic: 'orders',
      ...metadata,
    },
    authentication,
  }
  const source = kafka.open(triggerConfig(trigger), sourceContext())
  try {
    return String((await read(source, 5_000)).metrics[0]?.value)
  } catch (error) {
    assert.ok(isNsctlError(error), inspect(error))
    assert.not.match(inspect(error, { depth: 20, showHidden: true }), 'planted')
    return `${error.code}: ${error.message}`
  } finally {
    await source.close()
    broker.close()
  }
}

const committed = { workers: { orders: END - 6 } }

for (const sasl of ['plaintext', 'scram_sha256', 'scram_sha512']) {
  test(`logs in by ${sasl}`, async () => {
    assert.is(await says({ login: LOGIN, committed }, { sasl }, LOGIN), '6')
  })
  test(`is denied by ${sasl} with a wrong user or password`, async () => {
    for (const wrong of [{ password: WRONG }, { username: 'stranger' }])
      assert.match(await says({ login: LOGIN, committed }, { sasl }, { ...LOGIN, ...wrong }), /^Denied: /)
  })
}

test('says that a broker does not have a login', async () => {
  const answer = await says({ login: LOGIN, mechanisms: ['PLAIN'] }, { sasl: 'scram_sha256' }, LOGIN)
  assert.match(answer, /^Invalid: .*the login SCRAM-SHA-256: the broker does not have that login/)
})

test('counts all topics that a group has offsets of, where none is named', async () => {
  const all = { workers: { orders: END - 6, mails: END - 3 }, others: { orders: 0 } }
  assert.is(await says({ committed: all }, { topic: '' }), '9')
  assert.match(await says({ committed: {} }, { topic: '' }), /^Invalid: .*workers has committed no offsets/)
})

test('understands versions from 1.0 on, and says of older ones that it does not', async () => {
  for (const newest of [2, 3, 4, 20]) assert.is(await says({ committed, versions: [0, newest] }), '6')
  assert.match(await says({ committed, versions: [0, 0] }), /^Unreachable: .*speaks no version of request/)
  assert.match(await says({ committed, versions: [30, 40] }), /^Unreachable: .*speaks no version of request/)
})

for (const [topicError, want] of [
  [3, /^Invalid: .*topic orders: there is none/],
  [5, /^Unreachable: .*topic orders: it has no leader now/],
  [29, /^Denied: .*topic orders: not permitted/],
  [77, /^Unreachable: .*topic orders: error 77/],
] as const)
  test(`says what error ${topicError} means`, async () => assert.match(await says({ topicError }), want))

test('scramLogin: the example of RFC 7677', async () => {
  const sent: string[] = []
  const answers = [
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  ]
  const login = {
    hash: 'sha256',
    username: 'user',
    password: 'pencil',
    nonce: 'rOprNGfwEbeRWgbNEkqO',
  } as const
  await scramLogin(login, async (message) => {
    sent.push(message)
    return answers.shift() ?? ''
  })
  assert.equal(sent, [
    'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  ])
})

for (const [name, first, final] of [
  ['with another nonce', 'r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', ''],
  ['that adds nothing to the nonce', 'r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', ''],
  ['that asks for too much work', 'r=abcd,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=999999999', ''],
  ['without iterations', 'r=abcd,s=W22ZaJ0SNY7soEsUEjb6gQ==', ''],
  ['that says nothing', '', ''],
  [
    'that cannot prove itself',
    'r=abcd,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=64',
    'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  ],
  ['that proves nothing', 'r=abcd,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=64', ''],
] as const)
  test(`scramLogin believes no server ${name}`, async () => {
    const answers: string[] = [first, final]
    const login = { hash: 'sha256', username: 'user', password: 'pencil', nonce: 'abc' } as const
    const error = await scramLogin(login, async () => answers.shift() ?? '').catch((thrown) => thrown)
    assert.match(String(error), /not as SCRAM has it|does not know the password/)
  })

test.run()
