/** All ScaledObjects of a process at work. */
import type { Logger } from '../../core/logger.ts'
import { Looks, type LooksOptions } from '../../engine/looks.ts'
import type { Runnable } from '../../engine/manager.ts'
import type { ScaledObject } from '../../resources/generated/types.ts'
import type { Problem } from './problem.ts'
import { Scaler, type ScalerOptions } from './scaler.ts'

export interface ScalersOptions extends Omit<ScalerOptions, 'onEvent'>, Omit<LooksOptions, 'kind'> {
  readonly logger: Logger
}

export class Scalers {
  readonly #options: ScalersOptions
  readonly #looks: Looks<Scaler>

  constructor(options: ScalersOptions) {
    this.#options = options
    this.#looks = new Looks({ ...options, kind: 'ScaledObject' })
  }

  /** Takes in an object, and carries out what its change asks for. Rejects with what kept it from being written. */
  async update(object: ScaledObject, problem: Problem | undefined, credentials: boolean): Promise<void> {
    const ref = keyOf(object)
    const known = this.#looks.get(ref)
    if (known !== undefined && known.object.metadata.uid !== object.metadata.uid) await this.remove(ref)
    const scaler = this.#looks.get(ref) ?? this.#add(ref, object)
    await this.#looks.carryOut(ref, await scaler.update(object, problem, credentials))
  }

  /** Requests come in for its Service. Where one waits, its triggers are looked at now, and it is decided. */
  requested(ref: string, isWaiting: boolean): void {
    this.#looks.get(ref)?.noteRequests()
    if (!isWaiting) return
    void this.#looks.carryOut(ref, 'look').catch((error) => this.#looks.failed(ref, error))
  }

  /** Ends its work. Resolves once nothing of it is under way. */
  remove(ref: string): Promise<void> {
    return this.#looks.remove(ref)
  }

  /** The scaler of `namespace/name`, for what is to be shown of it. */
  get(ref: string): Scaler | undefined {
    return this.#looks.get(ref)
  }

  runnable(): Runnable {
    return this.#looks.runnable('scaledobjects')
  }

  #add(ref: string, object: ScaledObject): Scaler {
    // at once, past every queue; and what it leads to may be due before the next look
    const onEvent = () =>
      void this.#looks.carryOut(ref, 'decide').catch((error) => this.#looks.failed(ref, error))
    return this.#looks.add(ref, new Scaler(object, { ...this.#options, onEvent }))
  }
}

/** `default/web` */
export function keyOf({ metadata: { namespace, name } }: Pick<ScaledObject, 'metadata'>): string {
  return `${namespace}/${name}`
}
