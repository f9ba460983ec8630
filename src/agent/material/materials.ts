/** Gives programs what their instance names of Configs and Secrets: before they start, and again when it changes. */
import { isNsctlError, messageOf, type NsctlError } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Instance } from '../../resources/generated/types.ts'
import type { Material } from '../../resources/materials.ts'
import {
  type ProgramId,
  type ProgramMaterial,
  programKey,
  type RuntimeMaterials,
} from '../../runtimes/runtime.ts'
import type { Obstacle } from '../instance/record.ts'
import { type Composition, composeMaterial } from './compose.ts'
import { type Deliveries, openingFault } from './deliveries.ts'
import { type Contents, type MaterialName, sourceText } from './gathering.ts'
import type { MaterialKeep } from './keep.ts'

export interface MaterialsOptions {
  readonly node: string
  readonly deliveries: Deliveries
  readonly runtime: RuntimeMaterials
  /** Where material is kept for the next boot; nowhere where this runtime restores nothing. */
  readonly keep?: MaterialKeep
  readonly logger: Logger
}

/** What came of putting something in place. */
export interface Placing {
  /** Resolves when it is kept for the next boot as well, or could not be. */
  readonly kept: Promise<void>
  /** What kept it from its place, for now: there is no room. */
  readonly fault: Obstacle | undefined
}

const NONE: ReadonlyMap<string, Contents> = new Map()

export class Materials {
  readonly #options: MaterialsOptions

  constructor(options: MaterialsOptions) {
    this.#options = options
  }

  /** What the instance's programs get of it, or what of it is not there, cannot be opened or lacks a key. */
  async compose(instance: Instance): Promise<Composition> {
    const { template, materials = [] } = instance.spec
    const opened = materials.length === 0 ? NONE : await this.#openAll(instance, materials)
    if ('phase' in opened) return { kind: 'obstacle', obstacle: opened }
    return composeMaterial(template, (source) => opened.get(keyOf(source)))
  }

  async #openAll(
    instance: Instance,
    materials: readonly Material[],
  ): Promise<ReadonlyMap<string, Contents> | Obstacle> {
    const namespace = instance.metadata.namespace ?? ''
    const all = await Promise.all(
      materials.map(async (material) => [keyOf(material), await this.#openOne(namespace, material)] as const),
    )
    const opened = new Map<string, Contents>()
    for (const [key, one] of all) {
      if ('phase' in one) return one
      opened.set(key, one)
    }
    return opened
  }

  async #openOne(namespace: string, material: Material): Promise<Contents | Obstacle> {
    const { deliveries, node } = this.#options
    const delivery = deliveries.find(namespace, material)
    if (delivery === undefined) return notDelivered(material, node)
    try {
      return await deliveries.contents(delivery)
    } catch (error) {
      if (!isNsctlError(error)) throw error
      return openingFault(delivery, error)
    }
  }

  /**
   * Puts it where the runtime hands it to the program.
   * @throws NsctlError Invalid, Unsupported or TooLarge where that can never be
   */
  async place(id: ProgramId, material: ProgramMaterial): Promise<Placing> {
    const kept = this.#keep(id, material)
    try {
      await this.#options.runtime.place(id, material)
      return { kept, fault: undefined }
    } catch (error) {
      if (!isNsctlError(error, 'Failed')) throw error
      return { kept, fault: { phase: 'Backoff', reason: 'CannotPlace', message: withRemedy(error) } }
    }
  }

  async #keep(id: ProgramId, material: ProgramMaterial): Promise<void> {
    const { keep, logger } = this.#options
    try {
      await keep?.save(id, material)
    } catch (error) {
      const program = programKey(id)
      const message = `cannot keep what a program is given, so the next boot waits for the control plane: ${messageOf(error)}`
      logger.log('warn', message, { program })
    }
  }

  reload(id: ProgramId, signal: string): Promise<void> {
    return this.#options.runtime.reload(id, signal)
  }

  /** Nothing is kept of the program any more. */
  async forget(id: ProgramId): Promise<void> {
    await this.#options.keep?.remove(id)
  }

  /** Nothing is kept of any other program. */
  async retain(ids: Iterable<ProgramId>): Promise<void> {
    await this.#options.keep?.retain(ids)
  }
}

function keyOf({ kind, name }: MaterialName): string {
  return `${kind}/${name}`
}

function withRemedy(error: NsctlError): string {
  return error.next === undefined ? error.message : `${error.message}: ${error.next}`
}

function notDelivered(material: Material, node: string): Obstacle {
  const about = sourceText(material)
  const message = `waits until ${node} is given ${about}; nsctl describe ${about} says what is in the way`
  return { phase: 'Pending', reason: 'WaitingForDelivery', message }
}
