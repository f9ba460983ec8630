/** What can keep a Secret's values elsewhere. Each is loaded with the first Secret that names it. */
import type { Clock } from '../core/clock.ts'
import { NsctlError } from '../core/errors.ts'
import type { SecretExternal } from '../resources/generated/types.ts'
import type { ExternalSource } from '../secrets/external.ts'

export class ExternalSources {
  readonly #clock: Clock
  #vault: Promise<ExternalSource> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What reads `external`. */
  async of({ vault }: SecretExternal): Promise<ExternalSource> {
    if (vault === undefined) throw new NsctlError('Bug', 'this Secret does not say where its values are')
    this.#vault ??= import('../secrets/vault/source.ts').then(({ vaultSource }) =>
      vaultSource({ clock: this.#clock }),
    )
    return await this.#vault
  }

  /** Ends connections to those that were loaded. */
  async close(): Promise<void> {
    ;(await this.#vault)?.close()
  }
}
