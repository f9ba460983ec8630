/**
 * What programs were given, on disk for the next boot: then they are started before their control plane can be asked. Each program's is a
 * file of its own, sealed to this node's key and bound to the program.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import { type ProgramId, type ProgramMaterial, programKey } from '../../runtimes/runtime.ts'
import type { NodeSeal } from './seal.ts'

export interface MaterialKeepOptions {
  /** Made where it is not there; nobody else may look into it. */
  readonly dir: string
  readonly seal: Pick<NodeSeal, 'seal' | 'open'>
}

const SUFFIX = '.age'

export class MaterialKeep {
  readonly #options: MaterialKeepOptions
  /** By file: a digest of what is on disk, so that a program that is started again and again is not sealed each time. */
  readonly #saved = new Map<string, string>()

  constructor(options: MaterialKeepOptions) {
    this.#options = options
  }

  /** Resolves when it is on disk, as a whole. */
  async save(id: ProgramId, material: ProgramMaterial): Promise<void> {
    const { dir, seal } = this.#options
    const file = fileOf(id)
    const plain = Buffer.from(`${headerOf(id)}\n${JSON.stringify(toJson(material))}`)
    const stamp = stampOf(plain)
    const saved = this.#saved.get(file) ?? (await this.#stampOnDisk(id))
    if (saved === stamp) {
      this.#saved.set(file, stamp)
      return
    }
    const sealed = await seal.seal(plain)
    await mkdir(dir, { recursive: true, mode: 0o700 })
    await writeWhole(join(dir, file), sealed)
    this.#saved.set(file, stamp)
  }

  /**
   * What was kept of the program; undefined where nothing was.
   * @throws NsctlError where it cannot be opened, or is another program's
   */
  async load(id: ProgramId): Promise<ProgramMaterial | undefined> {
    const bytes = await this.#read(id)
    if (bytes === undefined) return undefined
    const plain = bytes.toString('utf8')
    const end = plain.indexOf('\n')
    const material = plain.slice(0, end) === headerOf(id) ? fromJson(plain.slice(end + 1)) : undefined
    if (material !== undefined) return material
    throw new NsctlError('Invalid', `what is kept of ${programKey(id)} is not what nsctl wrote there`, {
      next: 'it is written anew once the control plane is there',
    })
  }

  async #read(id: ProgramId): Promise<Buffer | undefined> {
    const { dir, seal } = this.#options
    let sealed: string
    try {
      sealed = await readFile(join(dir, fileOf(id)), 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    return Buffer.from(await seal.open(sealed))
  }

  /** Undefined also for what cannot be opened: that is to be written anew. */
  async #stampOnDisk(id: ProgramId): Promise<string | undefined> {
    const bytes = await this.#read(id).catch(() => undefined)
    return bytes && stampOf(bytes)
  }

  async remove(id: ProgramId): Promise<void> {
    this.#saved.delete(fileOf(id))
    await rm(join(this.#options.dir, fileOf(id)), { force: true })
  }

  /** Removes what is kept of all other programs. */
  async retain(ids: Iterable<ProgramId>): Promise<void> {
    const wanted = new Set([...ids].map(fileOf))
    const files = await readdir(this.#options.dir).catch(() => [])
    for (const file of files) {
      // another save may be at one that is only begun
      if (wanted.has(file.replace(/\.part$/, ''))) continue
      this.#saved.delete(file)
      await rm(join(this.#options.dir, file), { force: true })
    }
  }
}

function stampOf(plain: Uint8Array): string {
  return createHash('sha256').update(plain).digest('base64')
}

/** None of the parts contains a `_`. */
function fileOf(id: ProgramId): string {
  return `${programKey(id).replaceAll('/', '_')}${SUFFIX}`
}

function headerOf(id: ProgramId): string {
  return `nsctl.dev/material/v1 ${programKey(id)}`
}

async function writeWhole(path: string, text: string): Promise<void> {
  const part = `${path}.part`
  const handle = await open(part, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.datasync()
  } finally {
    await handle.close()
  }
  await rename(part, path)
}

type Pairs = readonly (readonly [string, string])[]

interface KeptMaterial {
  readonly credentials: Pairs
  readonly environment: Pairs
  readonly folders: readonly (readonly [string, Pairs])[]
}

function toJson({ credentials, environment, folders }: ProgramMaterial): KeptMaterial {
  const encoded = (files: ReadonlyMap<string, Uint8Array>): Pairs =>
    [...files].map(([name, content]) => [name, Buffer.from(content).toString('base64')])
  return {
    credentials: encoded(credentials),
    environment: [...environment],
    folders: [...folders].map(([name, files]) => [name, encoded(files)]),
  }
}

/** Undefined for what was not written by `toJson`. */
function fromJson(text: string): ProgramMaterial | undefined {
  const decoded = (files: Pairs) =>
    new Map(files.map(([name, content]): [string, Uint8Array] => [name, Buffer.from(content, 'base64')]))
  try {
    const kept: unknown = JSON.parse(text)
    if (!isObject(kept)) return undefined
    const { credentials, environment, folders } = kept as unknown as KeptMaterial
    return {
      credentials: decoded(credentials),
      environment: new Map(environment),
      folders: new Map(folders.map(([name, files]) => [name, decoded(files)])),
    }
  } catch {
    // what a parser says of it would quote it
    return undefined
  }
}
