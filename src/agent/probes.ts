/** Probes: asks a program how it is, over and over, and tells when the answer changes. */
import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { messageOf } from '../core/errors.ts'
import { loadHttp } from '../transport/http.ts'
import type { Dial } from './surroundings.ts'

/** One probe with its ports resolved and its times in milliseconds. */
export interface ProbeSpec {
  readonly check:
    | { readonly kind: 'http'; readonly port: number; readonly path: string }
    | { readonly kind: 'tcp'; readonly port: number }
    | { readonly kind: 'exec'; readonly command: readonly [string, ...string[]] }
  readonly initialDelayMs: number
  readonly periodMs: number
  readonly timeoutMs: number
  readonly failureThreshold: number
  readonly successThreshold: number
}

export interface ProbeResult {
  readonly healthy: boolean
  /** Why not: `GET http://127.0.0.1:20011/healthz answered 503`. */
  readonly message?: string
  /** There was no answer in time. */
  readonly late?: boolean
}

/** Runs a command where the program runs; resolves to its exit code. */
export type ProbeExec = (command: readonly [string, ...string[]], signal: AbortSignal) => Promise<number>

/** The first gap between two probes that still wait for their first success; doubled up to the period. */
const EAGER_MS = 50

export interface ProbeLoopOptions {
  readonly spec: ProbeSpec
  readonly clock: Clock
  readonly exec: ProbeExec
  readonly dial: Dial
  /** Probe often until the first success: for readiness. */
  readonly eager: boolean
  /** Failures count by the time that has passed since the first probe, `failureThreshold` periods, and not by their number. */
  readonly failsByTime?: boolean
  /** No answer in time changes nothing. */
  readonly ignoresLate?: boolean
  /** Called when the verdict changes, and with the first one. */
  readonly onVerdict: (result: ProbeResult) => void
  /** Called with each answer: how long it took. */
  readonly onAnswer?: (tookMs: number) => void
}

/** Probes until the signal aborts. A verdict changes after `failureThreshold` failures or `successThreshold` successes in a row. */
export function runProbeLoop(options: ProbeLoopOptions, signal: AbortSignal): void {
  const { spec, clock } = options
  let firstMs: number | undefined
  let streak = 0
  let streakHealthy: boolean | undefined
  let verdict: boolean | undefined
  let gapMs = options.eager ? Math.min(EAGER_MS, spec.periodMs) : spec.periodMs
  let cancel: () => void = () => {}

  const probe = async () => {
    const askedMs = clock.monotonic()
    firstMs ??= askedMs
    const result = await probeOnce(spec, options, signal)
    if (signal.aborted) return
    options.onAnswer?.(clock.monotonic() - askedMs)
    if (result.late && options.ignoresLate) {
      cancel = clock.schedule(gapMs, () => void probe())
      return
    }
    streak = result.healthy === streakHealthy ? streak + 1 : 1
    streakHealthy = result.healthy
    const isEnough = result.healthy
      ? streak >= spec.successThreshold
      : options.failsByTime === true
        ? clock.monotonic() - (firstMs ?? askedMs) >= spec.failureThreshold * spec.periodMs
        : streak >= spec.failureThreshold
    if (isEnough && verdict !== result.healthy) {
      verdict = result.healthy
      options.onVerdict(result)
      // whoever was told may want to hear no more
      if (signal.aborted) return
    }
    const waiting = options.eager && verdict !== true
    gapMs = waiting ? Math.min(gapMs * 2, spec.periodMs) : spec.periodMs
    cancel = clock.schedule(gapMs, () => void probe())
  }
  cancel = clock.schedule(spec.initialDelayMs, () => void probe())
  signal.addEventListener('abort', () => cancel(), { once: true })
}

/** Asks once. Never throws: what goes wrong is an unhealthy answer with its reason. */
export async function probeOnce(
  spec: ProbeSpec,
  { exec, dial }: Pick<ProbeLoopOptions, 'exec' | 'dial'>,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(spec.timeoutMs)])
  const { check } = spec
  try {
    if (check.kind === 'exec') {
      const code = await exec(check.command, limit)
      return code === 0
        ? { healthy: true }
        : { healthy: false, message: `${check.command[0]} exited with ${code}` }
    }
    return await onEitherFamily((host) =>
      check.kind === 'tcp'
        ? probeTcp(dial, host, check.port, limit)
        : probeHttp(dial, { host, port: check.port, path: check.path }, limit),
    )
  } catch (error) {
    const what = check.kind === 'exec' ? check.command[0] : `${check.kind} port ${check.port}`
    const late = limit.aborted && !signal.aborted
    const why = late ? `no answer within ${spec.timeoutMs} ms` : messageOf(error)
    return { healthy: false, message: `${what}: ${why}`, ...(late && { late }) }
  }
}

const REFUSALS: ReadonlySet<string | undefined> = new Set(['ECONNREFUSED', 'Unreachable'])

/** A program may listen on one family only: IPv6 is asked where IPv4 refuses. */
async function onEitherFamily(probe: (host: string) => Promise<ProbeResult>): Promise<ProbeResult> {
  try {
    return await probe('127.0.0.1')
  } catch (error) {
    if (!REFUSALS.has((error as NodeJS.ErrnoException).code)) throw error
    return await probe('::1').catch(() => Promise.reject(error))
  }
}

async function probeTcp(dial: Dial, host: string, port: number, signal: AbortSignal): Promise<ProbeResult> {
  const stream = await dial(host, port, signal)
  stream.once('error', () => {})
  stream.destroy()
  return { healthy: true }
}

async function probeHttp(
  dial: Dial,
  { host, port, path }: { readonly host: string; readonly port: number; readonly path: string },
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { get } = loadHttp()
  const stream = await dial(host, port, signal)
  return await new Promise((resolve, reject) => {
    const request = get(
      {
        host,
        port,
        path,
        createConnection: () => stream as Socket,
        signal,
        headers: { 'user-agent': 'nsctl-probe', connection: 'close' },
      },
      (response) => {
        response.resume()
        const code = response.statusCode ?? 0
        const healthy = code >= 200 && code < 400
        resolve(healthy ? { healthy } : { healthy, message: `GET ${path} on port ${port} answered ${code}` })
      },
    )
    request.once('error', reject)
  })
}
