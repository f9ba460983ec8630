/** Where storage lies: systemd's StateDirectory=, or a folder of the user's own. */
import { lstat, readdir, realpath, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ProgramSpec, RuntimeStorage, VolumeId } from '../runtime.ts'
import type { Layout } from './layout.ts'

/** Where storage lies, on whichever machine. */
export interface VolumeFolders extends RuntimeStorage {
  /** The folders that a spec needs and systemd does not make. */
  foldersFor(spec: ProgramSpec): readonly string[]
  /** The folders that held volumes, where none is left. */
  removeEmptyFolders(): Promise<void>
}

export function volumePath(layout: Layout, { namespace, service, volume, ordinal }: VolumeId): string {
  return join(layout.storageDir, namespace, service, volume, String(ordinal))
}

export class SystemdStorage implements VolumeFolders {
  readonly #layout: Layout

  constructor(layout: Layout) {
    this.#layout = layout
  }

  storagePath(volume: VolumeId): string {
    return volumePath(this.#layout, volume)
  }

  async listStorage(): Promise<readonly VolumeId[]> {
    const root = this.#layout.storageDir
    const volumes: VolumeId[] = []
    for (const namespace of await namesIn(root))
      for (const service of await namesIn(join(root, namespace)))
        for (const volume of await namesIn(join(root, namespace, service)))
          for (const ordinal of await namesIn(join(root, namespace, service, volume)))
            volumes.push({ namespace, service, volume, ordinal: Number(ordinal) })
    return volumes
  }

  async purgeStorage(volume: VolumeId): Promise<void> {
    const path = this.storagePath(volume)
    const info = await lstat(path).catch(() => undefined)
    if (info === undefined) return
    // a dynamic user's directory is a link to where systemd keeps others out
    const target = info.isSymbolicLink() ? await realpath(path).catch(() => undefined) : undefined
    if (target !== undefined) await this.#removeWithParents(target)
    await this.#removeWithParents(path)
  }

  foldersFor(spec: ProgramSpec): readonly string[] {
    if (this.#layout.stateDirectory !== undefined) return []
    const { namespace, service, ordinal } = spec.id
    return spec.storage.map(({ name }) => this.storagePath({ namespace, service, volume: name, ordinal }))
  }

  async removeEmptyFolders(): Promise<void> {
    const { storageDir, stateDirectory } = this.#layout
    await rmdir(storageDir).catch(() => {})
    if (stateDirectory === undefined) return
    const hidden = join('/var/lib/private', stateDirectory)
    await rmdir(hidden).catch(() => {})
    await rmdir(dirname(hidden)).catch(() => {})
  }

  /** Volume, service and namespace go with their last ordinal. */
  async #removeWithParents(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true })
    let parent = dirname(path)
    for (let level = 0; level < 3; level++) {
      if ((await namesIn(parent)).length > 0) return
      await rm(parent, { recursive: true, force: true })
      parent = dirname(parent)
    }
  }
}

async function namesIn(dir: string): Promise<readonly string[]> {
  // what is not there holds nothing
  return readdir(dir).catch(() => [])
}
