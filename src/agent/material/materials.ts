/** Gives programs what their instance names of Configs and Secrets: before they start, and again when it changes. */
import { isNsctlError, messageOf, type NsctlError } from '../../core/errors.ts'
import { canonicalJson, deepEqual } from '../../core/json.ts'
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
import { programIds } from '../instance/specs.ts'
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
  /** By instance: the versions that are known to be kept of what its programs run with. */
  #reviewed: ReadonlyMap<string, string> = new Map()

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
    const kept = this.#keep(id, material).then(() => undefined)
    try {
      await this.#options.runtime.place(id, material)
      return { kept, fault: undefined }
    } catch (error) {
      if (!isNsctlError(error, 'Failed')) throw error
      return { kept, fault: { phase: 'Backoff', reason: 'CannotPlace', message: withRemedy(error) } }
    }
  }

  /** False where that failed. */
  async #keep(id: ProgramId, material: ProgramMaterial): Promise<boolean> {
    const { keep, logger } = this.#options
    try {
      await keep?.save(id, material)
      return true
    } catch (error) {
      const program = programKey(id)
      const message = `cannot keep what a program is given, so the next boot waits for the control plane: ${messageOf(error)}`
      logger.log('warn', message, { program })
      return false
    }
  }

  reload(id: ProgramId, signal: string): Promise<void> {
    return this.#options.runtime.reload(id, signal)
  }

  /** Nothing is kept of the program any more. */
  async forget(id: ProgramId): Promise<void> {
    await this.#options.keep?.remove(id)
  }

  /**
   * Of all instances of the node what they run with is kept, and nothing else: a save may have failed, and what another key sealed opens
   * no more. Looked at once for each version.
   */
  async review(instances: readonly Instance[]): Promise<void> {
    const { keep } = this.#options
    if (keep === undefined) return
    await keep.retain(instances.flatMap(programIds))
    const reviewed = new Map<string, string>()
    for (const instance of instances) {
      const { uid = '' } = instance.metadata
      const versions = versionsOf(instance)
      if (versions === undefined) continue
      if (this.#reviewed.get(uid) === versions || (await this.#keepAll(instance))) reviewed.set(uid, versions)
    }
    this.#reviewed = reviewed
  }

  async #keepAll(instance: Instance): Promise<boolean> {
    const composition = await this.compose(instance)
    if (composition.kind === 'obstacle') return false
    let isKept = true
    for (const id of programIds(instance)) {
      const material = composition.programs.get(id.program)?.material
      if (material !== undefined && !(await this.#keep(id, material))) isKept = false
    }
    return isKept
  }
}

/** What its programs run with; undefined where they do not run, have nothing or are about to have something else. */
function versionsOf({ metadata, spec, status }: Instance): string | undefined {
  if (spec.materials === undefined || spec.materials.length === 0) return undefined
  if (metadata.deletionTimestamp !== undefined || status?.phase !== 'Running') return undefined
  return deepEqual(spec.materials, status.materials) ? canonicalJson(spec.materials) : undefined
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
