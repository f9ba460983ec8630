/** Servers that stop answering, at every step: each is given up in bounded time, and it is said where it stopped. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { isNsctlError, type NsctlError } from '../../../src/core/errors.ts'
import type { HopLimits } from '../../../src/transport/ssh/hop.ts'
import type { HostKeyPolicy } from '../../../src/transport/ssh/host-keys.ts'
import { openSshTransport, type SshTransport } from '../../../src/transport/ssh/transport.ts'
import { rejection, until } from '../contract.ts'
import { clientKey } from './keys.ts'
import { fallingSilent, type ServerClient, sshServer, type TestServer, tcpServer } from './scripted-server.ts'

const LIMIT_MS = 400
const LIMITS: HopLimits = { connectLimitMs: LIMIT_MS, keepaliveMs: 50, keepaliveMisses: 2 }
const directory = mkdtempSync(join(tmpdir(), 'nsctl-hangs-'))
const keyFile = join(directory, 'id')
writeFileSync(keyFile, clientKey(), { mode: 0o600 })
const servers: TestServer[] = []
test.after(() => {
  for (const server of servers) server.close()
  rmSync(directory, { recursive: true })
})

/** Which key the server has is learned from its refusal. */
async function policyFor(port: number): Promise<HostKeyPolicy> {
  const known: HostKeyPolicy = { kind: 'known-hosts', files: [join(directory, 'none')] }
  const error = (await rejection(
    open(port, { hostKey: known, limits: { connectLimitMs: 10_000 } }),
  )) as NsctlError
  return { kind: 'fingerprint', fingerprint: String(error.value) }
}

interface OpenOptions {
  readonly hostKey?: HostKeyPolicy
  readonly limits?: Partial<HopLimits>
  readonly agentSocket?: string
  readonly signal?: AbortSignal
}

function open(port: number, options: OpenOptions = {}): Promise<SshTransport> {
  const { hostKey = { kind: 'fingerprint', fingerprint: 'SHA256:none' }, agentSocket } = options
  return openSshTransport({
    target: {
      host: '127.0.0.1',
      port,
      user: 'root',
      identity: agentSocket === undefined ? { file: keyFile } : { agentSocket },
      hostKey,
    },
    limits: { ...LIMITS, ...options.limits },
    clock: systemClock,
    signal: options.signal ?? AbortSignal.timeout(20_000),
  })
}

function kept<S extends TestServer>(server: S): S {
  servers.push(server)
  return server
}

const everyone = (client: ServerClient) => {
  client.on('authentication', (context) => context.accept())
  client.on('session', (accept) => {
    accept().on('exec', (acceptExec) => {
      const channel = acceptExec?.()
      // says nothing of its end until the test's is reached
      channel?.write('hello\n')
    })
  })
}

for (const { name, talk, says } of [
  { name: 'says nothing', talk: () => {}, says: 'takes connections, but does not say that it speaks SSH' },
  {
    name: 'stops after its banner',
    talk: (write: (text: string) => void) => write('SSH-2.0-OpenSSH_9.2\r\n'),
    says: 'stopped answering while keys were exchanged',
  },
  {
    name: 'has a banner without an end',
    talk: (write: (text: string) => void) => write('x'.repeat(100)),
    says: 'stopped answering while keys were exchanged',
  },
])
  test(`a server that ${name} is given up`, async () => {
    const server = kept(await tcpServer((socket) => talk((text) => void socket.write(text))))
    const at = performance.now()
    const error = (await rejection(open(server.port))) as NsctlError
    assert.ok(isNsctlError(error, 'Unreachable'), String(error))
    assert.is(error.message, `root@127.0.0.1:${server.port} ${says}: given up after 0.4 s`)
    assert.match(error.next ?? '', `ssh -v -p ${server.port} root@127.0.0.1`)
    const tookMs = performance.now() - at
    assert.ok(tookMs > LIMIT_MS - 50 && tookMs < 4 * LIMIT_MS, `${tookMs} ms`)
  })

test('a server that talks without an end and never of SSH is given up', async () => {
  const server = kept(
    await tcpServer((socket) => {
      const timer = setInterval(() => socket.write(`${'noise '.repeat(20)}\r\n`), 5)
      socket.on('close', () => clearInterval(timer))
    }),
  )
  assert.ok(isNsctlError(await rejection(open(server.port)), 'Unreachable'))
})

test('a server that sends what is no SSH is given up at once', async () => {
  const server = kept(await tcpServer((socket) => socket.write(`SSH-2.0-x\r\n${'\0\xff'.repeat(3000)}`)))
  const error = await rejection(open(server.port, { limits: { connectLimitMs: 10_000 } }))
  assert.ok(isNsctlError(error, 'Unreachable'), String(error))
})

test('a server that closes at once is given up at once', async () => {
  const server = kept(await tcpServer((socket) => socket.destroy()))
  const error = await rejection(open(server.port, { limits: { connectLimitMs: 10_000 } }))
  assert.ok(isNsctlError(error, 'Unreachable'), String(error))
})

test('a server that falls silent anywhere on the way in is given up', async () => {
  const server = kept(await sshServer(everyone))
  const hostKey = await policyFor(server.port)
  let isIn = false
  for (let bytes = 30; !isIn && bytes < 20_000; bytes += bytes < 1_500 ? 250 : 120) {
    const proxy = kept(await fallingSilent(server.port, () => bytes))
    const at = performance.now()
    try {
      await (
        await open(proxy.port, { hostKey, limits: { connectLimitMs: 150, keepaliveMs: 60_000 } })
      ).close()
      isIn = true
    } catch (error) {
      assert.ok(isNsctlError(error, 'Unreachable'), `after ${bytes} bytes: ${error}`)
      assert.match((error as Error).message, /stopped answering|closed/)
    }
    assert.ok(performance.now() - at < 2_000, `after ${bytes} bytes`)
  }
  assert.ok(isIn, 'with all of its bytes it lets us in')
})

test('a server that does not answer to a login is given up', async () => {
  const server = kept(await sshServer((client) => client.on('authentication', () => {})))
  const error = (await rejection(open(server.port, { hostKey: await policyFor(server.port) }))) as NsctlError
  assert.match(error.message, 'stopped answering while logging in: given up after 0.4 s')
})

test('an agent that does not answer holds nothing up', async () => {
  const server = kept(await sshServer(everyone))
  const hostKey = await policyFor(server.port)
  const socketPath = join(directory, 'agent')
  let asking = 0
  const silent = createServer((socket) => {
    asking++
    socket.on('close', () => asking--).resume()
  })
  await new Promise<void>((resolve) => silent.listen(socketPath, resolve))
  silent.unref()
  const error = (await rejection(open(server.port, { hostKey, agentSocket: socketPath }))) as NsctlError
  assert.match(error.message, 'stopped answering while logging in')
  await until(() => asking === 0, 'nothing is asked of it any more')
  silent.close()
})

test('a way in that takes too long can be called off', async () => {
  const server = kept(await tcpServer(() => {}))
  const reason = new Error('no patience')
  const controller = new AbortController()
  const opening = rejection(
    open(server.port, { limits: { connectLimitMs: 60_000 }, signal: controller.signal }),
  )
  setTimeout(() => controller.abort(reason), 50)
  assert.is(await opening, reason)
})

test('a server that does not let us in is told from one that cannot be reached', async () => {
  const server = kept(
    await sshServer((client) => client.on('authentication', (context) => context.reject(['password']))),
  )
  const error = (await rejection(open(server.port, { hostKey: await policyFor(server.port) }))) as NsctlError
  assert.ok(isNsctlError(error, 'Denied'), String(error))
  assert.match(error.message, 'does not let us in with any of our keys')
  assert.match(error.message, 'it takes password')
})

test('a connection that falls silent later is known to be dead, and says so to all that wait', async () => {
  const server = kept(await sshServer(everyone))
  let allowed = Number.POSITIVE_INFINITY
  const proxy = kept(await fallingSilent(server.port, () => allowed))
  const transport = await open(proxy.port, { hostKey: await policyFor(server.port) })
  const signal = AbortSignal.timeout(20_000)
  const command = await transport.spawn({ argv: ['anything'] }, signal)
  let seen = ''
  command.stdout.on('data', (data) => {
    seen += data
  })
  command.stderr.resume()
  await until(() => seen === 'hello\n', 'the command runs')
  await new Promise((resolve) => setTimeout(resolve, 300))
  allowed = 0
  const at = performance.now()
  const asked = rejection(transport.run({ argv: ['true'] }, { signal }))
  const reason = await transport.ended
  assert.ok(performance.now() - at < 1_000, 'three keepalives')
  assert.match(reason?.message ?? '', 'it does not answer any more')
  for (const error of [
    await rejection(command.ended),
    await asked,
    await rejection(transport.run({ argv: ['true'] }, { signal })),
  ])
    assert.ok(isNsctlError(error, 'Unreachable'), String(error))
})

test('a closed transport ends at once even where the server does not answer', async () => {
  const server = kept(await sshServer(everyone))
  let allowed = Number.POSITIVE_INFINITY
  const proxy = kept(await fallingSilent(server.port, () => allowed))
  const transport = await open(proxy.port, {
    hostKey: await policyFor(server.port),
    limits: { keepaliveMs: 60_000 },
  })
  allowed = 0
  const running = rejection(transport.run({ argv: ['true'] }, { signal: AbortSignal.timeout(20_000) }))
  await transport.close()
  assert.is(await transport.ended, undefined)
  assert.ok(isNsctlError(await running, 'Unreachable'))
})

test('a session that is never opened holds up nobody longer than they want', async () => {
  const server = kept(
    await sshServer((client) => {
      client.on('authentication', (context) => context.accept())
      client.on('session', () => {})
    }),
  )
  const transport = await open(server.port, {
    hostKey: await policyFor(server.port),
    limits: { keepaliveMs: 60_000 },
  })
  const controller = new AbortController()
  const signal = controller.signal
  const all = [
    transport.run({ argv: ['true'] }, { signal }),
    transport.getFile('/etc/passwd', { signal }),
    transport.putFile('/tmp/x', 'x', { signal, mode: 0o600 }),
    ...Array.from({ length: 12 }, () => transport.run({ argv: ['true'] }, { signal })),
  ].map(rejection)
  await new Promise((resolve) => setTimeout(resolve, 50))
  controller.abort(new Error('no patience'))
  for (const error of await Promise.all(all)) assert.is((error as Error).message, 'no patience')
  await transport.close()
})

test('a command whose end is not told has not succeeded', async () => {
  const server = kept(
    await sshServer((client) => {
      client.on('authentication', (context) => context.accept())
      client.on('session', (accept) => {
        accept().on('exec', (acceptExec) => acceptExec?.().close())
      })
    }),
  )
  const transport = await open(server.port, { hostKey: await policyFor(server.port) })
  const error = await rejection(transport.run({ argv: ['true'] }, { signal: AbortSignal.timeout(20_000) }))
  assert.ok(isNsctlError(error, 'Unreachable'), String(error))
  assert.match((error as Error).message, 'did not say how it ended')
  await transport.close()
})

test.run()
