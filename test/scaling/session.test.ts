import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError, NsctlError } from '../../src/core/errors.ts'
import { firstOf } from '../../src/scaling/first-of.ts'
import { oneNumber } from '../../src/scaling/numbers.ts'
import { type Session, sessionSource } from '../../src/scaling/session.ts'
import { until } from './sources/contract.ts'

const SECRET = 'planted-session-11aa'
const soon = () => AbortSignal.timeout(2_000)

interface Client {
  readonly id: number
  isOpen: boolean
}

/** A session whose clients are counted; `answers` are given in their order, errors thrown. */
function scripted(answers: (number | Error)[], parts: Partial<Session<Client>> = {}) {
  const made: Client[] = []
  const ended: number[] = []
  const source = sessionSource<Client>({
    name: 'the server',
    secrets: [SECRET, undefined, ''],
    connect: async () => {
      const client = { id: made.length, isOpen: true }
      made.push(client)
      return client
    },
    isOpen: (client) => client.isOpen,
    end: (client) => ended.push(client.id),
    ask: async () => {
      const answer = answers.shift() ?? 0
      if (answer instanceof Error) throw answer
      return oneNumber(answer)
    },
    codeOf: () => undefined,
    ...parts,
  })
  return { source, made, ended }
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => assert.unreachable(inspect(value)),
    (error: unknown) => error,
  )

test('a source keeps its client, through an answer without a number too', async () => {
  const { source, made, ended } = scripted([1, new NsctlError('Invalid', 'no number'), 2])
  await source.measure(soon())
  assert.ok(isNsctlError(await failureOf(source.measure(soon())), 'Invalid'))
  await source.measure(soon())
  assert.equal([made.length, ended], [1, []])
  await source.close()
  assert.equal(ended, [0])
})

test('a source starts over after a failure, and quietly where the connection had ended by itself', async () => {
  const { source, made, ended } = scripted([1, new Error('reset'), 2, 3])
  await source.measure(soon())
  const error = await failureOf(source.measure(soon()))
  assert.ok(isNsctlError(error, 'Unreachable'))
  assert.match((error as Error).message, 'the server cannot be reached: reset')
  await source.measure(soon())
  ;(made[1] as Client).isOpen = false
  await source.measure(soon())
  assert.equal([made.length, ended], [3, [0, 1]])
})

test('a source says no secret, and hands on nothing of the library', async () => {
  const odd = Object.assign(new Error(`AUTH ${SECRET}`), { command: ['AUTH', SECRET] })
  for (const codeOf of [() => undefined, () => 'Denied' as const, () => 'Invalid' as const]) {
    const error = await failureOf(scripted([odd], { codeOf }).source.measure(soon()))
    assert.not.match(inspect(error, { depth: 9, showHidden: true }), SECRET)
    assert.is((error as NsctlError).code, codeOf() ?? 'Unreachable')
  }
})

test('a client that comes too late is ended', async () => {
  let connect = (_client: Client): void => undefined
  const { source, ended } = scripted([], {
    connect: () =>
      new Promise((resolve) => {
        connect = resolve
      }),
  })
  const stop = new AbortController()
  const measuring = failureOf(source.measure(stop.signal))
  stop.abort(new Error('enough'))
  assert.is(((await measuring) as Error).message, 'enough')
  connect({ id: 7, isOpen: true })
  await until(async () => ended.includes(7))
})

test('a source that is closed ends what is under way, and does nothing more', async () => {
  const { source, made, ended } = scripted([], { ask: () => new Promise(() => undefined) })
  const measuring = failureOf(source.measure(soon()))
  await until(async () => made.length === 1)
  await Promise.all([source.close(), source.close()])
  assert.ok(isNsctlError(await measuring, 'Unreachable'))
  assert.ok(isNsctlError(await failureOf(source.measure(soon())), 'Unreachable'))
  assert.equal([made.length, ended], [1, [0]])
})

const never = new AbortController().signal

test('firstOf: the next is tried once one fails, or keeps us waiting; what comes late is discarded', async () => {
  const discarded: string[] = []
  const aborted: string[] = []
  const attempt = async (name: string, signal: AbortSignal) => {
    if (name === 'refuses') throw new Error('refused')
    if (name === 'hangs')
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          aborted.push(name)
          resolve()
        })
      })
    return name
  }
  const started = performance.now()
  const won = await firstOf(
    ['refuses', 'hangs', 'answers', 'spare'],
    attempt,
    (late) => discarded.push(late),
    never,
  )
  assert.is(won, 'answers')
  assert.ok(performance.now() - started < 1_500)
  await until(async () => discarded.length === 1)
  assert.equal([aborted, discarded], [['hangs'], ['hangs']])
})

test('firstOf: fails with the last failure, and ends with its signal', async () => {
  const refuse = async (name: string) => {
    throw new Error(name)
  }
  const error = await failureOf(firstOf(['a', 'b'], refuse, () => undefined, never))
  assert.is((error as Error).message, 'b')
  const stop = new AbortController()
  const hanging = failureOf(
    firstOf(
      ['a'],
      () => new Promise<string>(() => undefined),
      () => undefined,
      stop.signal,
    ),
  )
  stop.abort(new Error('enough'))
  assert.is(((await hanging) as Error).message, 'enough')
})

test.run()
