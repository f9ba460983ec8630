/** Where instances of this very node are reached: a program may listen on loopback only, and on one family only. */
import type { Route, RouteBackends } from '../../resources/generated/types.ts'
import type { Listens } from '../catalog/reach.ts'

const LOOPBACK = ['127.0.0.1', '::1'] as const

export class LocalAddresses {
  readonly #node: string
  readonly #isListening: Listens
  /** Found addresses by instance and port. */
  readonly #found = new Map<string, string>()

  constructor(node: string, isListening: Listens) {
    this.#node = node
    this.#isListening = isListening
  }

  async of(backend: RouteBackends, signal: AbortSignal): Promise<string> {
    if (backend.node !== this.#node) return backend.address
    const key = keyOf(backend)
    const known = this.#found.get(key)
    if (known !== undefined) return known
    for (const address of new Set([...LOOPBACK, backend.address])) {
      if (!(await this.#isListening(address, backend.port, signal))) continue
      this.#found.set(key, address)
      return address
    }
    return backend.address
  }

  /** Forgets what is in none of these. */
  retain(routes: readonly Route[]): void {
    const keys = new Set(routes.flatMap(({ spec }) => spec.backends.map(keyOf)))
    for (const key of this.#found.keys()) if (!keys.has(key)) this.#found.delete(key)
  }
}

function keyOf({ instance, port }: RouteBackends): string {
  return `${instance} ${port}`
}
