/** Who is answered by a node's listener, and whom a caller believes: over TLS, with certificates of a real authority. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ErrorCode, isNsctlError } from '../../src/core/errors.ts'
import { Authority, makeAuthority } from '../../src/join/authority.ts'
import type { NodeServices } from '../../src/listener/services.ts'
import { ADA, callerPair, fastClock, HOUR_MS, never, nodePair, type Scene, scene } from './scene.ts'

const services: Partial<NodeServices> = {
  async metrics(caller, names) {
    const text = `${caller.role} ${caller.name} ${caller.namespace ?? 'all'} ${names.join()}\n`
    return {
      type: 'text/plain',
      pieces: (async function* () {
        yield text
      })(),
    }
  },
}

function inScene(name: string, run: (scene: Scene) => Promise<void>): void {
  test(name, async () => {
    const one = await scene(services)
    try {
      await run(one)
    } finally {
      await one.close()
    }
  })
}

async function refused(code: ErrorCode, said: RegExp, work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => assert.unreachable('it was let'),
    (thrown: unknown) => thrown,
  )
  assert.ok(isNsctlError(error, code), String(error))
  assert.match((error as Error).message, said)
}

inScene('an operator and the control plane are answered, and known', async ({ authority, as, at }) => {
  const text = await as(callerPair(authority)).metrics(at(), ['a', 'b c'], never)
  assert.is(text, 'operator ada all a,b c\n')
  const scraper = callerPair(authority, { role: 'control-plane', name: 'scraper' })
  assert.is(await as(scraper).metrics(at({ joining: 'j1' }), [], never), 'control-plane scraper all \n')
  const narrow = callerPair(authority, { role: 'operator', name: 'bob', namespace: 'shop' })
  assert.is(await as(narrow).metrics(at(), [], never), 'operator bob shop \n')
})

inScene('a node’s certificate opens no other node', async ({ authority, as, at }) => {
  await refused(
    'Denied',
    /node n1: a node’s certificate opens no other node/,
    as(nodePair(authority, 'n2')).metrics(at(), [], never),
  )
  await refused('Denied', /opens no other node/, as(nodePair(authority, 'n1')).metrics(at(), [], never))
})

inScene('who has no certificate of the authority is told so', async ({ authority, as, at }) => {
  const other = new Authority(makeAuthority(Date.now()))
  const foreign = { ...callerPair(other), authority: authority.certificate }
  await refused(
    'Denied',
    /node n1: that is no certificate of this control plane/,
    as(foreign).metrics(at(), [], never),
  )
  const late = callerPair(authority, ADA, Date.now() - 2 * HOUR_MS)
  await refused('Denied', /node n1: the certificate has expired/, as(late).metrics(at(), [], never))
  const early = callerPair(authority, ADA, Date.now() + HOUR_MS)
  await refused('Denied', /not valid yet/, as(early).metrics(at(), [], never))
})

inScene('a caller believes nobody but the node that it means', async ({ authority, as, at }) => {
  const ada = callerPair(authority)
  await refused(
    'Unreachable',
    /node n2 cannot be called at .*: what answers there is node n1/,
    as(ada).metrics(at({ node: 'n2' }), [], never),
  )
  await refused('Unreachable', /an earlier joining/, as(ada).metrics(at({ joining: 'j2' }), [], never))
  const other = new Authority(makeAuthority(Date.now()))
  await refused(
    'Unreachable',
    /node n1 cannot be called at/,
    as({ ...ada, authority: other.certificate }).metrics(at(), [], never),
  )
})

inScene(
  'where nothing listens, it is said which node, and that loopback is that machine’s own',
  async ({ authority, as }) => {
    const error = await as(callerPair(authority))
      .metrics({ node: 'n9', listener: '127.0.0.1:1' }, [], never)
      .catch((thrown) => thrown)
    assert.match(error.message, /node n9 cannot be called at 127.0.0.1:1: .*ECONNREFUSED/)
    assert.match(error.next, /loopback only.*--listen/)
  },
)

test('a node that takes connections and says nothing is given up in time', async () => {
  // as the kernel does for an agent that stands still
  const mute = createServer((socket) => socket.on('error', () => {}).resume())
  mute.listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const { port } = mute.address() as { readonly port: number }
  const { authority, as, close } = await scene({}, fastClock(20))
  const at = { node: 'n1', listener: `127.0.0.1:${port}` }
  const question = { namespace: 'default', instance: 'web-0', port: 'http' }
  try {
    const asked = async (more: object) => {
      const startMs = performance.now()
      const error = await as(callerPair(authority))
        .connect({ ...at, ...more }, question, never)
        .catch((thrown) => thrown)
      return { error, tookMs: performance.now() - startMs }
    }
    const [usual, silent] = await Promise.all([asked({}), asked({ isSilent: true })])
    assert.match(usual.error.message, /node n1 cannot be called at .*: no answer within 10 s/)
    assert.ok(usual.tookMs < 5_000, `${usual.tookMs} ms, of which each is 20`)
    assert.match(silent.error.message, /no answer within 3 s/)
    assert.match(silent.error.next, /hears nothing of it, either: nsctl describe node n1/)
  } finally {
    await close()
    await new Promise((resolve) => mute.close(resolve))
  }
})

inScene(
  'the next certificate is shown from the next connection on',
  async ({ authority, listener, as, at }) => {
    listener.renew(nodePair(authority, 'n1', 'j2'))
    const ada = as(callerPair(authority))
    assert.match(await ada.metrics(at({ joining: 'j2' }), [], never), /ada/)
  },
)

inScene('garbage, plain HTTP and silence do not end it', async ({ authority, listener, as, at }) => {
  for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\xff\xff'.repeat(1000), '']) {
    const socket = connect(listener.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    socket.write(garbage)
    if (garbage !== '') await once(socket, 'close')
    socket.destroy()
  }
  const { certificate, key } = callerPair(authority)
  const socket = connectTls({
    port: listener.port,
    host: '127.0.0.1',
    cert: certificate,
    key,
    rejectUnauthorized: false,
  })
  socket.on('error', () => {})
  socket.write(`GET /v1/metrics HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)
  assert.match(String((await once(socket, 'data'))[0]), /431/)
  socket.destroy()
  assert.match(await as(callerPair(authority)).metrics(at(), [], never), /ada/)
})

test('who is slow to say what he wants is cut off, before and after the handshake', async () => {
  const { authority, listener, as, at, close } = await scene(services, undefined, 300)
  try {
    const silent = connect(listener.port, '127.0.0.1')
    const { certificate, key } = callerPair(authority)
    const slow = connectTls({
      port: listener.port,
      host: '127.0.0.1',
      cert: certificate,
      key,
      rejectUnauthorized: false,
    })
    slow.write('GET /v1/metrics HTTP/1.1\r\n')
    const dripping = setInterval(() => slow.write('x: y\r\n'), 50)
    const startedMs = performance.now()
    await Promise.all([silent, slow].map((one) => once(one.on('error', () => {}).resume(), 'close')))
    clearInterval(dripping)
    assert.ok(performance.now() - startedMs < 4_000)
    assert.match(await as(callerPair(authority)).metrics(at(), [], never), /ada/)
  } finally {
    await close()
  }
})

test.run()
