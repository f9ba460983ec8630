/** What goes over a channel: over TLS, with real processes and connections at the node's end. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { PassThrough, Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { connectTo } from '../../src/agent/listening/connect.ts'
import { localSurroundings } from '../../src/agent/surroundings.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { isNsctlError, NsctlError } from '../../src/core/errors.ts'
import { Channel } from '../../src/listener/channel.ts'
import type { NodeServices } from '../../src/listener/services.ts'
import { runBeside } from '../../src/runtimes/beside.ts'
import { callerPair, fastClock, never, type Scene, scene } from './scene.ts'

const REF = { namespace: 'default', instance: 'web-0-abcde' }
const MIB = 2 ** 20
const BLOCKS = 24

const services: Partial<NodeServices> = {
  async *logs(_, { tail = 3, follow }, signal) {
    for (let i = 0; i < tail; i++) yield { stream: 'stdout', text: `line ${i} – ü`, atMs: i }
    if (follow) await once(signal, 'abort')
  },
  async exec(_, { command, stdin, terminal }, streams, signal) {
    if (command[0] === 'forbidden') throw new NsctlError('Denied', 'not that', { next: 'another' })
    if (command[0] === 'broken') throw new Error('a secret of the node')
    return runBeside(
      command,
      {
        env: { PATH: process.env.PATH ?? '' },
        options: { command, stdin, tty: terminal !== undefined, streams },
        failed: (error) => new NsctlError('Failed', error.message),
      },
      signal,
    )
  },
  connect: (_, { port }, signal) => connectTo(localSurroundings().dial, ['127.0.0.1'], Number(port), signal),
}

function inScene(name: string, run: (scene: Scene) => Promise<void>, clock?: Clock): void {
  test(name, async () => {
    const one = await scene(services, clock)
    try {
      await run(one)
    } finally {
      await one.close()
    }
  })
}

function sink() {
  const hash = createHash('sha256')
  const found = { bytes: 0, text: '', digest: () => hash.digest('hex') }
  const stream = new Writable({
    write(bytes: Buffer, _, done) {
      found.bytes += bytes.length
      if (found.text.length < MIB) found.text += bytes.toString()
      hash.update(bytes)
      done()
    },
  })
  return { found, stream }
}

interface Run {
  readonly stdin?: Readable
  readonly signal?: AbortSignal
}

async function shell({ authority, as, at }: Scene, script: string, { stdin, signal = never }: Run = {}) {
  const [out, err] = [sink(), sink()]
  const streams = { stdout: out.stream, stderr: err.stream, ...(stdin && { stdin }) }
  const question = { ...REF, command: ['sh', '-c', script] as const, stdin: stdin !== undefined }
  const code = await as(callerPair(authority)).exec(at(), question, streams, signal)
  return { code, out: out.found, err: err.found }
}

async function until(what: string, look: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + limitMs
  while (!(await look())) {
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${limitMs} ms`)
    await sleep(20)
  }
}

for (const { script, code } of [
  { script: 'exit 0', code: 0 },
  { script: 'exit 7', code: 7 },
  { script: 'kill -9 $$', code: 137 },
  { script: 'exit 255', code: 255 },
])
  inScene(`${script} ends with ${code} here`, async (one) => {
    assert.is((await shell(one, script)).code, code)
  })

inScene('both outputs arrive whole and apart, and input ends where it ends', async (one) => {
  const { code, out, err } = await shell(one, 'cat; echo no >&2; exit 3', {
    stdin: Readable.from(['a\n', 'b\n']),
  })
  assert.equal([code, out.text, err.text], [3, 'a\nb\n', 'no\n'])
})

inScene('many megabytes go through a command and back without a byte lost', async (one) => {
  const block = Buffer.alloc(MIB, 'nsctl ')
  const own = createHash('sha256')
  async function* blocks() {
    for (let i = 0; i < BLOCKS; i++) {
      block.writeUInt32BE(i, 0)
      own.update(block)
      yield Buffer.from(block)
    }
  }
  const { code, out } = await shell(one, 'cat', { stdin: Readable.from(blocks()) })
  assert.equal([code, out.bytes], [0, BLOCKS * MIB])
  assert.is(out.digest(), own.digest('hex'))
})

inScene(
  'a reader that stands still holds the command up, and is not taken for gone',
  async ({ authority, as, at }) => {
    let taken = 0
    let go: () => void = () => {}
    const stuck = new Writable({
      write(bytes: Buffer, _, done) {
        taken += bytes.length
        if (taken === bytes.length) go = done
        else done()
      },
    })
    const question = { ...REF, command: ['head', '-c', String(20 * MIB), '/dev/zero'] as const, stdin: false }
    const running = as(callerPair(authority)).exec(
      at(),
      question,
      { stdout: stuck, stderr: sink().stream },
      never,
    )
    await sleep(2_500)
    assert.ok(taken < MIB, `${taken} bytes`)
    go()
    assert.is(await running, 0)
    assert.is(taken, 20 * MIB)
  },
  fastClock(10),
)

inScene('a caller that ends leaves nothing of the command, not even what left its group', async (one) => {
  const stop = new AbortController()
  const mark = `9${process.pid}`
  const isThere = async () =>
    (await shell(one, `pgrep -fx "sleep ${mark}"`)).out.text.trim().split('\n').filter(Boolean)
  const running = shell(one, `setsid sleep ${mark} & sleep ${mark} & wait`, { signal: stop.signal }).catch(
    (error) => error,
  )
  await until('both run', async () => (await isThere()).length === 2)
  stop.abort(new Error('Ctrl-C'))
  assert.is((await running).message, 'Ctrl-C')
  await until('none is left', async () => (await isThere()).length === 0)
})

inScene('a listener that ends is known at once, and ends its commands', async (one) => {
  const mark = `8${process.pid}`
  const running = shell(one, `sleep ${mark}`).catch((error) => error)
  await sleep(300)
  await one.listener.close()
  const error = await running
  assert.ok(isNsctlError(error, 'Unreachable'), String(error))
  assert.match(error.message, /node n1: the connection is lost/)
})

inScene(
  'errors keep their code and words; what is a bug says nothing of the node',
  async ({ authority, as, at }) => {
    const ada = as(callerPair(authority))
    const run = (program: string) =>
      ada
        .exec(
          at(),
          { ...REF, command: [program], stdin: false },
          { stdout: sink().stream, stderr: sink().stream },
          never,
        )
        .catch((error) => error)
    const denied = await run('forbidden')
    assert.equal([denied.code, denied.message, denied.next], ['Denied', 'node n1: not that', 'another'])
    const broken = await run('broken')
    assert.is(broken.message, 'node n1: the agent could not do that: its log says why')
    assert.match((await run('/is/not/there')).message, /node n1: .*ENOENT/)
    const odd = await ada
      .exec(
        at(),
        { ...REF, command: [] as never, stdin: false },
        { stdout: sink().stream, stderr: sink().stream },
        never,
      )
      .catch((error) => error)
    assert.is(odd.code, 'Invalid')
  },
)

inScene(
  'a terminal has the size of the caller’s, follows it, and Ctrl-C is a byte',
  async ({ authority, as, at }) => {
    let size = { columns: 100, rows: 30 }
    let resized = () => {}
    const terminal = {
      type: 'xterm',
      size: () => size,
      onResize(listener: () => void) {
        resized = listener
        return () => {}
      },
    }
    const [stdin, out] = [new PassThrough(), sink()]
    const script =
      'trap "echo caught; exit 5" INT; tty; stty size; echo $TERM; read x; stty size; while :; do sleep 0.1; done'
    const question = {
      ...REF,
      command: ['sh', '-c', script] as const,
      stdin: true,
      terminal: { type: 'xterm', ...size },
    }
    const running = as(callerPair(authority)).exec(
      at(),
      question,
      { stdin, stdout: out.stream, stderr: out.stream, terminal },
      never,
    )
    await until('it has a terminal', () => /\/dev\/pts\/\d+\r\n30 100\r\nxterm/.test(out.found.text))
    size = { columns: 77, rows: 22 }
    resized()
    await sleep(500)
    stdin.write('\r')
    await until('it follows', () => out.found.text.includes('22 77'))
    stdin.write('\x03')
    assert.is(await running, 5)
    assert.match(out.found.text, /caught/)
  },
)

inScene('logs come as they are, and end when nobody reads on', async ({ authority, as, at }) => {
  const ada = as(callerPair(authority))
  const texts: string[] = []
  for await (const { text } of ada.logs(at(), { ...REF, tail: 2000 }, never)) texts.push(text)
  assert.is(texts.length, 2000)
  assert.is(texts[1999], 'line 1999 – ü')
  for await (const { text } of ada.logs(at(), { ...REF, follow: true }, never))
    if (text.startsWith('line 2')) break
})

inScene('a forwarded connection closes each half by itself', async ({ authority, as, at }) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes
    })
    socket.on('end', () => socket.end(`${text.length} bytes`))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  const ada = as(callerPair(authority))
  const all = Array.from({ length: 40 }, async (_, i) => {
    const stream = await ada.connect(at(), { ...REF, port }, never)
    stream.end('x'.repeat(i * 10_000))
    let said = ''
    for await (const bytes of stream) said += bytes
    assert.is(said, `${i * 10_000} bytes`)
  })
  await Promise.all(all)
  server.close()
  const refused = await ada.connect(at(), { ...REF, port }, never).catch((error) => error)
  assert.ok(isNsctlError(refused, 'Unreachable'), String(refused))
  assert.match(refused.message, /node n1: nothing answers at port/)
})

inScene(
  'an end that falls silent without a word is known, and its command ends',
  async ({ authority, listener, as, at }) => {
    // a proxy that carries until the cable is cut
    let isCut = false
    const sockets: Socket[] = []
    const proxy = createServer((socket) => {
      const to = connect(listener.port, '127.0.0.1')
      sockets.push(socket, to)
      for (const [from, into] of [
        [socket, to],
        [to, socket],
      ] as const) {
        from.on('data', (bytes) => !isCut && into.write(bytes))
        from.on('error', () => {})
      }
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const mark = `7${process.pid}`
    const cut = at({ listener: `127.0.0.1:${(proxy.address() as { readonly port: number }).port}` })
    const running = as(callerPair(authority))
      .exec(
        cut,
        { ...REF, command: ['sleep', mark], stdin: false },
        { stdout: sink().stream, stderr: sink().stream },
        never,
      )
      .catch((error) => error)
    await until('it runs', () => isRunning(mark))
    isCut = true
    const error = await running
    assert.match(error.message, /node n1: the connection is lost: nothing was heard for 10 s/)
    await until('its command is ended', () => !isRunning(mark))
    for (const socket of sockets) socket.destroy()
    proxy.close()
  },
  fastClock(10),
)

test('what comes after the end is not kept', () => {
  const socket = new PassThrough()
  const channel = new Channel(socket, Buffer.alloc(0), { clock: systemClock, streams: 2, onMessage() {} })
  // the beginning of a frame, and then no more of our business
  socket.emit('data', Buffer.from([1, 0, 0]))
  channel.close()
  const before = process.memoryUsage().arrayBuffers
  const bytes = Buffer.alloc(MIB)
  for (let i = 0; i < 16; i++) socket.emit('data', bytes)
  const kept = process.memoryUsage().arrayBuffers - before
  assert.ok(kept < 4 * MIB, `${Math.round(kept / MIB)} MiB are held`)
})

function isRunning(mark: string): boolean {
  return spawnSync('pgrep', ['-fx', `sleep ${mark}`]).status === 0
}

test.run()
