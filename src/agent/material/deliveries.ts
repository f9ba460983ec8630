/** The Deliveries of this node, opened. What was opened is remembered for a short while, since instances that start together share it. */
import type { Clock } from '../../core/clock.ts'
import { NsctlError } from '../../core/errors.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { Delivery } from '../../resources/generated/types.ts'
import { deliveryName, type Material } from '../../resources/materials.ts'
import type { Obstacle } from '../instance/record.ts'
import { type Contents, sourceText } from './gathering.ts'
import type { NodeSeal } from './seal.ts'

export interface DeliveriesOptions {
  readonly node: string
  readonly cache: Pick<ObjectCache, 'get'>
  readonly seal: NodeSeal
  readonly clock: Clock
}

/** After so long without being asked for, what was opened is forgotten. */
const HOLD_MS = 30_000

interface Opened {
  /** What was opened: another text under the same name is opened anew. */
  readonly sealed: string
  readonly contents: Promise<Contents>
  /** Calls off the forgetting that is due. */
  keep: () => void
}

export class Deliveries {
  readonly #options: DeliveriesOptions
  readonly #opened = new Map<string, Opened>()

  constructor(options: DeliveriesOptions) {
    this.#options = options
  }

  /** Undefined where this version has not come yet. */
  find(namespace: string, material: Material): Delivery | undefined {
    const { node, cache } = this.#options
    const name = deliveryName(material, node)
    const delivery = cache.get<Delivery>({ kind: 'Delivery', namespace, name })
    return delivery !== undefined && isOf(delivery, material, node) ? delivery : undefined
  }

  /** @throws NsctlError where the node cannot open it: see NodeSeal, and `openingFault` */
  async contents(delivery: Delivery): Promise<Contents> {
    const { source, values, sealed } = delivery.spec
    if (source.kind === 'Config') {
      const encoder = new TextEncoder()
      return new Map(Object.entries(values ?? {}).map(([key, text]) => [key, encoder.encode(text)]))
    }
    if (sealed === undefined)
      throw new NsctlError('Invalid', `the delivery ${delivery.metadata.name} holds no values`)
    const key = `${delivery.metadata.namespace ?? ''}/${delivery.metadata.name}`
    const known = this.#opened.get(key)
    if (known?.sealed === sealed) {
      this.#hold(key, known)
      return await known.contents
    }
    return await this.#open(key, delivery, sealed)
  }

  async #open(key: string, delivery: Delivery, sealed: string): Promise<Contents> {
    const { seal } = this.#options
    const { source, version, node } = delivery.spec
    const place = { namespace: delivery.metadata.namespace ?? '', name: source.name, version, node }
    this.#opened.get(key)?.keep()
    const opened: Opened = { sealed, contents: seal.openDelivery(sealed, place), keep: () => {} }
    this.#opened.set(key, opened)
    this.#hold(key, opened)
    try {
      return await opened.contents
    } catch (error) {
      // the next look tries again: the node's key may have come back
      if (this.#opened.get(key) === opened) this.#forget(key, opened)
      throw error
    }
  }

  #hold(key: string, opened: Opened): void {
    opened.keep()
    opened.keep = this.#options.clock.schedule(HOLD_MS, () => this.#forget(key, opened))
  }

  #forget(key: string, opened: Opened): void {
    opened.keep()
    if (this.#opened.get(key) === opened) this.#opened.delete(key)
  }

  /** Forgets everything. */
  close(): void {
    for (const [key, opened] of this.#opened) this.#forget(key, opened)
  }
}

/** Why a delivery is of no use. What is sealed to another key may be sealed anew; what is damaged is not started with, ever. */
export function openingFault({ spec }: Delivery, error: NsctlError): Obstacle {
  const { node, recipient } = spec
  const about = sourceText(spec.source)
  if (error.code !== 'Failed') {
    const message = `${about} cannot be opened on ${node}: ${error.message}`
    return error.code === 'NotFound'
      ? { phase: 'Pending', reason: 'NoKey', message }
      : { phase: 'Failed', reason: 'CannotOpen', message }
  }
  const to = recipient === undefined ? '' : ` (${recipient})`
  const message = `${about} is not sealed to a key that ${node} has${to}; nsctl node trust ${node} takes the key that it says it has`
  return { phase: 'Pending', reason: 'SealedToAnotherKey', message }
}

function isOf({ spec }: Delivery, { kind, name, version }: Material, node: string): boolean {
  return (
    spec.source.kind === kind && spec.source.name === name && spec.version === version && spec.node === node
  )
}
