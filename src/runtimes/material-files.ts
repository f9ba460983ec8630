/**
 * A program's material as files, for every runtime: a folder of its own with `credentials/`, `folders/<name>/` and `environment` in it.
 * What is written is written whole and never where a program can see it half done.
 */
import { dirname, join } from 'node:path'
import { NsctlError } from '../core/errors.ts'
import { type Access, type Disk, localDisk } from './disk.ts'
import type { ProgramMaterial } from './runtime.ts'

export interface MaterialPlaces {
  readonly credentials: string
  readonly environment: string
  readonly folders: string
}

/** Where what lies in a program's own folder. */
export function materialPlaces(dir: string): MaterialPlaces {
  return {
    credentials: join(dir, 'credentials'),
    environment: join(dir, 'environment'),
    folders: join(dir, 'folders'),
  }
}

export const CREDENTIALS_VARIABLE = 'CREDENTIALS_DIRECTORY'

/** Names are files' names: at most what a file system takes, and none that leads elsewhere. */
const MAX_NAME_BYTES = 255

/** @throws Invalid, naming what it is about and no content */
export function refuseUnfit(material: ProgramMaterial): void {
  const names = [
    ...material.credentials.keys(),
    ...material.folders.keys(),
    ...[...material.folders.values()].flatMap((files) => [...files.keys()]),
  ]
  for (const name of names)
    if (!isFileName(name))
      throw new NsctlError('Invalid', `${JSON.stringify(name)} cannot be the name of a file`, {
        value: name,
        next: 'give it another name with items[].as',
      })
  for (const [name, value] of material.environment) {
    const fault =
      name === '' || /[=\0]/.test(name) ? 'its name' : value.includes('\0') ? 'a zero byte' : undefined
    if (fault !== undefined)
      throw new NsctlError('Invalid', `the variable ${JSON.stringify(name)} cannot be passed on: ${fault}`, {
        value: name,
        next: 'give it to the program as a file, under secrets',
      })
  }
}

function isFileName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) return false
  return Buffer.byteLength(name) <= MAX_NAME_BYTES
}

/**
 * Brings the folder to what `material` says; `environment` is the file's text, undefined for none. What is the same is not written.
 * The folder's mode decides about its files: what others may enter they may read.
 * @throws Failed where there is no room, naming the file
 */
export function writeMaterial(
  dir: string,
  material: ProgramMaterial,
  environment: string | undefined,
  disk: Disk = localDisk,
): void {
  const places = materialPlaces(dir)
  for (const folder of [dir, places.credentials]) disk.makeFolder(folder, 0o700)
  // of one who was killed while he wrote
  disk.remove(join(dir, 'part'))
  const bringing = { dir, disk }
  bring(bringing, places.credentials, material.credentials)
  if (environment === undefined) disk.remove(places.environment)
  else write(bringing, places.environment, Buffer.from(environment), { mode: 0o400 })
  disk.makeFolder(places.folders, 0o700)
  for (const [name, files] of material.folders) {
    const folder = join(places.folders, name)
    // plain settings: the program's user must get at them, and the folders above keep others out
    disk.makeFolder(folder, 0o755)
    if (disk.info(folder)?.mode !== 0o755) disk.setAccess(folder, { mode: 0o755 })
    bring(bringing, folder, files)
  }
  // its place stays, since a program may hold on to it
  for (const name of disk.names(places.folders))
    if (!material.folders.has(name)) bring(bringing, join(places.folders, name), new Map())
}

interface Bringing {
  readonly dir: string
  readonly disk: Disk
}

function bring(bringing: Bringing, folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  const { disk } = bringing
  const access = accessWithin(disk, folder)
  for (const [name, content] of files) write(bringing, join(folder, name), content, access)
  for (const name of disk.names(folder)) if (!files.has(name)) disk.remove(join(folder, name))
}

function accessWithin(disk: Disk, folder: string): Access {
  const { mode = 0, gid = 0 } = disk.info(folder) ?? {}
  if ((mode & 0o005) !== 0) return { mode: 0o444 }
  return (mode & 0o050) !== 0 ? { mode: 0o440, gid } : { mode: 0o400 }
}

/** The part lies beside the folder that programs see, and on the same file system. */
function write({ dir, disk }: Bringing, file: string, content: Uint8Array, access: Access): void {
  if (disk.holds(file, content)) return
  const part = join(dir, 'part')
  try {
    disk.remove(part)
    disk.write(file, content, { ...access, part })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new NsctlError('Failed', `${file} could not be written: ${code ?? 'unknown'}`, {
      value: file,
      ...(code === 'ENOSPC' ? { next: 'make room in memory: see df and what lies in that file system' } : {}),
    })
  }
}

/** Lets a group read what is in a program's `credentials/`, where only the way there keeps others out. As root. */
export function openCredentials(dir: string, gid: number, disk: Disk): void {
  const { credentials } = materialPlaces(dir)
  for (const name of disk.names(credentials)) disk.setAccess(join(credentials, name), { mode: 0o440, gid })
  disk.setAccess(credentials, { mode: 0o750, gid })
}

/** Removes a program's material, and the folder above where that was the last. */
export function removeMaterial(dir: string, disk: Disk = localDisk): void {
  disk.remove(dir)
  disk.removeEmpty(dirname(dir))
}

export function namesIn(dir: string): readonly string[] {
  return localDisk.names(dir)
}

/** Whether what is written there stays in memory; false where it cannot be told. */
export function isInMemory(path: string): boolean {
  return localDisk.isInMemory(path)
}

/**
 * Makes a folder that only its owner can enter, or takes it up.
 * @throws Failed where there is something else under that name: somebody may have put it there to be written into
 */
export function ownFolder(path: string, disk: Disk = localDisk): void {
  try {
    if (disk.info(path) === undefined) disk.makeFolder(path, 0o700)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const info = disk.info(path)
  const fault = !info?.isFolder
    ? 'is not a folder'
    : info.uid !== disk.uid
      ? `belongs to the user ${info.uid}`
      : (info.mode & 0o077) !== 0
        ? 'can be entered by others'
        : undefined
  if (fault === undefined) return
  throw new NsctlError('Failed', `${path} ${fault}: nothing secret is put there`, {
    value: path,
    next: `see who made it, and remove it: ls -ld ${path}`,
  })
}
