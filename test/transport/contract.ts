/** What every transport keeps, whatever it stands on. */
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import type { Test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import type { Command, RunOptions, Transport } from '../../src/transport/transport.ts'

const LIMIT_MS = 20_000

export interface TransportUnderTest {
  readonly transport: Transport
  dispose(): Promise<void>
}

/** Adds the contract's tests to `test`. One transport serves them all, as it would in use; those that end it open one more. */
export function transportContract(
  test: Test | Test['skip'],
  name: string,
  open: () => Promise<TransportUnderTest>,
  finish: (dispose: () => Promise<void>) => void,
): void {
  let opened: Promise<TransportUnderTest> | undefined
  const directory = mkdtempSync(join(tmpdir(), 'nsctl-transport-'))
  chmodSync(directory, 0o777)
  finish(async () => {
    await (await opened)?.dispose()
    rmSync(directory, { recursive: true, force: true })
  })
  const get = async () => {
    opened ??= open()
    return (await opened).transport
  }
  const path = (file: string) => join(directory, `${file}-${randomBytes(4).toString('hex')}`)
  const run = async (command: Command['argv'], more: Partial<RunOptions> & Pick<Command, 'env'> = {}) => {
    const { env, ...options } = more
    return (await get()).run(
      { argv: command, ...(env && { env }) },
      { signal: AbortSignal.timeout(LIMIT_MS), ...options },
    )
  }
  const limit = () => ({ signal: AbortSignal.timeout(LIMIT_MS) })
  const it = (what: string, body: () => Promise<void>) => test(`${name}: ${what}`, body)

  it('runs a command and tells both outputs and the status', async () => {
    const result = await run(['sh', '-c', 'echo out; echo err >&2; exit 7'])
    assert.equal(
      [result.stdout.toString(), result.stderr.toString(), result.exitCode, result.signal],
      ['out\n', 'err\n', 7, undefined],
    )
  })

  it('hands every argument and variable over as it was given', async () => {
    const word = fc
      .string({ unit: 'binary', maxLength: 30 })
      .filter((text) => !text.includes('\0') && text.isWellFormed())
    const nasty = fc.constantFrom(
      '',
      ' ',
      "'",
      '"',
      '\\',
      '!!',
      '$HOME',
      '`id`',
      '-n',
      '=a',
      '%',
      'a\nb',
      '\n',
      '~',
      '*',
      'ä',
      '\\\n',
      '\x01',
      '\x7f',
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(word, nasty), { minLength: 1, maxLength: 8 }),
        fc.oneof(word, nasty),
        async (words, value) => {
          const { stdout } = await run(['sh', '-c', 'printf "%s\\0" "$V" "$@"', 'sh', ...words], {
            env: { V: value },
          })
          assert.equal(stdout.toString().split('\0').slice(0, -1), [value, ...words])
        },
      ),
      {
        numRuns: 40,
        examples: [
          [['x'], 'plain'],
          [["it's", '!'], '\n'],
        ],
      },
    )
  })

  it('finds a program in the PATH, and tells one that is not there from one that cannot be executed', async () => {
    assert.is((await run(['true'])).exitCode, 0)
    assert.is((await run(['no-such-program-of-ours'])).exitCode, 127)
    const file = path('not-executable')
    writeFileSync(file, 'text')
    assert.is((await run([file])).exitCode, 126)
  })

  it('tells the signal that a command ended by', async () => {
    const result = await run(['sh', '-c', 'kill -s KILL $$'])
    assert.equal([result.exitCode, result.signal], [undefined, 'SIGKILL'])
  })

  it('keeps this process’s own variables to itself', async () => {
    process.env.NSCTL_CONTRACT_SECRET = 'hunter2'
    try {
      const { stdout } = await run(['env'])
      assert.not.match(stdout.toString(), 'NSCTL_CONTRACT_SECRET')
      assert.match(stdout.toString(), /^HOME=\//m)
    } finally {
      delete process.env.NSCTL_CONTRACT_SECRET
    }
  })

  it('carries five megabytes of any bytes there and back', async () => {
    const content = randomBytes(5_000_000)
    const { stdout } = await run(['cat'], { stdin: content })
    assert.is(hash(stdout), hash(content))
  })

  it('minds nothing that a command does not read', async () => {
    const result = await run(['true'], { stdin: randomBytes(3_000_000) })
    assert.is(result.exitCode, 0)
  })

  it('gives a command nothing to read where nothing is given', async () => {
    assert.is((await run(['wc', '-c'])).stdout.toString().trim(), '0')
  })

  it('kills what prints more than it may', async () => {
    const error = await rejection(run(['sh', '-c', 'echo $$; exec yes'], { maxOutputBytes: 100_000 }))
    assert.ok(isNsctlError(error, 'TooLarge'), String(error))
    assert.match((error as Error).message, '100000')
  })

  it('keeps the end of a long stderr', async () => {
    const { stderr } = await run(['sh', '-c', 'yes complaint | head -c 300000 >&2; echo last >&2'])
    assert.ok(stderr.length <= 65_536)
    assert.ok(stderr.toString().endsWith('last\n'))
  })

  it('kills a command that is called off, with all that it started', async () => {
    const file = path('pids')
    const controller = new AbortController()
    const running = run(['sh', '-c', `sleep 300 & echo $! $$ >${file}.part; mv ${file}.part ${file}; wait`], {
      signal: controller.signal,
    })
    running.catch(() => {})
    await until(() => existsSync(file), 'the command has started')
    const pids = readFileSync(file, 'utf8').trim().split(' ').map(Number)
    const reason = new Error('enough')
    const at = performance.now()
    controller.abort(reason)
    assert.is(await rejection(running), reason)
    assert.ok(performance.now() - at < 500, 'at once')
    await until(() => pids.every((pid) => !isAlive(pid)), 'both are gone')
  })

  it('starts nothing for a signal that has aborted', async () => {
    const file = path('never')
    const reason = new Error('never mind')
    assert.is(await rejection(run(['touch', file], { signal: AbortSignal.abort(reason) })), reason)
    await run(['true'])
    assert.not(existsSync(file))
  })

  it('refuses what no command can be', async () => {
    for (const [argv, env, code, says] of [
      [[''], {}, 'Invalid', 'first word is empty'],
      [['echo', 'a\0b'], {}, 'Invalid', 'echo'],
      [['echo', '\ud800'], {}, 'Invalid', 'echo'],
      [['env'], { 'A B': '1' }, 'Invalid', '"A B"'],
      [['env'], { A: '\0' }, 'Invalid', 'env'],
      [['echo', 'x'.repeat(30_000)], {}, 'TooLarge', '30006'],
    ] as const) {
      const error = await rejection(run(argv as unknown as [string], { env }))
      assert.ok(isNsctlError(error, code), String(error))
      assert.match((error as Error).message, says)
    }
  })

  it('takes a command as long as it may be, of bytes that all need quoting', async () => {
    const { stdout, exitCode } = await run(['printf', '%s', 'é'.repeat(14_900)])
    assert.equal([stdout.length, exitCode], [29_800, 0])
  })

  it('runs thirty commands at once, and each gets its own', async () => {
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        run(['sh', '-c', 'sleep 0.05; cat; echo $1', 'sh', String(index)], { stdin: `${index} ` }),
      ),
    )
    assert.equal(
      results.map(({ stdout }) => stdout.toString()),
      Array.from({ length: 30 }, (_, index) => `${index} ${index}\n`),
    )
  })

  it('calls off a command that waits for its turn', async () => {
    const controller = new AbortController()
    const first = Array.from({ length: 12 }, () => run(['sleep', '0.5'], { signal: controller.signal }))
    const waiting = new AbortController()
    const last = run(['true'], { signal: waiting.signal })
    waiting.abort(new Error('no patience'))
    assert.is(((await rejection(last)) as Error).message, 'no patience')
    controller.abort(new Error('done'))
    await Promise.allSettled(first)
    assert.is((await run(['true'])).exitCode, 0)
  })

  it('talks with a command as it runs', async () => {
    const transport = await get()
    const command = await transport.spawn(
      { argv: ['sh', '-c', 'while read -r line; do echo "<$line>"; done; echo bye'] },
      limit().signal,
    )
    command.stderr.resume()
    let seen = ''
    command.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString()
    })
    command.stdin.write('one\n')
    await until(() => seen === '<one>\n', 'it answers')
    command.stdin.write('two\n')
    await until(() => seen === '<one>\n<two>\n', 'it answers again')
    command.stdin.end()
    assert.equal(await command.ended, { exitCode: 0 })
    assert.is(seen, '<one>\n<two>\nbye\n')
  })

  it('is done with a command whose output nobody wants any more', async () => {
    const transport = await get()
    for (let index = 0; index < 12; index++) {
      const { stdout, stderr, ended } = await transport.spawn({ argv: ['seq', '10000000'] }, limit().signal)
      stderr.resume()
      stdout.once('data', () => stdout.destroy())
      await ended.catch(() => {})
    }
    assert.is((await run(['true'])).exitCode, 0)
  })

  it('opens a stream to a port, each of whose directions ends by itself', async () => {
    const server = await listen({ port: 0, host: '127.0.0.1' })
    try {
      const { port } = server.address() as { port: number }
      const stream = await (await get()).connect({ host: '127.0.0.1', port }, limit().signal)
      stream.end('hello')
      assert.is(await text(stream), 'you said hello')
    } finally {
      server.close()
    }
  })

  it('opens a stream to a socket', async () => {
    const socketPath = path('socket')
    const server = await listen({ path: socketPath })
    chmodSync(socketPath, 0o777)
    try {
      const stream = await (await get()).connect({ socketPath }, limit().signal)
      stream.end('there')
      assert.is(await text(stream), 'you said there')
    } finally {
      server.close()
    }
  })

  it('closes a stream that is destroyed, read or not', async () => {
    let open = 0
    const server = createServer((socket) => {
      open++
      socket.on('error', () => {}).on('close', () => open--)
      socket.write(randomBytes(500_000))
      socket.resume()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.address() as { port: number }
      for (const isRead of [false, true]) {
        const stream = await (await get()).connect({ host: '127.0.0.1', port }, limit().signal)
        await until(() => open === 1, 'it is connected')
        const closed = new Promise((resolve) => stream.once('close', resolve))
        if (isRead) for await (const _ of stream) break
        else stream.destroy()
        await closed
        await until(() => open === 0, 'the other side hears of it')
      }
    } finally {
      server.close()
    }
  })

  it('says what does not answer', async () => {
    const transport = await get()
    const port = await rejection(transport.connect({ host: '127.0.0.1', port: 1 }, limit().signal))
    assert.ok(isNsctlError(port, 'Unreachable'), String(port))
    assert.match((port as Error).message, '127.0.0.1:1 cannot be reached')
    const socket = await rejection(
      transport.connect({ socketPath: join(directory, 'nobody') }, limit().signal),
    )
    assert.ok(isNsctlError(socket, 'Unreachable'), String(socket))
  })

  it('puts a file in place with its mode, over an old one', async () => {
    const transport = await get()
    const file = path("it's a file\n")
    const content = randomBytes(1_000_000)
    for (const [mode, bytes] of [
      [0o640, content],
      [0o600, Buffer.alloc(0)],
      [0o755, Buffer.from('ä')],
    ] as const) {
      await transport.putFile(file, bytes, { ...limit(), mode })
      assert.is(statSync(file).mode & 0o7777, mode)
      assert.is(hash((await transport.getFile(file, limit())) as Buffer), hash(bytes))
      assert.is(hash(readFileSync(file)), hash(bytes))
    }
  })

  it('never shows a part of a file', async () => {
    const transport = await get()
    const file = path('whole')
    const contents = [randomBytes(300_000), randomBytes(200_000)]
    const known = new Set(contents.map(hash))
    await transport.putFile(file, contents[0] as Buffer, { ...limit(), mode: 0o644 })
    let [isDone, looks] = [false, 0]
    const watching = (async () => {
      while (!isDone) {
        assert.ok(known.has(hash(readFileSync(file))))
        looks++
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    for (let index = 0; index < 10; index++)
      await transport.putFile(file, contents[index % 2] as Buffer, { ...limit(), mode: 0o644 })
    isDone = true
    await watching
    assert.ok(looks > 10)
  })

  it('leaves nothing of a file that cannot be put in place, and says why', async () => {
    const transport = await get()
    const folder = path('folder')
    mkdirSync(folder)
    for (const file of [join(folder, 'missing', 'file'), folder]) {
      const error = await rejection(transport.putFile(file, 'x', { ...limit(), mode: 0o644 }))
      assert.ok(isNsctlError(error, 'Failed'), String(error))
      assert.match((error as Error).message, `${file} cannot be written: `)
    }
    const { stdout } = await run(['sh', '-c', 'ls -A "$1"; ls -d "$1".*', 'sh', folder])
    assert.is(stdout.toString(), '')
  })

  it('refuses a path that is not absolute', async () => {
    const transport = await get()
    for (const file of ['relative', '/folder/', '', '/a\0b'])
      assert.ok(isNsctlError(await rejection(transport.getFile(file, limit())), 'Invalid'), file)
  })

  it('tells a file that is not there from one that cannot be read, and refuses a long one', async () => {
    const transport = await get()
    assert.is(await transport.getFile(path('nothing'), limit()), undefined)
    assert.ok(isNsctlError(await rejection(transport.getFile(directory, limit())), 'Failed'))
    const file = path('long')
    writeFileSync(file, 'x'.repeat(101))
    chmodSync(file, 0o644)
    assert.ok(
      isNsctlError(await rejection(transport.getFile(file, { ...limit(), maxBytes: 100 })), 'TooLarge'),
    )
    assert.is((await transport.getFile(file, { ...limit(), maxBytes: 101 }))?.length, 101)
  })

  it('reads files that do not know their size', async () => {
    assert.match(String(await (await get()).getFile('/proc/version', limit())), 'Linux')
  })

  it('ends what is under way when it is closed, and takes nothing more', async () => {
    const own = await open()
    try {
      const { transport } = own
      const running = rejection(transport.run({ argv: ['sleep', '60'] }, limit()))
      const server = await listen({ port: 0, host: '127.0.0.1' })
      const { port } = server.address() as { port: number }
      const stream = await transport.connect({ host: '127.0.0.1', port }, limit().signal)
      const closed = new Promise((resolve) => stream.once('close', resolve))
      stream.on('error', () => {})
      stream.resume()
      await transport.close()
      await transport.close()
      assert.ok(isNsctlError(await running, 'Unreachable'), String(await running))
      await closed
      server.close()
      assert.is(await transport.ended, undefined)
      for (const late of [
        transport.run({ argv: ['true'] }, limit()),
        transport.connect({ host: '127.0.0.1', port }, limit().signal),
        transport.getFile('/proc/version', limit()),
      ])
        assert.ok(isNsctlError(await rejection(late), 'Unreachable'))
    } finally {
      await own.dispose()
    }
  })
}

/** Answers, once the other side has ended, with what it said. */
function listen(options: { port: number; host: string } | { path: string }): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    socket.on('error', () => {})
    socket.end(`you said ${await text(socket).catch(() => '')}`)
  })
  return new Promise((resolve) => server.listen(options, () => resolve(server)))
}

export async function rejection(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
  } catch (error) {
    return error
  }
  throw new Error('it should have been refused')
}

/** Bounded. */
export async function until(holds: () => boolean, what: string, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** A zombie has ended. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

function hash(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}
