/** What becomes of a source whose server fails it in each way. */
import { inspect } from 'node:util'
import * as assert from 'uvu/assert'
import {
  endsInTime,
  failureOf,
  MEASURE_LIMIT_MS,
  numberOf,
  type Of,
  read,
  sleep,
  unexpected,
  until,
  watch,
} from './bench.ts'

export function faults(of: Of): void {
  of('is unreachable while its server is frozen, and recovers', async (bench) => {
    const { server, set } = bench.outside
    if (server === undefined) return
    await set(4)
    const [used, fresh] = [bench.open(), bench.open()]
    await numberOf(used)
    server.freeze()
    try {
      for (const source of [used, fresh]) await endsInTime(bench, source, AbortSignal.timeout(400), 400)
    } finally {
      server.thaw()
    }
    for (const source of [used, fresh]) await until(async () => (await numberOf(source)) === 4)
  })

  of('is unreachable while its server is gone, and recovers', async (bench) => {
    const { server, set } = bench.outside
    if (server?.kill === undefined || server.restart === undefined) return
    const [used, fresh] = [bench.open(), bench.open()]
    await set(4)
    await numberOf(used)
    await server.kill()
    try {
      for (const source of [used, fresh, used]) {
        const error = await failureOf(bench, source, 'killed')
        assert.is(error.code, 'Unreachable', error.message)
      }
    } finally {
      await server.restart()
    }
    await set(5)
    for (const source of [used, fresh]) await until(async () => (await numberOf(source)) === 5)
  })
}

export function gateFaults(of: Of): void {
  of('is unreachable where nobody listens, and recovers', async (bench) => {
    const { gate, set } = bench.outside
    if (gate === undefined) return
    await set(4)
    const [used, fresh] = [bench.open(), bench.open()]
    await numberOf(used)
    await gate.set('refuse')
    for (const source of [used, fresh, used]) {
      const error = await failureOf(bench, source, 'refused')
      assert.is(error.code, 'Unreachable', error.message)
    }
    await gate.set('pass')
    for (const source of [used, fresh]) await until(async () => (await numberOf(source)) === 4)
  })

  of('ends in time where nobody answers, and recovers', async (bench) => {
    const { gate, set } = bench.outside
    if (gate === undefined) return
    await set(4)
    const [used, fresh] = [bench.open(), bench.open()]
    await numberOf(used)
    await gate.set('freeze')
    for (const source of [used, fresh]) await endsInTime(bench, source, AbortSignal.timeout(300), 300)
    await gate.set('pass')
    for (const source of [used, fresh]) await until(async () => (await numberOf(source)) === 4)
  })

  of('leaves no connection behind a measure that was ended', async (bench) => {
    const { gate, connections = 1 } = bench.outside
    if (gate === undefined) return
    const source = bench.open()
    await gate.set('freeze')
    for (let again = 0; again < 5; again++)
      watch(await source.measure(AbortSignal.timeout(30)).then(unexpected, (error) => error), bench)
    await gate.set('pass')
    await until(async () => gate.open <= connections)
  })

  of('makes no number of garbage, of ten megabytes, of a line that breaks', async (bench) => {
    const { gate, set, garbage = [] } = bench.outside
    if (gate === undefined) return
    await set(4)
    const [used, fresh] = [bench.open(), bench.open()]
    await numberOf(used)
    for (const bytes of [...NONSENSE, ...garbage]) {
      await gate.set({ kind: 'answer', bytes })
      for (const source of [used, fresh]) {
        const what = inspect(bytes.slice(0, 60))
        const error = await failureOf(bench, source, what)
        assert.ok(['Unreachable', 'Invalid'].includes(error.code), `${what}: ${error.code}: ${error.message}`)
      }
    }
    for (const afterBytes of [0, 1, 3, 20, 100]) {
      await gate.set({ kind: 'cut', afterBytes })
      for (const source of [used, fresh]) {
        // all of a short answer may have come before
        const said = await numberOf(source).catch((error) => watch(error, bench))
        assert.ok(said === undefined || said === 4, `cut after ${afterBytes}: ${said}`)
      }
    }
    await gate.set('pass')
    for (const source of [used, fresh]) await until(async () => (await numberOf(source)) === 4)
  })
}

export function closing(of: Of): void {
  of('closes twice, ends its connections, and measures no more', async (bench) => {
    const { outside, open } = bench
    const [source, unused] = [open(), open()]
    await unused.close()
    await unused.close()
    await read(source)
    await Promise.all([source.close(), source.close()])
    await source.close()
    watch(await source.measure(AbortSignal.timeout(1_000)).then(unexpected, (error) => error), bench)
    if (outside.gate !== undefined) {
      bench.context.http.close()
      await until(async () => outside.gate?.open === 0)
    }
  })

  of('ends a measure that is under way when it is closed', async (bench) => {
    const { gate } = bench.outside
    if (gate === undefined) return
    const source = bench.open()
    await gate.set('freeze')
    try {
      const under = source.measure(AbortSignal.timeout(MEASURE_LIMIT_MS)).then(unexpected, (error) => error)
      await sleep(30)
      const started = performance.now()
      await source.close()
      watch(await under, bench)
      assert.ok(performance.now() - started < 1_000, 'at once')
    } finally {
      await gate.set('pass')
    }
  })
}

const NONSENSE: readonly (string | Uint8Array)[] = [
  '',
  '\r\n',
  'nonsense\r\n\r\n',
  new Uint8Array(64).fill(0xff),
  new Uint8Array(64),
  'x'.repeat(10 << 20),
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${10 << 20}\r\n\r\n${'['.repeat(10 << 20)}`,
]
