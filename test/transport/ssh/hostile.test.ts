/** A server that says anything at all ends its own connection, and nothing else: no exception that nobody catches, no memory without a bound. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { openSshTransport, type SshTransport } from '../../../src/transport/ssh/transport.ts'
import { rejection } from '../contract.ts'
import { clientKey } from './keys.ts'
import {
  distorting,
  type ServerClient,
  sendPayload,
  sshServer,
  type TestServer,
  tcpServer,
} from './scripted-server.ts'

const directory = mkdtempSync(join(tmpdir(), 'nsctl-hostile-'))
const keyFile = join(directory, 'id')
writeFileSync(keyFile, clientKey(), { mode: 0o600 })
const servers: TestServer[] = []
const uncaught: unknown[] = []
const onUncaught = (error: unknown) => uncaught.push(error)
test.before(() => {
  process.on('uncaughtException', onUncaught)
  process.on('unhandledRejection', onUncaught)
})
test.after(() => {
  for (const server of servers) server.close()
  rmSync(directory, { recursive: true })
})
test.after.each(() => {
  assert.equal(uncaught.splice(0), [])
})

/** Of the key that all of these servers have; learned from the first one's refusal. */
let fingerprint: string | undefined

/** So many connections at a time: most of a test is waiting. */
const AT_ONCE = 12

function open(port: number, connectLimitMs = 3_000, user = 'root'): Promise<SshTransport> {
  return openSshTransport({
    target: {
      host: '127.0.0.1',
      port,
      user,
      identity: { file: keyFile },
      hostKey: { kind: 'fingerprint', fingerprint: fingerprint ?? 'SHA256:none' },
    },
    limits: { connectLimitMs, keepaliveMs: 200, keepaliveMisses: 2 },
    clock: systemClock,
    signal: AbortSignal.timeout(60_000),
  })
}

async function serve(script: (client: ServerClient, user: () => string) => void): Promise<TestServer> {
  const server = await sshServer((client) => {
    let user = ''
    client.on('authentication', (context) => {
      user = context.username
      context.accept()
    })
    script(client, () => user)
  })
  servers.push(server)
  fingerprint ??= String(((await rejection(open(server.port))) as { value: unknown }).value)
  return server
}

/** In use: one command under way, one after the other, until the connection is gone. */
async function use(transport: SshTransport): Promise<void> {
  const signal = AbortSignal.timeout(3_000)
  const running = transport.run({ argv: ['true'] }, { signal }).catch(() => {})
  const stream = transport.connect({ host: '127.0.0.1', port: 1 }, signal).then(
    (opened) => opened.on('error', () => {}).resume(),
    () => {},
  )
  await Promise.race([transport.ended, new Promise((resolve) => setTimeout(resolve, 300))])
  await transport.close()
  await running
  await stream
}

test('whatever is changed on the way ends the connection at most', async () => {
  const server = await serve((client) => {
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec) => {
        const channel = acceptExec?.()
        channel?.write('x'.repeat(1000))
        channel?.exit(0)
        channel?.end()
      })
    })
  })
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 64 })
  const change = fc.record({
    from: fc.integer({ min: 0, max: 4_000 }),
    noise: fc.oneof(bytes, fc.constantFrom(Uint8Array.of(0), Uint8Array.of(255))),
    isForGood: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (changes) => {
      await Promise.all(changes.map((one) => attempt(server.port, one)))
    }),
    { numRuns: 5 },
  )
})

async function attempt(port: number, change: Parameters<typeof distorting>[1]): Promise<void> {
  const proxy = await distorting(port, change)
  try {
    await use(await open(proxy.port, 500))
  } catch (error) {
    assert.ok(isNsctlError(error, 'Unreachable', 'Unsupported', 'Denied'), String(error))
  } finally {
    proxy.close()
  }
}

test('a server that has let us in may send any message', async () => {
  const kinds = [
    1, 2, 3, 4, 5, 6, 7, 20, 21, 30, 31, 50, 51, 52, 53, 60, 61, 80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97,
    98, 99, 100, 192,
  ]
  const said = new Map<string, readonly Buffer[]>()
  const server = await serve((client, user) => {
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec) => {
        acceptExec?.()
        for (const payload of said.get(user()) ?? []) sendPayload(client, payload)
      })
    })
  })
  const length = fc.oneof(
    fc.constantFrom(0, 0, 1, 2, 255, 0x7fffffff, 0xffffffff),
    fc.integer({ min: 0, max: 40 }),
  )
  const body = fc.array(
    fc.oneof(
      length.map((value) => uint32(value)),
      fc.uint8Array({ maxLength: 12 }).map((value) => Buffer.from(value)),
    ),
    { maxLength: 8 },
  )
  const message = fc
    .tuple(fc.constantFrom(...kinds), body)
    .map(([kind, parts]) => Buffer.concat([Buffer.of(kind), ...parts]))
  let ended = 0
  const tell = async (messages: readonly Buffer[], user: string) => {
    said.set(user, messages)
    const transport = await open(server.port, 10_000, user)
    void transport.ended.then((reason) => {
      if (reason !== undefined) ended++
    })
    await use(transport)
  }
  const messages = fc.array(message, { minLength: 1, maxLength: 4 })
  const malformed = Buffer.of(94, 0, 0)
  const disconnect = Buffer.of(1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0)
  await fc.assert(
    fc.asyncProperty(fc.array(messages, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (all) => {
      await Promise.all(all.map((each, index) => tell(each, `u${index}`)))
    }),
    { numRuns: 7, examples: [[[[malformed], [disconnect]]]] },
  )
  assert.ok(ended >= 2, 'it was heard')
})

test('a server that never stops talking uses up no memory', async () => {
  for (const line of [
    'x'.repeat(65_536),
    `${'x'.repeat(200)}\r\n`.repeat(300),
    `SSH-2.0-x${'y'.repeat(65_536)}`,
  ]) {
    const server = await tcpServer((socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(line));
      }
      socket.on('drain', more)
      more()
    })
    servers.push(server)
    const before = process.memoryUsage().rss
    const error = await rejection(open(server.port, 1_000))
    assert.ok(isNsctlError(error, 'Unreachable'), String(error))
    const grownMb = (process.memoryUsage().rss - before) / 1e6
    assert.ok(grownMb < 150, `${line.slice(0, 12)}: ${grownMb.toFixed(0)} MB`)
    server.close()
  }
})

test('a server that prints without an end is held to what may be kept', async () => {
  const server = await serve((client) => {
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec) => {
        const channel = acceptExec?.()
        const noise = randomBytes(32_768).toString('latin1')
        const timer = setInterval(() => {
          for (let index = 0; index < 50; index++) channel?.write(noise)
        }, 1)
        client.on('close', () => clearInterval(timer))
      })
    })
  })
  const transport = await open(server.port)
  const error = await rejection(
    transport.run({ argv: ['true'] }, { signal: AbortSignal.timeout(10_000), maxOutputBytes: 1_000_000 }),
  )
  assert.ok(isNsctlError(error, 'TooLarge'), String(error))
  await transport.close()
})

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

test.run()
