/** Answers scrapes: has what is to be shown read, and shows it. */
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { type Exposition, Families, type Family } from './families.ts'
import { headsOf, metricsText, type ShownFamily } from './text.ts'

export interface MetricsText {
  /** Of the content, with the version of the format. */
  readonly type: string
  /** To be gone through once; who stops going through it costs nothing more. */
  readonly pieces: AsyncIterable<string>
}

interface Owned {
  readonly family: Family
  readonly owner: Exposition
  /** HELP and TYPE, as text. */
  readonly head: string
}

interface Defined {
  readonly contentType: string
  /** By name. */
  readonly families: ReadonlyMap<string, Owned>
}

export class Scrapes {
  readonly #expositions: readonly Exposition[]
  readonly #logger: Logger
  #defined: Promise<Defined> | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(expositions: readonly Exposition[], logger: Logger) {
    this.#expositions = expositions
    this.#logger = logger
  }

  /**
   * All metrics, or those of `names` that there are: what is not asked for is not read. Expositions are read for one after the other, since they
   * keep what they have read for the showing; showing waits for nobody. Loads prom-client.
   */
  async read(names: readonly string[] = []): Promise<MetricsText> {
    this.#defined ??= define(this.#expositions)
    const { contentType, families } = await this.#defined
    const asked = names.length === 0 ? [...families.keys()] : [...new Set(names)]
    const wanted = asked.flatMap((name) => families.get(name) ?? [])
    const reading = this.#last.then(() => this.#readFamilies(wanted))
    this.#last = reading.catch(() => undefined)
    return { type: contentType, pieces: metricsText(await reading) }
  }

  async #readFamilies(wanted: readonly Owned[]): Promise<readonly ShownFamily[]> {
    const owners = new Set(wanted.map(({ owner }) => owner))
    await Promise.all(Array.from(owners, (one) => this.#prepare(one)))
    return wanted.map(({ family, head }) => ({ name: family.name, head, lines: family.read() }))
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
  const owned = expositions.flatMap((owner) => {
    const families = new Families()
    owner.define(families)
    return families.all.map((family) => ({ family, owner }))
  })
  const heads = await headsOf(
    client,
    owned.map(({ family }) => family),
  )
  const families = owned.map(
    (one) => [one.family.name, { ...one, head: heads.get(one.family.name) ?? '' }] as const,
  )
  return { contentType: client.Registry.PROMETHEUS_CONTENT_TYPE, families: new Map(families) }
}
