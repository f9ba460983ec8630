/** Sources opened for one test, and what is looked at in all that they say. */
import { execFile } from 'node:child_process'
import { inspect, promisify } from 'node:util'
import * as assert from 'uvu/assert'
import { isNsctlError, type NsctlError } from '../../../../src/core/errors.ts'
import type { Source, SourceType, ValueReading } from '../../../../src/scaling/source.ts'
import { sourceContext, type TriggerSpec, triggerConfig, type WatchedContext } from '../double.ts'
import type { Outside } from './subject.ts'

export interface Bench {
  readonly outside: Outside
  readonly context: WatchedContext
  open(trigger?: TriggerSpec): Source
}

export type Of = (what: string, run: (bench: Bench) => Promise<void>) => void

/** The contract gives 100 ms; the rest is the machine's, which runs other tests as well. */
const ABORT_LIMIT_MS = 100 + 150
const RECOVERY_LIMIT_MS = 20_000
export const MEASURE_LIMIT_MS = 10_000

export class OpenBench implements Bench {
  readonly outside: Outside
  readonly context = sourceContext()
  readonly #type: SourceType
  readonly #opened: Source[] = []

  constructor(outside: Outside, type: SourceType) {
    this.outside = outside
    this.#type = type
  }

  readonly open = (trigger: TriggerSpec = this.outside.trigger): Source => {
    const source = this.#type.open(triggerConfig(trigger), this.context)
    this.#opened.push(source)
    return source
  }

  async close(): Promise<void> {
    await this.outside.gate?.set('pass')
    await Promise.all(this.#opened.map((source) => source.close()))
    this.context.http.close()
    holdsNoSecret(this.context.lines, this.outside)
  }
}

/** A reading of numbers, all finite. */
export async function read(source: Source, limitMs = MEASURE_LIMIT_MS): Promise<ValueReading> {
  const reading = await source.measure(AbortSignal.timeout(limitMs))
  assert.is(reading.kind, 'values')
  const { metrics } = reading as ValueReading
  assert.ok(metrics.length > 0)
  for (const { value } of metrics) assert.ok(Number.isFinite(value))
  return reading as ValueReading
}

/** The number that a source with one metric says. */
export async function numberOf(source: Source): Promise<number | undefined> {
  return (await read(source)).metrics[0]?.value
}

/** What a measure fails with; it must be one of ours, in good time, and hold no secret. */
export async function failureOf(bench: Bench, source: Source, what: string): Promise<NsctlError> {
  const error = await source.measure(AbortSignal.timeout(MEASURE_LIMIT_MS)).then(
    (reading) => assert.unreachable(`${what}: ${inspect(reading)}`),
    (thrown: unknown) => thrown,
  )
  watch(error, bench)
  assert.ok(isNsctlError(error), `${what}: ${inspect(error)}`)
  return error as NsctlError
}

/** A measure that cannot come to an end by itself: it is aborted, and ends. */
export async function endsInTime(
  bench: Bench,
  source: Source,
  signal: AbortSignal,
  afterMs: number,
): Promise<void> {
  const started = performance.now()
  const error = await source.measure(signal).then(unexpected, (thrown: unknown) => thrown)
  const tookMs = performance.now() - started
  watch(error, bench)
  assert.ok(
    error === signal.reason || isNsctlError(error, 'Unreachable', 'Invalid'),
    `the signal’s reason or Unreachable: ${inspect(error)}`,
  )
  assert.ok(tookMs < afterMs + ABORT_LIMIT_MS, `ended ${tookMs.toFixed(0)} ms after the start`)
}

export function errorOf(run: () => unknown, bench: Bench): NsctlError {
  try {
    run()
  } catch (error) {
    watch(error, bench)
    assert.ok(isNsctlError(error), inspect(error))
    return error as NsctlError
  }
  return assert.unreachable('it was accepted') as never
}

export function watch(error: unknown, { outside }: Bench): void {
  holdsNoSecret(error, outside)
}

/** As a log would show it, causes and hidden members included. */
export function holdsNoSecret(what: unknown, { secrets }: Outside): void {
  const all =
    inspect(what, { depth: 20, showHidden: true, maxStringLength: null }) + (JSON.stringify(what) ?? '')
  for (const secret of secrets) assert.not.match(all, secret, 'a secret is told')
}

export function unexpected(reading: unknown): never {
  throw new Error(`this should have failed: ${inspect(reading)}`)
}

/** Until `holds`, which may throw meanwhile. */
export async function until(holds: () => Promise<boolean>, limitMs = RECOVERY_LIMIT_MS): Promise<void> {
  const deadline = performance.now() + limitMs
  let last: unknown
  while (performance.now() < deadline) {
    try {
      if (await holds()) return
      last = 'it does not hold'
    } catch (error) {
      last = error
    }
    await sleep(50)
  }
  throw new Error(`not within ${limitMs} ms: ${inspect(last)}`)
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const LISTENING = `
import { registerHooks } from 'node:module'
registerHooks({ resolve(specifier, context, next) {
  const found = next(specifier, context)
  if (found.url.includes('/node_modules/')) console.log(specifier)
  return found
} })
await import(process.argv[1])`

/** The packages that importing a file loads. */
export async function packagesLoadedBy(module: URL): Promise<readonly string[]> {
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', LISTENING, module.href]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return stdout.split('\n').filter((line) => line !== '')
}
