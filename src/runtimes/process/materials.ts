/**
 * Where plain processes find their material: in memory, below $XDG_RUNTIME_DIR or /dev/shm, in a folder that only its owner can
 * enter. All of it is live, since nothing here makes a copy. Where a system has no file system in memory (macOS), it lies in a
 * folder of the state that only its owner can enter, and the runtime says so.
 */
import { lstatSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { NsctlError } from '../../core/errors.ts'
import { digest } from '../../core/ids.ts'
import { configVariable } from '../../resources/material-names.ts'
import {
  CREDENTIALS_VARIABLE,
  isInMemory,
  materialPlaces,
  namesIn,
  ownFolder,
  refuseUnfit,
  removeMaterial,
  writeMaterial,
} from '../material-files.ts'
import { type ProgramId, type ProgramMaterial, type ProgramSpec, programKey } from '../runtime.ts'
import { fileNameOf, type Layout } from './layout.ts'
import { OWNER_FILE, removeOrphans, signOwner } from './orphaned-materials.ts'

export interface MaterialOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: string
  /** What is made in it is seen by nobody else; others may make folders there. */
  readonly shared: string
}

export const machineMaterials = (): MaterialOptions => ({
  env: process.env,
  platform: process.platform,
  shared: '/dev/shm',
})

export class ProcessMaterials {
  readonly #layout: Layout
  readonly #options: MaterialOptions
  /** Placed since the last stop: what ends only now is not what it is for. */
  readonly #kept = new Set<string>()

  constructor(layout: Layout, options: MaterialOptions) {
    this.#layout = layout
    this.#options = options
  }

  /** `secrets` where none can be placed, `secrets.memory` where they lie on a disk. */
  get cannot(): readonly string[] {
    if (this.#options.platform !== 'linux') return ['secrets.memory']
    return this.#choose() === undefined ? ['secrets'] : []
  }

  /** @throws Invalid for what cannot be passed on; Unsupported where secrets would lie on a disk; Failed where there is no room */
  place(id: ProgramId, material: ProgramMaterial): void {
    refuseUnfit(material)
    const variables = material.environment.size === 0 ? undefined : JSON.stringify([...material.environment])
    const isSecret = variables !== undefined || material.credentials.size > 0
    const root = this.#root(isSecret)
    this.#kept.add(programKey(id))
    writeMaterial(join(root, fileNameOf(id)), material, variables)
  }

  /** It is to be stopped: what was placed is for it, and goes with it. */
  release(id: ProgramId): void {
    this.#kept.delete(programKey(id))
  }

  /** Removes what was placed for a program that has ended, unless it was placed anew. */
  remove(id: ProgramId): void {
    const root = placeOf(this.#layout)
    if (root !== undefined && !this.#kept.has(programKey(id))) removeMaterial(join(root, fileNameOf(id)))
  }

  /** Removes what an earlier owner placed for programs that are not known any more, and what runtimes left whose state is gone. */
  sweep(isKnown: (name: string) => boolean): void {
    const parent = this.#choose()
    if (parent !== undefined && isOurs(parent)) removeOrphans(parent)
    const root = placeOf(this.#layout)
    if (root === undefined) return
    for (const name of namesIn(root))
      if (name !== OWNER_FILE && !isKnown(name)) removeMaterial(join(root, name))
  }

  /** Removes all of it. */
  clear(): void {
    this.#kept.clear()
    const root = placeOf(this.#layout)
    rmSync(this.#layout.materials, { force: true })
    if (root === undefined) return
    rmSync(root, { recursive: true, force: true })
    try {
      rmdirSync(dirname(root))
    } catch {
      // another runtime has its own there
    }
  }

  /** The one in use for as long as it is there: what runs knows it by name. */
  #root(isSecret: boolean): string {
    const present = placeOf(this.#layout)
    const parent = present === undefined ? this.#choose() : undefined
    const isOnDisk = present === undefined ? parent === undefined : !isInMemory(present)
    if (isSecret && isOnDisk && this.#options.platform === 'linux')
      throw new NsctlError('Unsupported', 'no file system in memory is here: no secret is put on a disk', {
        value: this.#options.shared,
        next: `mount a tmpfs at ${this.#options.shared}, or set XDG_RUNTIME_DIR to a folder of your own in one`,
      })
    if (present !== undefined) return present
    const root =
      parent === undefined
        ? join(this.#layout.root, 'materials.d')
        : join(parent, digest(this.#layout.root, 12))
    if (parent !== undefined) ownFolder(parent)
    ownFolder(root)
    signOwner(root, this.#layout.root)
    writeFileSync(`${this.#layout.materials}.new`, root, { mode: 0o600 })
    renameSync(`${this.#layout.materials}.new`, this.#layout.materials)
    return root
  }

  /** A folder in memory to be made, or taken up where it is ours. */
  #choose(): string | undefined {
    const { env, platform, shared } = this.#options
    if (platform !== 'linux') return undefined
    const own = env.XDG_RUNTIME_DIR
    // another user's (sudo keeps the variable) is that user's to swap
    if (own !== undefined && isAbsolute(own) && isOurs(own) && isInMemory(own))
      return join(own, 'nsctl-process')
    return isInMemory(shared) ? join(shared, `nsctl-${process.getuid?.()}`) : undefined
  }
}

/** The variables of a program by which it finds its material, secret ones included. @throws Failed where it is not in place */
export function materialVariables(
  layout: Layout,
  { id, material: shape }: Pick<ProgramSpec, 'id' | 'material'>,
): Readonly<Record<string, string>> {
  if (shape === undefined) return {}
  const root = placeOf(layout)
  const dir = root === undefined ? undefined : join(root, fileNameOf(id))
  if (dir === undefined || lstatSync(dir, { throwIfNoEntry: false }) === undefined)
    throw new NsctlError('Failed', 'its Configs and Secrets are not in place', { value: programKey(id) })
  const places = materialPlaces(dir)
  return {
    ...(shape.credentials.length === 0 ? {} : { [CREDENTIALS_VARIABLE]: places.credentials }),
    ...Object.fromEntries(
      shape.folders.map(({ name }) => [configVariable(name), join(places.folders, name)]),
    ),
    ...(shape.environment ? readVariables(places.environment, id) : {}),
  }
}

function readVariables(file: string, id: ProgramId): Readonly<Record<string, string>> {
  try {
    return Object.fromEntries(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    // the reason would quote what is in it
    throw new NsctlError('Failed', 'its secret variables are not in place', { value: programKey(id) })
  }
}

/** The place in use; undefined where there is none, or not any more. */
function placeOf(layout: Layout): string | undefined {
  try {
    const root = readFileSync(layout.materials, 'utf8')
    return isAbsolute(root) && isOurs(root) ? root : undefined
  } catch {
    return undefined
  }
}

function isOurs(dir: string): boolean {
  const info = lstatSync(dir, { throwIfNoEntry: false })
  return info?.isDirectory() === true && info.uid === process.getuid?.()
}
