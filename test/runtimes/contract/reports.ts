/** What is seen of a program: usage, logs, commands run beside it. */
import { readFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { programKey } from '../../../src/runtimes/runtime.ts'
import { type ContractTest, eventually, startOf, WHO } from './fixture.ts'

const FOREVER = 'while :; do sleep 1; done'

export function reportTests(test: ContractTest): void {
  logTests(test)
  followTests(test)

  test('usage counts the CPU and memory of what runs', async ({ fixture }) => {
    const spec = fixture.shell('while :; do :; done')
    const idle = fixture.shell(FOREVER)
    await Promise.all([fixture.start(spec), fixture.start(idle)])
    await Promise.all([fixture.running(spec), fixture.running(idle)])
    const of = async (key: string) => (await fixture.runtime.usage()).find((one) => one.key === key)
    const busy = await eventually('it has used 100 ms', async () => {
      const usage = await of(programKey(spec.id))
      return usage !== undefined && usage.cpuMs >= 100 && usage
    })
    assert.ok(busy.memoryBytes > 50_000, `${busy.memoryBytes} bytes`)
    assert.ok((await of(programKey(idle.id)))!.cpuMs < 1_000)
    await Promise.all([fixture.stop(spec), fixture.stop(idle)])
    await Promise.all([fixture.gone(spec), fixture.gone(idle)])
    assert.is(await of(programKey(spec.id)), undefined)
  })

  test('usage counts what is read and written, where that is asked for and the kernel tells', async ({
    fixture,
  }) => {
    const write = 'f=$(mktemp); head -c 3000000 /dev/zero >"$f"; sync "$f"; rm "$f"'
    const spec = fixture.shell(`${write}; ${FOREVER}`)
    await fixture.start(spec)
    await fixture.running(spec)
    const key = programKey(spec.id)
    const of = async (options?: { readonly io: boolean }) =>
      (await fixture.runtime.usage(options)).find((one) => one.key === key)
    assert.is((await of())?.io, undefined)
    const { pid } = fixture.runtime.observe().get(key) ?? {}
    const { io } = await eventually('it is counted', () => of({ io: true }))
    // a kernel may keep it from everybody but the program's own user
    if (io === undefined) assert.throws(() => readFileSync(`/proc/${pid}/io`))
    else assert.ok(io.readBytes >= 0 && io.writtenBytes >= 0, JSON.stringify(io))
    await fixture.stop(spec)
    await fixture.gone(spec)
  })

  for (const code of [0, 7]) {
    test(`exec passes on exit code ${code}`, async ({ fixture }) => {
      const spec = fixture.shell(FOREVER, { workingDir: '/usr', env: { PATH: '/usr/bin:/bin', A: 'a b' } })
      await fixture.start(spec)
      await fixture.running(spec)
      const options = { tty: false, stdin: false, quiet: true }
      const signal = AbortSignal.timeout(10_000)
      const command = [
        'sh',
        '-c',
        `test "$A" = "a b" && test "$(pwd)" = /usr && exit ${code}; exit 99`,
      ] as const
      const found = await fixture.harness
        .reader()
        .exec(spec.id, { ...options, command: [...command] }, signal)
      assert.is(found, code)
      await fixture.stop(spec)
    })
  }

  test('exec is refused where the program does not run: never, no more, or not for now', async ({
    fixture,
  }) => {
    const spec = fixture.shell(FOREVER)
    const exec = async () => {
      const options = { tty: false, stdin: false, quiet: true, command: ['true'] } as const
      const signal = AbortSignal.timeout(10_000)
      return fixture.harness
        .reader()
        .exec(spec.id, options, signal)
        .catch((error) => error)
    }
    const isRefused = (found: unknown) => {
      assert.ok(isNsctlError(found, 'NotFound'), String(found))
      assert.match(found.message, `${spec.id.service}-0 does not run, so nothing can be run beside it`)
    }
    isRefused(await exec())
    await fixture.start(spec)
    await fixture.running(spec)
    assert.is(await exec(), 0)
    await fixture.stop(spec)
    await fixture.gone(spec)
    isRefused(await exec())

    const brief = { ...fixture.shell('exit 0'), id: spec.id }
    await fixture.runtime.forget(spec.id)
    await fixture.start(brief)
    await fixture.gone(brief)
    isRefused(await exec())
  })
}

function logTests(test: ContractTest): void {
  test('logs give both streams, in order, with their id', async ({ fixture }) => {
    const spec = fixture.shell(`for i in 1 2 3; do echo out $i; echo err $i >&2; done; echo end; ${FOREVER}`)
    await fixture.start(spec)
    await fixture.printed(spec.id, 'end')
    await fixture.printed(spec.id, 'err 3')
    const lines = await fixture.lines(spec.id)
    const texts = (stream: string) => lines.filter((line) => line.stream === stream).map((line) => line.text)
    const all = lines.map((line) => line.text)
    assert.equal(
      all.filter((text) => text.startsWith('out')),
      ['out 1', 'out 2', 'out 3'],
    )
    assert.equal(
      all.filter((text) => text.startsWith('err')),
      ['err 1', 'err 2', 'err 3'],
    )
    assert.ok(texts('stdout').includes('end'))
    assert.ok(lines.every((line) => programKey(line.id) === programKey(spec.id)))
    await fixture.stop(spec)
  })

  test('tail gives the last lines', async ({ fixture }) => {
    const spec = fixture.shell(`i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo $i; done; ${FOREVER}`)
    await fixture.start(spec)
    await fixture.printed(spec.id, '500')
    const texts = async (tail: number) => (await fixture.lines(spec.id, { tail })).map((line) => line.text)
    assert.equal(await texts(3), ['498', '499', '500'])
    assert.equal(await texts(0), [])
    assert.is((await texts(10_000)).length, 500)
    await fixture.stop(spec)
  })

  test('since leaves out what is older', async ({ fixture }) => {
    const spec = fixture.shell(`echo old; sleep 1.5; echo new; ${FOREVER}`)
    await fixture.start(spec)
    const old = await fixture.printed(spec.id, 'old')
    await fixture.printed(spec.id, 'new')
    const sinceMs = (old.atMs ?? Date.now() - 1_500) + 700
    await eventually('only the new line is left', async () => {
      const texts = (await fixture.lines(spec.id, { sinceMs })).map((line) => line.text)
      return texts.join() === 'new'
    })
    await fixture.stop(spec)
  })

  test('previous gives the output of the process before', async ({ fixture }) => {
    const spec = fixture.shell(`${WHO}; echo I am $who; ${FOREVER}`)
    await fixture.start(spec)
    const first = await fixture.running(spec)
    const one = `I am ${startOf(first.pid)}`
    await fixture.printed(spec.id, one)
    process.kill(first.pid, 'SIGKILL')
    const second = await fixture.running(spec, first.pid)
    const two = `I am ${startOf(second.pid)}`
    await fixture.printed(spec.id, two)
    await fixture.printed(spec.id, one, { previous: true })
    const previous = (await fixture.lines(spec.id, { previous: true })).map((line) => line.text)
    assert.not.ok(previous.includes(two))
    await fixture.stop(spec)
  })
}

function followTests(test: ContractTest): void {
  test('follow gives what is there, then what comes, until it is aborted', async ({ fixture }) => {
    const spec = fixture.shell(`i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done`)
    await fixture.start(spec)
    await fixture.printed(spec.id, '3')
    const abort = new AbortController()
    const seen: number[] = []
    try {
      const lines = fixture.harness.reader().logs(spec.id, { follow: true }, abort.signal)
      for await (const line of lines) {
        if (line.stream === 'manager') continue
        seen.push(Number(line.text))
        if (seen.length >= 20) abort.abort()
      }
    } catch (error) {
      if (!abort.signal.aborted) throw error
    }
    assert.equal(
      seen.slice(0, 20),
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
    await fixture.stop(spec)
  })

  test('follow goes on with the next process after a crash', async ({ fixture }) => {
    const spec = fixture.shell(`${WHO}; echo I am $who; ${FOREVER}`)
    await fixture.start(spec)
    const first = await fixture.running(spec)
    const one = `I am ${startOf(first.pid)}`
    await fixture.printed(spec.id, one)
    const abort = new AbortController()
    const seen: string[] = []
    const reading = (async () => {
      for await (const line of fixture.harness.reader().logs(spec.id, { follow: true }, abort.signal))
        seen.push(line.text)
    })().catch((error) => {
      if (!abort.signal.aborted) throw error
    })
    await eventually('the first line is followed', () => seen.includes(one))
    process.kill(first.pid, 'SIGKILL')
    const second = await fixture.running(spec, first.pid)
    const two = `I am ${startOf(second.pid)}`
    await eventually('the second line is followed', () => seen.includes(two))
    abort.abort()
    await reading
    await fixture.stop(spec)
  })
}
