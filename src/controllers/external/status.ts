/** What a Secret's status says of values that are kept elsewhere. Pure. */
import { type ConditionInput, setConditions } from '../../resources/conditions.ts'
import type { SecretSealedValue, SecretStatus } from '../../resources/generated/types.ts'
import { ExternalError } from '../../secrets/external.ts'
import { SecretValueError } from '../../secrets/values.ts'

/** The condition that is this controller's; the others are another's. */
export const FETCHED = 'Fetched'

export interface FetchedValues {
  readonly values: Readonly<Record<string, SecretSealedValue>>
  /** Whom they are sealed to, in order. */
  readonly recipients: readonly string[]
  /** What the source calls them. */
  readonly version: string
  /** Some value is another one than before. */
  readonly changed: boolean
}

export interface StatusFacts {
  /** RFC 3339 */
  readonly now: string
  readonly generation: number | undefined
  /** RFC 3339: when they last were seen to be right; undefined where nobody remembers. */
  readonly seenAt: string | undefined
}

/** `before`, with what was fetched. */
export function statusFetched(
  before: SecretStatus | undefined,
  { values, recipients, version, changed }: FetchedValues,
  { now, generation }: StatusFacts,
): SecretStatus {
  const condition = { type: FETCHED, status: 'True', reason: 'Fetched', message: version } as const
  return {
    ...before,
    fetched: values,
    fetchedFor: recipients,
    fetchedAt: changed || before?.fetchedAt === undefined ? now : before.fetchedAt,
    conditions: setConditions(before?.conditions, [condition], now, generation),
  }
}

/** `before`, which keeps the values that it has, with why there are no newer ones. */
export function statusFailed(
  before: SecretStatus | undefined,
  failure: Failure,
  { now, generation, seenAt }: StatusFacts,
): SecretStatus {
  const asOf = seenAt === undefined ? `${seconds(before?.fetchedAt ?? now)} or later` : seconds(seenAt)
  const kept = before?.fetched === undefined ? 'there are no values yet' : `the values are those of ${asOf}`
  const condition: ConditionInput = {
    type: FETCHED,
    status: 'False',
    reason: failure.reason,
    message: `${failure.message}; ${kept}`,
  }
  return { ...before, conditions: setConditions(before?.conditions, [condition], now, generation) }
}

function seconds(time: string): string {
  return time.replace(/\.\d+/, '')
}

/** `before` without anything of values that are kept elsewhere: they are not, any more. */
export function statusWithout(before: SecretStatus | undefined): SecretStatus {
  const { fetched: _, fetchedAt: __, fetchedFor: ___, ...rest } = before ?? {}
  const conditions = rest.conditions?.filter(({ type }) => type !== FETCHED)
  return { ...rest, ...(conditions === undefined ? {} : { conditions }) }
}

/** Why values could not be fetched, in words that may be stored. */
export interface Failure {
  /** CamelCase, for machines. */
  readonly reason: string
  readonly message: string
  readonly retryAfterMs: number | undefined
}

/** Undefined for what is no failure of fetching: a store that is away, a bug. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof ExternalError) return failure(error, error.reason, error.retryAfterMs)
  if (error instanceof SecretValueError) return failure(error, error.reason, undefined)
  return undefined
}

function failure(
  { message, next }: { readonly message: string; readonly next: string | undefined },
  reason: string,
  retryAfterMs: number | undefined,
): Failure {
  return { reason, message: next === undefined ? message : `${message} (${next})`, retryAfterMs }
}
