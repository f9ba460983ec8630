/** A quantile of how long requests took lately, of a histogram that the instances or a proxy expose for Prometheus. */
import { NsctlError } from '../../core/errors.ts'
import { readExposition } from '../../core/exposition.ts'
import { HttpClient, type PreparedRequest } from '../http/client.ts'
import { readUrl } from '../http/endpoint.ts'
import { added, addTo, type Buckets, quantileOf } from '../quantiles.ts'
import type { Reading, Source, SourceContext, SourceType, TriggerConfig } from '../source.ts'

export const latency: SourceType = {
  types: ['latency'],
  open: (trigger, context) => new LatencySource(trigger, context),
}

/** A second look is waited for so long where there was no first to compare it with. */
const FIRST_WINDOW_MS = 1_000

/** Of one histogram: series → its buckets. */
type Series = ReadonlyMap<string, Buckets>

interface Scrape {
  readonly atMs: number
  /** By the target's address. */
  readonly byTarget: ReadonlyMap<string, Series>
}

class LatencySource implements Source {
  readonly #context: SourceContext
  readonly #trigger: TriggerConfig
  readonly #client: HttpClient
  readonly #metric: string
  readonly #labels: readonly (readonly [string, string])[]
  readonly #quantile: number
  readonly #windowMs: number
  readonly #activation: number
  readonly #url: URL | undefined
  readonly #requests = new Map<string, PreparedRequest>()
  readonly #closed = new AbortController()
  /** Oldest first. */
  #scrapes: readonly Scrape[] = []

  constructor(trigger: TriggerConfig, context: SourceContext) {
    const { parameters } = trigger
    this.#context = context
    this.#trigger = trigger
    this.#client = new HttpClient({ agents: context.http, name: 'the metrics', tls: {}, secrets: [] })
    this.#metric = parameters.text('metric') ?? ''
    this.#labels = parameters.list('labels').map((label) => {
      const at = label.indexOf('=')
      return [
        label.slice(0, at).trim(),
        label
          .slice(at + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      ] as const
    })
    this.#quantile = (parameters.number('percentile') ?? 99) / 100
    this.#windowMs = Math.max(FIRST_WINDOW_MS, parameters.durationMs('window') ?? 0)
    this.#activation = parameters.number('activationValue') ?? 0
    this.#url = parameters.has('url') ? readUrl(parameters.text('url'), 'url') : undefined
    if (this.#url === undefined && trigger.service === undefined)
      throw new NsctlError('Invalid', 'url is missing, and there are no instances to ask', { value: 'url' })
  }

  async measure(signal: AbortSignal): Promise<Reading> {
    const either = AbortSignal.any([signal, this.#closed.signal])
    let now = await this.#scrape(either)
    let sums = this.#since(now)
    if (sums === undefined) {
      this.#scrapes = [...this.#scrapes, now]
      await pause(FIRST_WINDOW_MS, either)
      now = await this.#scrape(either)
      sums = this.#since(now)
    }
    this.#scrapes = [...this.#scrapes, now]
    if (sums === undefined)
      throw new NsctlError('Unreachable', 'all instances are too new to tell how long requests take')
    const value = this.#quantileOf(sums)
    return { kind: 'values', metrics: [{ name: '', value }], active: value > this.#activation }
  }

  async close(): Promise<void> {
    this.#closed.abort(new NsctlError('Unreachable', 'the metrics are not asked any more'))
    this.#client.close()
  }

  /** What was counted since the window began, or since a target was first seen; undefined where all are seen for the first time. */
  #since(now: Scrape): Buckets | undefined {
    this.#trim(now)
    const sums = new Map<number, number>()
    let known = now.byTarget.size === 0
    for (const [target, series] of now.byTarget) {
      const before = this.#scrapes.find(({ byTarget }) => byTarget.has(target))?.byTarget.get(target)
      if (before === undefined) continue
      known = true
      for (const [key, buckets] of series) addTo(sums, added(before.get(key) ?? new Map(), buckets))
    }
    return known ? sums : undefined
  }

  /** No requests took no time: that is known. */
  #quantileOf(sums: Buckets): number {
    const value = quantileOf(this.#quantile, sums)
    if (value !== undefined) return value
    if (sums.size === 0 || sums.get(Number.POSITIVE_INFINITY) === 0) return 0
    throw new NsctlError('Invalid', `the histogram ${this.#metric} has no buckets up to +Inf`, {
      value: this.#metric,
      next: 'name a classic histogram; a summary has no buckets',
    })
  }

  /** Drops what is older than the newest scrape that the whole window lies behind. */
  #trim({ atMs: nowMs }: Scrape): void {
    const first = this.#scrapes.findLastIndex(({ atMs }) => nowMs - atMs >= this.#windowMs)
    this.#scrapes = this.#scrapes.slice(Math.max(0, first))
  }

  /** Rejects only where no target answers with the histogram: one of several that does not is left out. */
  async #scrape(signal: AbortSignal): Promise<Scrape> {
    signal.throwIfAborted()
    const targets = this.#targets()
    const byTarget = new Map<string, Series>()
    let fault: unknown
    await Promise.all(
      targets.map(async (target) => {
        try {
          byTarget.set(target, await this.#ask(target, signal))
        } catch (error) {
          fault ??= error
        }
      }),
    )
    for (const target of this.#requests.keys()) if (!targets.includes(target)) this.#requests.delete(target)
    if (byTarget.size === 0 && targets.length > 0) throw fault
    return { atMs: this.#context.clock.monotonic(), byTarget }
  }

  /** Addresses to scrape. An instance that is not ready yet serves no requests, and has no say. */
  #targets(): readonly string[] {
    if (this.#url !== undefined) return [this.#url.href]
    const { service, parameters } = this.#trigger
    const [port, path] = [parameters.text('port'), parameters.text('path') ?? '/metrics']
    const all = service === undefined ? [] : this.#context.workloads.instances(service)
    const ready = all.filter((one) => one.ready)
    if (ready.length === 0 && all.length > 0)
      throw new NsctlError('Unreachable', 'none of the instances is ready, so that there is none to ask')
    return ready.map(({ address, ports }) => {
      const number = port === undefined ? Object.values(ports)[0] : ports[port]
      if (number === undefined)
        throw new NsctlError('Invalid', `the instances have no port ${port ?? 'at all'}`, {
          value: 'port',
          next: 'name one of spec.template.ports',
        })
      const host = address.includes(':') ? `[${address}]` : address
      return new URL(path, `http://${host}:${number}`).href
    })
  }

  async #ask(target: string, signal: AbortSignal): Promise<Series> {
    const request = this.#requests.get(target) ?? this.#client.prepare({ url: new URL(target) })
    this.#requests.set(target, request)
    const { body } = await this.#client.ask(request, signal)
    const text = body.toString()
    const series = this.#seriesOf(text)
    if (series.size > 0 || isExposition(text, this.#metric)) return series
    throw new NsctlError('Invalid', `${request.name} has no histogram ${this.#metric}`, {
      value: this.#metric,
      next: 'name one that it has, without _bucket, and labels that it has; some programs show none before their first request',
    })
  }

  #seriesOf(text: string): Series {
    const bucket = `${this.#metric}_bucket`
    const series = new Map<string, Map<number, number>>()
    for (const { labels, value } of readExposition(text, (name) => name === bucket)) {
      const { le = '', ...rest } = labels
      const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)
      if (le === '' || Number.isNaN(bound) || !Number.isFinite(value)) continue
      if (!this.#labels.every(([name, wanted]) => rest[name] === wanted)) continue
      const key = JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)))
      const buckets = series.get(key) ?? new Map<number, number>()
      buckets.set(bound, value)
      series.set(key, buckets)
    }
    return series
  }
}

/** True where the histogram is known and has no series yet: programs declare one, and count with the first request. */
function isExposition(text: string, metric: string): boolean {
  return text.includes(`# TYPE ${metric} `)
}

function pause(forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, forMs)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
