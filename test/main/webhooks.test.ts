/** The listener of a term. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { TermWebhooks } from '../../src/main/webhooks.ts'

const answer = async () => ({ status: 200 })

/** A port that is another's until `free` is called. */
async function takenPort(): Promise<{ readonly port: number; free(): Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, free: async () => void (await new Promise((resolve) => server.close(resolve))) }
}

/** Waits until `check` throws nothing. */
async function until(check: () => void): Promise<void> {
  for (let left = 200; ; left--) {
    try {
      return check()
    } catch (error) {
      if (left === 0) throw error
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

test('listens as soon as who had the port before has let go of it', async () => {
  const clock = new ManualClock(0)
  const { port, free } = await takenPort()
  const webhooks = new TermWebhooks({ port, clock, logger: silentLogger })
  await webhooks.open()
  assert.throws(() => webhooks.on('a', answer), /cannot listen for webhooks/)
  await free()
  clock.advance(5_000)
  await until(() => webhooks.on('a', answer))
  assert.is((await fetch(`http://127.0.0.1:${port}/hooks/a`, { method: 'POST' })).status, 200)
  await webhooks.close()
})

test('does not try again once it is closed', async () => {
  const clock = new ManualClock(0)
  const { port, free } = await takenPort()
  const webhooks = new TermWebhooks({ port, clock, logger: silentLogger })
  await webhooks.open()
  await webhooks.close()
  await free()
  clock.advance(60_000)
  assert.throws(() => webhooks.on('a', answer), /cannot listen for webhooks/)
})

test.run()
