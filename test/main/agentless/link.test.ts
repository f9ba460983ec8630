import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { NsctlError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { Link } from '../../../src/main/agentless/link.ts'
import type { CommandResult, Transport } from '../../../src/transport/transport.ts'

const never = new AbortController().signal
const ticks = () => new Promise((resolve) => setTimeout(resolve, 5))

class Machine {
  isUp = true
  answers = true
  opened = 0
  closed = 0
  asked = 0
  end: () => void = () => {}

  async open(): Promise<Transport> {
    this.opened++
    if (!this.isUp) throw new NsctlError('Unreachable', 'no route')
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.end = () => resolve(undefined)
    const run = async (): Promise<CommandResult> => {
      this.asked++
      if (!this.answers) throw new NsctlError('Unreachable', 'it hangs')
      return { exitCode: 0, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }
    }
    const close = async () => {
      this.closed++
      resolve(undefined)
    }
    return { name: 'n1', run, close, ended: promise } as unknown as Transport
  }
}

function linkTo(machine: Machine): { link: Link; clock: ManualClock; failures: unknown[] } {
  const clock = new ManualClock()
  const failures: unknown[] = []
  const link = new Link({
    open: () => machine.open(),
    ...{ clock, random: () => 0, logger: silentLogger },
    onFailure: (error) => failures.push(error),
  })
  return { link, clock, failures }
}

test('nothing is connected to before it is needed, then once for all who need it, and anew after it ended', async () => {
  const machine = new Machine()
  const { link } = linkTo(machine)
  await ticks()
  assert.is(machine.opened, 0)
  const [one, other] = await Promise.all([link.connected(never), link.connected(never)])
  assert.is(one, other)
  assert.is(machine.opened, 1)
  machine.end()
  await ticks()
  assert.is.not(await link.connected(never), one)
  await link.close()
  assert.is(machine.closed, 1)
})

test('the lease is renewed only once the machine has answered', async () => {
  const machine = new Machine()
  machine.isUp = false
  const { link, clock, failures } = linkTo(machine)
  let isAllowed = false
  const before = link.before().then(() => {
    isAllowed = true
  })
  for (let second = 0; second < 60; second++) {
    await ticks()
    clock.advance(1_000)
  }
  assert.not.ok(isAllowed)
  assert.is(failures.length, 1, 'the same is told once')
  assert.ok(machine.opened >= 7 && machine.opened <= 14, `tried ${machine.opened} times in a minute`)
  machine.isUp = true
  machine.answers = false
  for (let second = 0; second < 20; second++) {
    await ticks()
    clock.advance(1_000)
  }
  assert.ok(machine.asked > 1 && !isAllowed, 'a connection alone is no answer')
  machine.answers = true
  clock.advance(1_000)
  await before
  assert.ok(isAllowed)
  await link.close()
})

test('closing lets go of whoever waits, without an answer', async () => {
  const machine = new Machine()
  machine.isUp = false
  const { link } = linkTo(machine)
  const [before, connected] = [link.before(), link.connected(never).catch((error: Error) => error)]
  await ticks()
  await link.close()
  await before
  assert.match(((await connected) as Error).message, /not looked after from here any more/)
})

test('who drops a connection gets another', async () => {
  const machine = new Machine()
  const { link } = linkTo(machine)
  await link.connected(never)
  await link.drop()
  await link.drop()
  assert.is(machine.closed, 1)
  await link.connected(never)
  assert.is(machine.opened, 2)
  await link.close()
})

test.run()
