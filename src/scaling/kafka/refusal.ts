/** What a broker answers in place of what was asked for. */
export class KafkaRefusal extends Error {
  override name = 'KafkaRefusal'
  /** As https://kafka.apache.org/protocol#protocol_error_codes has them. */
  readonly status: number

  /** @param what was asked for: `topic orders` */
  constructor(status: number, what: string) {
    super(`${what}: ${NAMES[status] ?? `error ${status}`}`)
    this.status = status
  }
}

/** Those that a question for a lag may meet. */
const NAMES: Readonly<Record<number, string>> = {
  3: 'there is none',
  5: 'it has no leader now',
  6: 'it has another leader now',
  7: 'the broker took too long',
  14: 'it is being loaded',
  15: 'there is none now',
  16: 'it is another broker now',
  24: 'the group has no valid name',
  29: 'not permitted to describe the topic',
  30: 'not permitted to describe the group',
  31: 'not permitted',
  33: 'the broker does not have that login',
  34: 'the broker expects no login, or another',
  58: 'wrong user or password',
}

const DENIED: readonly number[] = [29, 30, 31, 58]
const INVALID: readonly number[] = [3, 24, 33, 34]

export function codeOf({ status }: KafkaRefusal): 'Denied' | 'Invalid' | 'Unreachable' {
  if (DENIED.includes(status)) return 'Denied'
  return INVALID.includes(status) ? 'Invalid' : 'Unreachable'
}
