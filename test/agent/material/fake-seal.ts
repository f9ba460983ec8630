/** A node's key that seals nothing: what it makes is encoded, so that tests are fast and can look. */
import type { DeliveryPlace, NodeSeal } from '../../../src/agent/material/seal.ts'
import { NsctlError } from '../../../src/core/errors.ts'

export class FakeSeal implements NodeSeal {
  /** Its public keys. */
  own: readonly string[]
  /** What the key cannot be read for. */
  fault: Error | undefined
  /** Deliveries that were opened, as often as they were. */
  readonly opened: string[] = []

  constructor(own: readonly string[] = ['age1own']) {
    this.own = own
  }

  /** What `openDelivery` opens: `to` is whom it is sealed to. */
  static delivery(values: Readonly<Record<string, string>>, place: DeliveryPlace, to = 'age1own'): string {
    const encoded = Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
    return JSON.stringify({ to, place, values: encoded })
  }

  async recipients(): Promise<readonly string[]> {
    if (this.fault !== undefined) throw this.fault
    return this.own
  }

  async openDelivery(sealed: string, place: DeliveryPlace): Promise<ReadonlyMap<string, Uint8Array>> {
    if (this.fault !== undefined) throw this.fault
    if (!sealed.startsWith('{')) throw new NsctlError('Invalid', 'the delivery is damaged')
    const { to, place: bound, values } = JSON.parse(sealed)
    if (!this.own.includes(to)) throw new NsctlError('Failed', 'the delivery is sealed to somebody else')
    if (JSON.stringify(bound) !== JSON.stringify(place))
      throw new NsctlError('Invalid', 'the delivery belongs elsewhere')
    this.opened.push(place.name)
    return new Map(values.map(([key, text]: [string, string]) => [key, Buffer.from(text, 'base64')]))
  }

  async seal(plain: Uint8Array): Promise<string> {
    return JSON.stringify({ to: this.own[0], plain: Buffer.from(plain).toString('base64') })
  }

  async open(sealed: string): Promise<Uint8Array> {
    const { to, plain } = JSON.parse(sealed)
    if (!this.own.includes(to)) throw new NsctlError('Failed', 'it is sealed to somebody else')
    return Buffer.from(plain, 'base64')
  }
}
