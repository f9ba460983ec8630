/** A holder for each route without backends, for as long as anybody may come to it. */
import type { Route } from '../balancer.ts'
import type { Target } from './dns.ts'
import { Holder } from './holder.ts'

export interface HoldersOptions {
  readonly onHeld: (route: string) => void
  readonly maxHeld: number
  readonly holdMs: number
}

export class Holders {
  readonly #options: HoldersOptions
  readonly #open = new Map<string, { readonly holder: Holder; readonly port: number }>()

  constructor(options: HoldersOptions) {
    this.#options = options
  }

  /** Opens what is missing, hands on what waits, and closes what nobody comes to any more. */
  async lead(routes: readonly Route[]): Promise<void> {
    const byId = new Map(routes.map((route) => [route.id, route]))
    for (const [id, { holder }] of this.#open) {
      const backends = byId.get(id)?.backends ?? []
      holder.lead(backends)
      const isNeeded = byId.has(id) && backends.length === 0
      if (isNeeded || !(await holder.isIdle())) continue
      this.#open.delete(id)
      await holder.close()
    }
    for (const { id, backends } of routes) {
      if (backends.length > 0 || this.#open.has(id)) continue
      const { maxHeld, holdMs, onHeld } = this.#options
      const holder = new Holder({ maxHeld, holdMs, onHeld: () => onHeld(id) })
      this.#open.set(id, { holder, port: await holder.listen() })
    }
  }

  targetsOf(route: string): readonly Target[] {
    const open = this.#open.get(route)
    return open === undefined ? [] : [{ address: '127.0.0.1', port: open.port }]
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ holder }) => holder.close()))
    this.#open.clear()
  }
}
