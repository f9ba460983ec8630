/** The values of one version of a Secret on their way to one node. */
import { NsctlError } from '../core/errors.ts'
import { open, seal } from './age.ts'
import type { Identity } from './x25519.ts'

export interface DeliveryPlace {
  readonly namespace: string
  readonly name: string
  readonly version: string
  readonly node: string
}

const FORMAT = 'nsctl.dev/delivery/v1'
const NEWLINE = 0x0a

/**
 * Seals values for one node: two lines (what it is, and names with lengths as JSON), then the values one behind the other.
 * @throws NsctlError Invalid where the recipient is malformed
 */
export async function sealDelivery(
  values: ReadonlyMap<string, Uint8Array>,
  place: DeliveryPlace,
  recipient: string,
): Promise<string> {
  const index = JSON.stringify([...values].map(([key, value]) => [key, value.length]))
  const head = Buffer.from(`${bindingOf(place)}\n${index}\n`)
  return seal(Buffer.concat([head, ...values.values()]), [recipient])
}

/**
 * The values.
 * @throws NsctlError Failed where no identity fits; Invalid where it is damaged, or is for another place
 */
export async function openDelivery(
  text: string,
  place: DeliveryPlace,
  identities: readonly Identity[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const what = `the delivery of Secret ${place.namespace}/${place.name} to ${place.node}`
  const opened = await open(text, identities, what)
  const first = opened.indexOf(NEWLINE)
  if (Buffer.from(opened.subarray(0, Math.max(first, 0))).toString('utf8') !== bindingOf(place))
    throw new NsctlError('Invalid', `${what} was made for another Secret, version or node`, { next: NEXT })
  const second = opened.indexOf(NEWLINE, first + 1)
  const index = parseIndex(
    Buffer.from(opened.subarray(first + 1, Math.max(second, first + 1))).toString('utf8'),
  )
  const values = new Map<string, Uint8Array>()
  let at = second + 1
  for (const [key, length] of index ?? []) {
    values.set(key, opened.slice(at, at + length))
    at += length
  }
  if (index === undefined || at !== opened.length)
    throw new NsctlError('Invalid', `${what} does not hold what it says`, { next: NEXT })
  return values
}

const NEXT = 'Delete it: the control plane delivers anew'

function bindingOf({ namespace, name, version, node }: DeliveryPlace): string {
  return `${FORMAT} ${namespace}/${name} ${version} ${node}`
}

function parseIndex(text: string): readonly (readonly [string, number])[] | undefined {
  try {
    const entries: unknown = JSON.parse(text)
    return Array.isArray(entries) && entries.every(isEntry) ? entries : undefined
  } catch {
    return undefined
  }
}

function isEntry(entry: unknown): entry is readonly [string, number] {
  return (
    Array.isArray(entry) &&
    entry.length === 2 &&
    typeof entry[0] === 'string' &&
    Number.isSafeInteger(entry[1]) &&
    entry[1] >= 0
  )
}
