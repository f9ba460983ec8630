/** What became of each instance in the catalog, as its Registered condition says it. */
import type { Logger } from '../../core/logger.ts'
import { type ConditionInput, findCondition } from '../../resources/conditions.ts'
import type { Condition, ObjectRef } from '../../resources/object.ts'
import { type Catalog, type CatalogEntry, CatalogError, type RegisteredEntry } from '../../traffic/catalog.ts'

/** The condition's type. */
export const REGISTERED = 'Registered'

/** An instance that should be in the catalog. */
export interface Candidate {
  readonly uid: string
  readonly ref: ObjectRef
  readonly entries: readonly CatalogEntry[]
}

export class Verdicts {
  readonly #catalog: Pick<Catalog, 'name' | 'nameOf'>
  readonly #logger: Logger
  readonly #byUid = new Map<string, ConditionInput>()
  /** What was refused last, so that each is logged once. */
  #logged = ''

  constructor(catalog: Pick<Catalog, 'name' | 'nameOf'>, logger: Logger) {
    this.#catalog = catalog
    this.#logger = logger
  }

  /** @param before what was last written: it holds until this process knows better */
  conditionOf(uid: string, ready: boolean, before: readonly Condition[] | undefined): ConditionInput {
    if (!ready) return { type: REGISTERED, status: 'False', reason: 'NotReady' }
    const known = this.#byUid.get(uid)
    if (known !== undefined) return known
    const written = findCondition(before, REGISTERED)
    if (written?.status === 'True') return written
    return { type: REGISTERED, status: 'False', reason: 'Pending' }
  }

  /** After a pass. Returns those of which something else is to be said than before. */
  judge(
    candidates: readonly Candidate[],
    registered: readonly RegisteredEntry[],
    failures: ReadonlyMap<string, unknown>,
  ): readonly ObjectRef[] {
    this.#log([...failures.values()])
    const listed = new Map(registered.map((one) => [one.id, one]))
    const uids = new Set(candidates.map(({ uid }) => uid))
    for (const uid of this.#byUid.keys()) if (!uids.has(uid)) this.#byUid.delete(uid)
    return candidates.flatMap(({ uid, ref, entries }) => {
      const before = this.#byUid.get(uid)
      const said = this.#verdict(entries, listed, failures)
      // what a check says may be another text each time
      if (before?.status === said.status && before.reason === said.reason && said.reason === CHECK_FAILING)
        return []
      this.#byUid.set(uid, said)
      return before?.reason === said.reason && before.message === said.message ? [] : [ref]
    })
  }

  /** Nothing could be done for these. Returns those of which something else is to be said than before. */
  fail(instances: readonly Pick<Candidate, 'uid' | 'ref'>[], error: CatalogError): readonly ObjectRef[] {
    // who is away is told as an outage, by whoever retries
    if (error.reason !== 'Unreachable') this.#log([error])
    const said = refusal(error)
    return instances.flatMap(({ uid, ref }) => {
      const before = this.#byUid.get(uid)
      this.#byUid.set(uid, said)
      return before?.message === said.message ? [] : [ref]
    })
  }

  #verdict(
    entries: readonly CatalogEntry[],
    listed: ReadonlyMap<string, RegisteredEntry>,
    failures: ReadonlyMap<string, unknown>,
  ): ConditionInput {
    const failed = entries.flatMap(({ id }) => failures.get(id) ?? [])[0]
    if (failed !== undefined) return refusal(failed)
    const failing = entries.flatMap(({ id }) => listed.get(id)?.failing ?? [])[0]
    if (failing !== undefined) {
      const message = `${this.#catalog.name} does not tell of it: ${failing.split('\n')[0]?.slice(0, MAX_SAID)}`
      return { type: REGISTERED, status: 'False', reason: CHECK_FAILING, message }
    }
    const names = [...new Set(entries.map(({ service }) => this.#catalog.nameOf(service)))].join(', ')
    const message = `as ${names} in ${this.#catalog.name}`
    return { type: REGISTERED, status: 'True', reason: REGISTERED, message }
  }

  #log(failures: readonly unknown[]): void {
    const messages = [...new Set(failures.map((error) => refusal(error).message))].join('; ')
    if (messages !== '' && messages !== this.#logged)
      this.#logger.log('warn', `not all ready instances can be registered: ${messages}`)
    this.#logged = messages
  }
}

const CHECK_FAILING = 'CheckFailing'
const MAX_SAID = 200

function refusal(error: unknown): ConditionInput {
  if (!(error instanceof CatalogError))
    return { type: REGISTERED, status: 'False', reason: 'Failed', message: String(error) }
  const { reason, message, next } = error
  const text = next === undefined ? message : `${message}: ${next}`
  return { type: REGISTERED, status: 'False', reason, message: text }
}
