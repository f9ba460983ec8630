/** Starts, gathered: all of one tick share the writing of files and, where one is needed at all, the reload. */
import { mkdir } from 'node:fs/promises'
import { programKey } from '../runtime.ts'
import type { DesiredInstance, DesiredSet } from './desired.ts'
import { prepareFolders, touchUnits, writeEnvironment, writeGroup, writeTemplate } from './files.ts'
import type { Layout } from './layout.ts'
import { isMissingUnit, type UnitManager } from './manager.ts'
import type { SystemdMaterials } from './materials.ts'
import { templateFile, unitName } from './names.ts'
import { isContainer } from './nspawn/lines.ts'
import { prepareContainers } from './nspawn/prepare.ts'
import { makesNamespaces, type Turns } from './turns.ts'
import { isFencedUnit } from './unit.ts'

/** One instance, made ready to start. */
export interface PreparedStart extends DesiredInstance {
  /** Directories that must be there. */
  readonly folders: readonly string[]
  /** Its unit failed and is still in systemd's memory, which would count its failures on. */
  readonly failedBefore: boolean
  /** Calls the start off for as long as systemd has not been asked. */
  readonly signal: AbortSignal
}

interface Waiting {
  readonly start: PreparedStart
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export interface StarterOptions {
  readonly layout: Layout
  readonly manager: UnitManager
  readonly desired: DesiredSet
  readonly materials: SystemdMaterials
  /** A turn lasts until the unit is known to have been set up. */
  readonly turns: Turns
}

export class Starter {
  readonly #options: StarterOptions
  #waiting: Waiting[] = []
  #reloading: Promise<void> | undefined

  constructor(options: StarterOptions) {
    this.#options = options
  }

  /** Resolves when systemd has accepted the start and it is in the desired set on disk. */
  start(start: PreparedStart): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ start, resolve, reject })
      if (this.#waiting.length === 1) setImmediate(() => void this.#flush())
    })
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting
    this.#waiting = []
    let saved: Promise<void>
    try {
      await this.#writeFiles(batch.map(({ start }) => start))
      // beside the starts: they need not wait for the disk
      saved = this.#options.desired.save()
    } catch (error) {
      for (const { reject } of batch) reject(error)
      return
    }
    const taken = this.#startPlain(batch.map(({ start }) => start))
    await Promise.all(
      batch.map(async ({ start, resolve, reject }) => {
        try {
          await Promise.all([this.#startUnlessIn(taken, start), saved])
          resolve()
        } catch (error) {
          reject(error)
        }
      }),
    )
  }

  async #writeFiles(starts: readonly PreparedStart[]): Promise<void> {
    const { layout, desired, materials } = this.#options
    prepareFolders(layout)
    if (starts.some(({ unit }) => isContainer(unit))) prepareContainers(layout)
    const templates = new Set<string>()
    let changed = false
    let isNew = false
    for (const start of starts) {
      const { id, unit, own, paths } = start
      const template = templateFile(id)
      const group = start.group && writeGroup(layout, id, start.group, isFencedUnit(unit))
      if (group === 'new') isNew = true
      if (group === 'changed') changed = true
      if (!templates.has(template) && writeTemplate(layout, id, unit) === 'changed') changed = true
      templates.add(template)
      writeEnvironment(layout, id, own)
      materials.prepare(id, unit, paths)
      desired.add(start)
    }
    const folders = new Set(starts.flatMap((start) => start.folders))
    await Promise.all([...folders].map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })))
    // systemd finds a new file by itself, but keeps what it has of one that changed
    if (!changed && isNew) touchUnits(layout)
    await layout.disk.settled()
    if (changed) await this.reload()
  }

  /** Those of the batch that need no turn, all at once. Returns the units that systemd has taken up. */
  async #startPlain(batch: readonly PreparedStart[]): Promise<ReadonlySet<string>> {
    const plain = batch.filter((start) => !start.failedBefore && !makesNamespaces(start.unit))
    try {
      return (await this.#options.manager.startAll?.(plain.map(({ id }) => unitName(id)))) ?? new Set()
    } catch {
      // asked for one by one, each gets an error of its own
      return new Set()
    }
  }

  async #startUnlessIn(taken: Promise<ReadonlySet<string>>, start: PreparedStart): Promise<void> {
    if (makesNamespaces(start.unit)) return this.#startInTurn(start)
    if (!(await taken).has(unitName(start.id))) await this.#startOne(start)
  }

  async #startInTurn(start: PreparedStart): Promise<void> {
    const { turns } = this.#options
    const key = programKey(start.id)
    await turns.take(key, start.signal)
    try {
      await this.#startOne(start)
    } catch (error) {
      turns.end(key)
      throw error
    }
  }

  async #startOne({ id, failedBefore }: PreparedStart): Promise<void> {
    const { manager } = this.#options
    const unit = unitName(id)
    try {
      if (failedBefore) await Promise.all([manager.resetFailed(unit), manager.start(unit)])
      else await manager.start(unit)
    } catch (error) {
      if (!isMissingUnit(error)) throw error
      // the file is younger than the clock tick in which systemd last looked at the folder
      await this.reload()
      await manager.start(unit)
    }
  }

  /** One reload for all that ask while it has not begun to be answered. */
  reload(): Promise<void> {
    this.#reloading ??= this.#options.manager.reload().finally(() => {
      this.#reloading = undefined
    })
    return this.#reloading
  }
}
