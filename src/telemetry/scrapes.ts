/** Answers scrapes: has what is to be shown read, and shows it. */
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { type Exposition, Families, type Family } from './families.ts'
import { metricsText, type ReadFamily } from './text.ts'

export interface MetricsText {
  /** Of the content, with the version of the format. */
  readonly type: string
  /** To be gone through once; who stops going through it costs nothing more. */
  readonly pieces: AsyncIterable<string>
}

interface Owned {
  readonly family: Family
  readonly owner: Exposition
}

export class Scrapes {
  readonly #expositions: readonly Exposition[]
  readonly #logger: Logger
  #defined: ReadonlyMap<string, Owned> | undefined
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
    const defined = this.#defined
    const asked = names.length === 0 ? [...defined.keys()] : [...new Set(names)]
    const wanted = asked.flatMap((name) => defined.get(name) ?? [])
    const reading = this.#last.then(() => this.#readFamilies(wanted))
    this.#last = reading.catch(() => undefined)
    const families = await reading
    const { default: client } = await import('prom-client')
    return { type: new client.Registry().contentType, pieces: metricsText(client, families) }
  }

  async #readFamilies(wanted: readonly Owned[]): Promise<readonly ReadFamily[]> {
    const owners = new Set(wanted.map(({ owner }) => owner))
    await Promise.all(Array.from(owners, (one) => this.#prepare(one)))
    return wanted.map(({ family }) => ({ family, lines: family.read() }))
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

/** By name. */
function define(expositions: readonly Exposition[]): ReadonlyMap<string, Owned> {
  const defined = new Map<string, Owned>()
  for (const owner of expositions) {
    const families = new Families()
    owner.define(families)
    for (const family of families.all) {
      if (defined.has(family.name)) throw new Error(`two metrics are called ${family.name}`)
      defined.set(family.name, { family, owner })
    }
  }
  return defined
}
