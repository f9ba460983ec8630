/** Commands beside a program whose input and output are somebody else's. */
import { PassThrough, Readable, Writable } from 'node:stream'
import * as assert from 'uvu/assert'
import type { ProgramSpec } from '../../../src/runtimes/runtime.ts'
import type { ProcessStreams, Terminal } from '../../../src/transport/process-streams.ts'
import { type ContractFixture, type ContractTest, eventually } from './fixture.ts'

const FOREVER = 'while :; do sleep 1; done'

function sink() {
  const found = { text: '' }
  const stream = new Writable({
    write(bytes: Buffer, _, done) {
      found.text += bytes
      done()
    },
  })
  return { found, stream }
}

interface Beside {
  readonly spec: ProgramSpec
  readonly script: string
  readonly streams: ProcessStreams
  readonly signal?: AbortSignal
}

function exec(fixture: ContractFixture, { spec, script, streams, signal }: Beside): Promise<number> {
  const how = { stdin: streams.stdin !== undefined, tty: streams.terminal !== undefined, streams }
  const command = ['sh', '-c', script] as const
  return fixture.harness.reader().exec(spec.id, { ...how, command }, signal ?? AbortSignal.timeout(20_000))
}

async function program(fixture: ContractFixture): Promise<ProgramSpec> {
  const spec = fixture.shell(FOREVER, { workingDir: '/usr', env: { PATH: '/usr/bin:/bin', A: 'a b' } })
  await fixture.start(spec)
  await fixture.running(spec)
  return spec
}

export function besideTests(test: ContractTest): void {
  test('exec with streams reads and writes those, each output apart, to their ends', async ({ fixture }) => {
    const spec = await program(fixture)
    const [out, err] = [sink(), sink()]
    const stdin = Readable.from([Buffer.alloc(3_000_000, 'x')], { objectMode: false })
    const streams = { stdin, stdout: out.stream, stderr: err.stream }
    const script = 'echo "$A $(pwd)" >&2; cat; exit 9'
    assert.is(await exec(fixture, { spec, script, streams }), 9)
    assert.equal([out.found.text.length, err.found.text], [3_000_000, 'a b /usr\n'])
    await fixture.stop(spec)
  })

  for (const c of [
    { name: 'is not there', command: 'no-such-program', code: 127, says: /no-such-program.*not found/ },
    {
      name: 'is not there by its path',
      command: '/no/such',
      code: 127,
      says: /\/no\/such.*(not found|No such)/,
    },
    { name: 'is no program', command: '/etc/passwd', code: 126, says: /\/etc\/passwd/ },
    { name: 'is a folder', command: '/usr', code: 126, says: /\/usr/ },
  ])
    test(`exec of what ${c.name} ends as in a shell, and says so`, async ({ fixture }) => {
      const spec = await program(fixture)
      const [out, err] = [sink(), sink()]
      const streams = { stdout: out.stream, stderr: err.stream }
      const how = { stdin: false, tty: false, streams, command: [c.command] as const }
      const reader = fixture.harness.reader()
      assert.is(await reader.exec(spec.id, how, AbortSignal.timeout(20_000)), c.code)
      assert.match(err.found.text, c.says)
      assert.is(out.found.text, '')
      assert.ok(err.found.text.length < 80, err.found.text)
      assert.not.match(err.found.text, '/usr/bin')
      const quiet = { stdin: false, tty: false, quiet: true, command: [c.command] as const }
      assert.is(await reader.exec(spec.id, quiet, AbortSignal.timeout(20_000)), c.code)
      await fixture.stop(spec)
    })

  test('exec with streams that is called off leaves nothing, not even what left its group', async ({
    fixture,
  }) => {
    const spec = await program(fixture)
    const [out, watching] = [sink(), sink()]
    const stop = new AbortController()
    const mark = `6${process.pid}`
    const streams = { stdout: out.stream, stderr: out.stream }
    const running = exec(fixture, {
      ...{ spec, streams, signal: stop.signal },
      script: `setsid sleep ${mark} & sleep ${mark} & echo both; wait`,
    }).catch((error: Error) => error)
    await eventually('both run', () => out.found.text.includes('both'))
    stop.abort(new Error('called off'))
    assert.is(((await running) as Error).message, 'called off')
    const look = `grep -ls "^sleep.${mark}" /proc/[0-9]*/cmdline | wc -l`
    await eventually('none is left', async () => {
      watching.found.text = ''
      const none = { stdout: watching.stream, stderr: sink().stream }
      await exec(fixture, { spec, script: look, streams: none })
      return watching.found.text.trim() === '0'
    })
    await fixture.stop(spec)
  })
}

/** For a runtime whose commands can have terminals. */
export function terminalTests(test: ContractTest): void {
  test('exec with a terminal has one of its size and kind, and its Ctrl-C is a signal', async ({
    fixture,
  }) => {
    const spec = await program(fixture)
    let size = { columns: 91, rows: 33 }
    let resized = () => {}
    const terminal: Terminal = {
      type: 'vt100',
      size: () => size,
      onResize(listener) {
        resized = listener
        return () => {}
      },
    }
    const [stdin, out] = [new PassThrough(), sink()]
    const streams = { stdin, stdout: out.stream, stderr: out.stream, terminal }
    const script =
      'trap "echo caught; exit 5" INT; test -t 0 && test -t 1 && stty size; echo "$TERM $A"; read x; stty size; while :; do sleep 0.1; done'
    const running = exec(fixture, { spec, script, streams })
    await eventually('it has a terminal', () => /33 91\r\nvt100 a b\r\n/.test(out.found.text))
    size = { columns: 44, rows: 55 }
    resized()
    await new Promise((resolve) => setTimeout(resolve, 500))
    stdin.write('\r')
    await eventually('it follows', () => out.found.text.includes('55 44'))
    stdin.write('\x03')
    assert.is(await running, 5)
    assert.match(out.found.text, 'caught')
    await fixture.stop(spec)
  })
}
