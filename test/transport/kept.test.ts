import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../src/core/clock.ts'
import { isNsctlError, NsctlError } from '../../src/core/errors.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { keepConnected } from '../../src/transport/kept.ts'
import { localTransport } from '../../src/transport/local/transport.ts'
import type { Transport } from '../../src/transport/transport.ts'
import { rejection } from './contract.ts'

const signal = AbortSignal.timeout(20_000)
const settle = () => new Promise((resolve) => setTimeout(resolve, 5))

/** A machine whose connections are made and broken by the test. */
function machine() {
  const clock = new ManualClock()
  const attempts: PromiseWithResolvers<Transport>[] = []
  const kept = keepConnected({
    name: 'web-1',
    open: () => {
      attempts.push(Promise.withResolvers<Transport>())
      return (attempts.at(-1) as PromiseWithResolvers<Transport>).promise
    },
    clock,
    random: () => 0,
    logger: silentLogger,
  })
  const connection = () => {
    const broken = Promise.withResolvers<NsctlError | undefined>()
    const transport = localTransport()
    const shown = new Proxy(transport, {
      get: (target, name) => {
        if (name === 'ended') return broken.promise
        const member = Reflect.get(target, name, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    return { transport: shown, lose: () => broken.resolve(new NsctlError('Unreachable', 'cut off')) }
  }
  return { clock, attempts, kept, connection }
}

test('what is asked while it connects waits for that', async () => {
  const { attempts, kept, connection } = machine()
  const running = kept.run({ argv: ['echo', 'hi'] }, { signal })
  assert.is(kept.state().kind, 'connecting')
  attempts[0]?.resolve(connection().transport)
  assert.is((await running).stdout.toString(), 'hi\n')
  assert.is(kept.state().kind, 'up')
  await kept.close()
})

test('what waits for a connection can be called off', async () => {
  const { kept } = machine()
  const reason = new Error('no patience')
  const controller = new AbortController()
  const running = kept.run({ argv: ['true'] }, { signal: controller.signal })
  controller.abort(reason)
  assert.is(await rejection(running), reason)
  await kept.close()
})

test('between two attempts it says at once why the last one failed', async () => {
  const { attempts, kept } = machine()
  attempts[0]?.reject(new NsctlError('Unreachable', 'nobody answers'))
  await settle()
  const error = await rejection(kept.getFile('/proc/version', { signal }))
  assert.ok(isNsctlError(error, 'Unreachable'))
  assert.equal(
    [(error as NsctlError).message, (error as NsctlError).next],
    ['nobody answers', 'it is tried again 0.5 s after that'],
  )
  await kept.close()
})

test('tries again later and later, half a minute apart at most', async () => {
  const { clock, attempts, kept } = machine()
  const delays: number[] = []
  kept.onState((state) => {
    if (state.kind === 'down') delays.push(state.retryInMs)
  })
  for (let index = 0; index < 9; index++) {
    attempts[index]?.reject(new NsctlError('Unreachable', 'nobody answers'))
    await settle()
    clock.advance((delays[index] as number) - 1)
    assert.is(attempts.length, index + 1, 'not before its time')
    clock.advance(1)
    assert.is(attempts.length, index + 2)
  }
  assert.equal(delays, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  await kept.close()
})

test('does not hurry to be refused again', async () => {
  const { attempts, kept } = machine()
  attempts[0]?.reject(new NsctlError('Denied', 'another host key', { next: 'look there' }))
  await settle()
  const state = kept.state()
  assert.ok(state.kind === 'down' && state.retryInMs === 30_000 && state.reason.code === 'Denied')
  assert.is(((await rejection(kept.run({ argv: ['true'] }, { signal }))) as NsctlError).next, 'look there')
  await kept.close()
})

test('connects again after it was lost, soon where it had held', async () => {
  const { clock, attempts, kept, connection } = machine()
  const states: string[] = []
  kept.onState((state) => states.push(state.kind === 'down' ? `down ${state.retryInMs}` : state.kind))
  for (const [index, heldMs] of [5_000, 5_000, 60_000, 1_000].entries()) {
    const { transport, lose } = connection()
    attempts[index]?.resolve(transport)
    await settle()
    clock.advance(heldMs)
    lose()
    await settle()
    clock.advance(10_000)
  }
  assert.equal(states, [
    ...['up', 'down 500', 'connecting'],
    ...['up', 'down 1000', 'connecting'],
    ...['up', 'down 500', 'connecting'],
    ...['up', 'down 1000', 'connecting'],
  ])
  attempts[4]?.resolve(connection().transport)
  assert.is((await kept.run({ argv: ['echo', 'back'] }, { signal })).stdout.toString(), 'back\n')
  await kept.close()
})

test('closed, it tries no more, and closes what connects late', async () => {
  const { clock, attempts, kept, connection } = machine()
  const { transport } = connection()
  const waiting = kept.run({ argv: ['true'] }, { signal })
  await kept.close()
  assert.ok(isNsctlError(await rejection(waiting), 'Unreachable'))
  attempts[0]?.resolve(transport)
  await settle()
  assert.ok(isNsctlError(await rejection(transport.run({ argv: ['true'] }, { signal })), 'Unreachable'))
  clock.advance(100_000)
  assert.is(attempts.length, 1)
  assert.is(await kept.ended, undefined)
})

test.run()
