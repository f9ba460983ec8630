/**
 * The desired set on disk: one file per template with its unit's text and its instances, so that a machine that boots alone
 * brings back what ran. Changes of one tick cost one write per template.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type { ProgramId, ProgramLimits } from '../runtime.ts'
import { templateName } from './names.ts'

export interface DesiredTemplate {
  readonly id: Omit<ProgramId, 'ordinal'>
  readonly unit: string
  /** Where its programs see credentials besides $CREDENTIALS_DIRECTORY: path → credential. */
  readonly paths?: Readonly<Record<string, string>>
  /** What the programs of a group may use together. */
  readonly group?: ProgramLimits
  /** Each ordinal's own variables. */
  readonly instances: ReadonlyMap<number, Readonly<Record<string, string>>>
}

/** One instance as it is added. */
export interface DesiredInstance {
  readonly id: ProgramId
  /** The template's text. */
  readonly unit: string
  /** The instance's own variables. */
  readonly own: Readonly<Record<string, string>>
  /** Of its template. */
  readonly paths: Readonly<Record<string, string>>
  /** Of its template; only in a group. */
  readonly group?: ProgramLimits | undefined
}

/** Where the set is kept. */
export interface DesiredFiles {
  /** Names and contents; the folder is made where it is not there. */
  list(dir: string): Promise<readonly (readonly [name: string, text: string])[]>
  /** As a whole, and on disk. */
  replace(dir: string, name: string, text: string): Promise<void>
  remove(dir: string, name: string): Promise<void>
}

/** On this machine. */
export const localDesiredFiles: DesiredFiles = {
  async list(dir) {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const names = await readdir(dir)
    return await Promise.all(
      names
        .filter((name) => name.endsWith('.json'))
        .map(async (name) => [name, await readFile(join(dir, name), 'utf8')] as const),
    )
  },
  async replace(dir, name, text) {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const file = join(dir, name)
    const part = `${file}.part`
    const handle = await open(part, 'w', 0o600)
    try {
      await handle.writeFile(text)
      await handle.datasync()
    } finally {
      await handle.close()
    }
    await rename(part, file)
  },
  remove: (dir, name) => rm(join(dir, name), { force: true }),
}

interface Template {
  readonly id: Omit<ProgramId, 'ordinal'>
  unit: string
  paths?: Readonly<Record<string, string>>
  group?: ProgramLimits
  readonly instances: Map<number, Readonly<Record<string, string>>>
}

export class DesiredSet {
  readonly #dir: string
  readonly #files: DesiredFiles
  readonly #templates = new Map<string, Template>()
  readonly #dirty = new Set<string>()
  #writing: Promise<void> = Promise.resolve()

  private constructor(dir: string, files: DesiredFiles) {
    this.#dir = dir
    this.#files = files
  }

  /** @throws StoreCorrupt for a file that is not ours to understand */
  static async open(dir: string, files: DesiredFiles = localDesiredFiles): Promise<DesiredSet> {
    const set = new DesiredSet(dir, files)
    for (const [file, text] of await files.list(dir)) {
      const template = parse(join(dir, file), text)
      set.#templates.set(templateName({ ...template.id, ordinal: 0 }), template)
    }
    return set
  }

  templates(): Iterable<DesiredTemplate> {
    return this.#templates.values()
  }

  instances(): readonly DesiredInstance[] {
    return [...this.#templates.values()].flatMap(({ id, unit, paths = {}, group, instances }) =>
      [...instances].map(([ordinal, own]) => ({ id: { ...id, ordinal }, unit, own, paths, group })),
    )
  }

  has(id: ProgramId): boolean {
    return this.#templates.get(templateName(id))?.instances.has(id.ordinal) === true
  }

  /** The text of the template that `id` is an instance of. */
  unitOf(id: ProgramId): string | undefined {
    return this.#templates.get(templateName(id))?.unit
  }

  add({ id, unit, own, paths, group }: DesiredInstance): void {
    const name = templateName(id)
    let template = this.#templates.get(name)
    if (template === undefined) {
      const { namespace, service, templateHash, program } = id
      template = { id: { namespace, service, templateHash, program }, unit, instances: new Map() }
      this.#templates.set(name, template)
    }
    template.unit = unit
    if (Object.keys(paths).length > 0) template.paths = paths
    if (group !== undefined) template.group = group
    template.instances.set(id.ordinal, own)
    this.#dirty.add(name)
  }

  /** @returns whether that was the template's last instance */
  remove(id: ProgramId): boolean {
    const name = templateName(id)
    const template = this.#templates.get(name)
    if (!template?.instances.delete(id.ordinal)) return false
    this.#dirty.add(name)
    if (template.instances.size > 0) return false
    this.#templates.delete(name)
    return true
  }

  clear(): void {
    for (const name of this.#templates.keys()) this.#dirty.add(name)
    this.#templates.clear()
  }

  /** Resolves when everything said so far is on disk. */
  save(): Promise<void> {
    this.#writing = this.#writing.catch(() => {}).then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    const names = [...this.#dirty]
    this.#dirty.clear()
    try {
      await Promise.all(names.map((name) => this.#writeOne(name)))
    } catch (error) {
      for (const name of names) this.#dirty.add(name)
      throw error
    }
  }

  async #writeOne(name: string): Promise<void> {
    const file = `${name}.json`
    const template = this.#templates.get(name)
    if (template === undefined) return this.#files.remove(this.#dir, file)
    const text = JSON.stringify({ ...template, instances: Object.fromEntries(template.instances) })
    await this.#files.replace(this.#dir, file, text)
  }
}

function parse(file: string, text: string): Template {
  try {
    const value: unknown = JSON.parse(text)
    if (
      isObject(value) &&
      isObject(value.id) &&
      typeof value.unit === 'string' &&
      isObject(value.instances)
    ) {
      const { id, unit, paths, group, instances } = value as unknown as Template & {
        instances: Record<string, Record<string, string>>
      }
      return {
        id,
        unit,
        ...(paths === undefined ? {} : { paths }),
        ...(group === undefined ? {} : { group }),
        instances: new Map(Object.entries(instances).map(([ordinal, own]) => [Number(ordinal), own])),
      }
    }
  } catch {
    // reported below, like JSON that says something else
  }
  throw new NsctlError('StoreCorrupt', `${file} does not hold what nsctl wrote there`, {
    value: file,
    next: 'remove it: the services in it start again as soon as the control plane runs',
  })
}
