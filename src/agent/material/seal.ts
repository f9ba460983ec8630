/** What the agent asks of its node's key. */
import type { Contents } from './gathering.ts'

/** Each of these throws NotFound where the node's key cannot be read. */
export interface NodeSeal {
  /**
   * The public halves of the keys that this node has, at least one: what is sealed to any of them it can open. The first is the one that
   * it goes by until another is pinned.
   */
  recipients(): Promise<readonly string[]>
  /**
   * A Secret's values.
   * @throws NsctlError Failed where it is sealed to somebody else, Invalid where it was tampered with or belongs elsewhere
   */
  openDelivery(sealed: string, place: DeliveryPlace): Promise<Contents>
  /** Seals what only this node is to open. */
  seal(plain: Uint8Array): Promise<string>
  /** @throws NsctlError like openDelivery */
  open(sealed: string): Promise<Uint8Array>
}

/** Where a delivery belongs: it opens nowhere else. */
export interface DeliveryPlace {
  readonly namespace: string
  readonly name: string
  readonly version: string
  readonly node: string
}
