/** Whoever scrapes again and again shakes hands once, and a connection that is lost meanwhile costs nothing but another. */
import { createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import {
  Authority,
  callerOfSubject,
  keyPem,
  makeAuthority,
  newKey,
  nodeOfSubject,
} from '../../src/join/authority.ts'
import { NodeCaller } from '../../src/listener/caller.ts'
import { listenForCallers } from '../../src/listener/server.ts'
import type { NodeServices } from '../../src/listener/services.ts'

const signal = new AbortController().signal

/** A node behind a cable that counts connections and can be pulled. */
async function scene() {
  const authority = new Authority(makeAuthority(Date.now()))
  const key = newKey()
  const certificate = authority.issueNode(
    { node: 'n1', joining: 'j1' },
    keyPem(createPublicKey(key)),
    Date.now(),
  )
  let asked = 0
  const services = {
    async metrics() {
      asked++
      return { type: 'text/plain', pieces: [`answer ${asked}`] as unknown as AsyncIterable<string> }
    },
  } as unknown as NodeServices
  const listener = await listenForCallers({
    ...{ host: '127.0.0.1', port: 0, services, callerOf: callerOfSubject },
    ...{ clock: systemClock, logger: silentLogger },
    identity: { certificate, key: keyPem(key), authority: authority.certificate },
  })
  const sockets: Socket[] = []
  const cable = createServer((near) => {
    sockets.push(near)
    const far = connect(listener.port, '127.0.0.1')
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) socket.on('error', () => {})
    near.once('close', () => far.destroy())
  })
  cable.listen(0, '127.0.0.1')
  await once(cable, 'listening')
  const own = authority.issueCaller({ role: 'control-plane', name: 'c1' }, 3_600_000, Date.now())
  const credentials = { ...own, authority: authority.certificate }
  const caller = new NodeCaller({
    clock: systemClock,
    nodeOf: nodeOfSubject,
    credentials: async () => credentials,
  })
  const at = { node: 'n1', listener: `127.0.0.1:${(cable.address() as AddressInfo).port}` }
  return {
    sockets,
    asked: () => asked,
    scrape: () => caller.metrics(at, [], signal),
    async close() {
      caller.close()
      for (const socket of sockets) socket.destroy()
      cable.close()
      await listener.close()
    },
  }
}

test('a connection is kept from one scrape to the next', async () => {
  const { sockets, scrape, close } = await scene()
  try {
    for (let i = 1; i <= 5; i++) assert.is(await scrape(), `answer ${i}`)
    assert.is(sockets.length, 1)
  } finally {
    await close()
  }
})

test('a kept connection that was reset over there is replaced, and the scrape does not fail', async () => {
  const { sockets, scrape, asked, close } = await scene()
  try {
    await scrape()
    for (let round = 1; round <= 3; round++) {
      // the next request meets a connection that is just being reset
      const next = scrape()
      sockets.at(-1)?.resetAndDestroy()
      assert.match(await next, /^answer/)
      assert.is(sockets.length, 1 + round)
    }
    assert.ok(asked() >= 4)
  } finally {
    await close()
  }
})

test.run()
