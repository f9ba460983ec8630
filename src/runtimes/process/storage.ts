/** Volumes are plain directories here: the program finds its own by $STORAGE_<NAME>. */
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ProgramSpec, VolumeId } from '../runtime.ts'
import { type Layout, storageDir } from './layout.ts'

/** Makes the directories of a program's volumes and returns the variables that name them. */
export function makeStorage(
  layout: Layout,
  spec: Pick<ProgramSpec, 'id' | 'storage'>,
): Readonly<Record<string, string>> {
  const env: Record<string, string> = {}
  for (const { name } of spec.storage) {
    const path = storageDir(layout, { ...spec.id, volume: name })
    mkdirSync(path, { recursive: true, mode: 0o700 })
    env[storageVariable(name)] = path
  }
  return env
}

/** The variables of a program's volumes, whether they are there or not. */
export function storageEnv(
  layout: Layout,
  spec: Pick<ProgramSpec, 'id' | 'storage'>,
): Record<string, string> {
  return Object.fromEntries(
    spec.storage.map(({ name }) => [storageVariable(name), storageDir(layout, { ...spec.id, volume: name })]),
  )
}

/** `my-data` → `STORAGE_MY_DATA` */
export function storageVariable(volume: string): string {
  return `STORAGE_${volume.toUpperCase().replaceAll('-', '_')}`
}

/** Every volume that has a directory. */
export function listVolumes(layout: Layout): readonly VolumeId[] {
  const names = (...parts: readonly string[]) => namesIn([layout.storage, ...parts].join('/'))
  return names().flatMap((namespace) =>
    names(namespace).flatMap((service) =>
      names(namespace, service).flatMap((volume) =>
        names(namespace, service, volume)
          .filter((ordinal) => /^\d+$/.test(ordinal))
          .map((ordinal) => ({ namespace, service, volume, ordinal: Number(ordinal) })),
      ),
    ),
  )
}

/** Removes a volume's data, and the directories above it that are empty then. */
export async function purgeVolume(layout: Layout, volume: VolumeId): Promise<void> {
  const path = storageDir(layout, volume)
  await rm(path, { recursive: true, force: true })
  for (let parent = dirname(path); parent !== layout.storage; parent = dirname(parent)) {
    try {
      rmdirSync(parent)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue
      return
    }
  }
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
