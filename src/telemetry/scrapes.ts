/** Answers scrapes: has what is to be shown read, and shows it. */
import type { Registry } from 'prom-client'
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { type Exposition, Families } from './families.ts'

export interface MetricsText {
  /** Of the content, with the version of the format. */
  readonly type: string
  readonly text: string
}

interface Defined {
  readonly registry: Registry
  /** By the metric's name. */
  readonly owners: ReadonlyMap<string, Exposition>
}

export class Scrapes {
  readonly #expositions: readonly Exposition[]
  readonly #logger: Logger
  #defined: Promise<Defined> | undefined
  #last: Promise<unknown> = Promise.resolve()
  #whole: Promise<MetricsText> | undefined

  constructor(expositions: readonly Exposition[], logger: Logger) {
    this.#expositions = expositions
    this.#logger = logger
  }

  /**
   * All metrics, or those of `names` that there are: what is not asked for is not read. One after the other, since what is read is kept for the
   * showing; who asks for all of them while others wait for that gets the same answer.
   */
  read(names: readonly string[] = []): Promise<MetricsText> {
    if (names.length > 0) return this.#next(names)
    this.#whole ??= this.#next(undefined).finally(() => {
      this.#whole = undefined
    })
    return this.#whole
  }

  #next(names: readonly string[] | undefined): Promise<MetricsText> {
    const scrape = this.#last.then(() => this.#scrape(names))
    this.#last = scrape.catch(() => undefined)
    return scrape
  }

  async #scrape(names: readonly string[] | undefined): Promise<MetricsText> {
    this.#defined ??= define(this.#expositions)
    const { registry, owners } = await this.#defined
    const known = names?.filter((name) => owners.has(name))
    const wanted = known?.flatMap((name) => owners.get(name) ?? []) ?? this.#expositions
    await Promise.all(Array.from(new Set(wanted), (one) => this.#prepare(one)))
    if (known === undefined) return { type: registry.contentType, text: await registry.metrics() }
    const texts = await Promise.all(known.map((name) => registry.getSingleMetricAsString(name)))
    return { type: registry.contentType, text: `${texts.join('\n')}\n` }
  }

  async #prepare(exposition: Exposition): Promise<void> {
    try {
      await inTime(exposition.prepare?.())
    } catch (error) {
      this.#logger.log('warn', `some metrics cannot be read: ${messageOf(error)}`)
    }
  }
}

/** A file system that hangs must not keep the rest from being shown, and every scrape after it. */
const LIMIT_MS = 2_000

async function inTime(reading: Promise<void> | undefined): Promise<void> {
  if (reading === undefined) return
  const { promise: late, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error(`not read within ${LIMIT_MS / 1000} s`)), LIMIT_MS)
  try {
    await Promise.race([reading, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Loads prom-client. */
async function define(expositions: readonly Exposition[]): Promise<Defined> {
  const { default: client } = await import('prom-client')
  const registry = new client.Registry()
  const families = new Families(client, registry)
  const owners = new Map<string, Exposition>()
  for (const one of expositions) {
    one.define(families)
    for (const { name } of registry.getMetricsAsArray() as unknown as readonly { readonly name: string }[])
      if (!owners.has(name)) owners.set(name, one)
  }
  return { registry, owners }
}
