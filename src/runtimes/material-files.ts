/**
 * A program's material as files, for every runtime: a folder of its own with `credentials/`, `folders/<name>/` and `environment` in it.
 * What is written is written whole and never where a program can see it half done.
 */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { NsctlError } from '../core/errors.ts'
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
export function writeMaterial(dir: string, material: ProgramMaterial, environment: string | undefined): void {
  const places = materialPlaces(dir)
  for (const folder of [dir, places.credentials]) mkdirSync(folder, { recursive: true, mode: 0o700 })
  // of one who was killed while he wrote
  rmSync(join(dir, 'part'), { force: true })
  bring(dir, places.credentials, material.credentials)
  if (environment === undefined) rmSync(places.environment, { force: true })
  else write(dir, places.environment, Buffer.from(environment), { mode: 0o400 })
  mkdirSync(places.folders, { recursive: true, mode: 0o700 })
  for (const [name, files] of material.folders) {
    const folder = join(places.folders, name)
    // plain settings: the program's user must get at them, and the folders above keep others out
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    chmodSync(folder, 0o755)
    bring(dir, folder, files)
  }
  // its place stays, since a program may hold on to it
  for (const name of namesIn(places.folders))
    if (!material.folders.has(name)) bring(dir, join(places.folders, name), new Map())
}

function bring(dir: string, folder: string, files: ReadonlyMap<string, Uint8Array>): void {
  const access = accessWithin(folder)
  for (const [name, content] of files) write(dir, join(folder, name), content, access)
  for (const name of namesIn(folder)) if (!files.has(name)) rmSync(join(folder, name), { recursive: true })
}

interface Access {
  readonly mode: number
  /** Undefined for the group that comes of itself. */
  readonly gid?: number
}

function accessWithin(folder: string): Access {
  const { mode, gid } = lstatSync(folder)
  if ((mode & 0o005) !== 0) return { mode: 0o444 }
  return (mode & 0o050) !== 0 ? { mode: 0o440, gid } : { mode: 0o400 }
}

/** The part lies beside the folder that programs see, and on the same file system. */
function write(dir: string, file: string, content: Uint8Array, { mode, gid }: Access): void {
  if (isThere(file, content)) return
  const part = join(dir, 'part')
  try {
    rmSync(part, { force: true })
    writeFileSync(part, content, { mode, flag: 'wx' })
    if (gid !== undefined) chownSync(part, 0, gid)
    chmodSync(part, mode)
    renameSync(part, file)
  } catch (error) {
    rmSync(part, { force: true })
    const { code } = error as NodeJS.ErrnoException
    throw new NsctlError('Failed', `${file} could not be written: ${code ?? 'unknown'}`, {
      value: file,
      ...(code === 'ENOSPC' ? { next: 'make room in memory: see df and what lies in that file system' } : {}),
    })
  }
}

function isThere(file: string, content: Uint8Array): boolean {
  try {
    return lstatSync(file).size === content.length && readFileSync(file).equals(content)
  } catch {
    return false
  }
}

/** Lets a group read what is in a program's `credentials/`, where only the way there keeps others out. As root. */
export function openCredentials(dir: string, gid: number): void {
  const { credentials } = materialPlaces(dir)
  for (const name of namesIn(credentials)) {
    chownSync(join(credentials, name), 0, gid)
    chmodSync(join(credentials, name), 0o440)
  }
  chownSync(credentials, 0, gid)
  chmodSync(credentials, 0o750)
}

/** Removes a program's material, and the folder above where that was the last. */
export function removeMaterial(dir: string): void {
  rmSync(dir, { recursive: true, force: true })
  try {
    rmdirSync(dirname(dir))
  } catch {
    // others have theirs there, or it is gone
  }
}

export function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

const TMPFS = 0x01021994
const RAMFS = 0x858458f6

/** Whether what is written there stays in memory; false where it cannot be told. */
export function isInMemory(path: string): boolean {
  try {
    const { type } = statfsSync(path)
    return process.platform === 'linux' && (type === TMPFS || type === RAMFS)
  } catch {
    return false
  }
}

/**
 * Makes a folder that only its owner can enter, or takes it up.
 * @throws Failed where there is something else under that name: somebody may have put it there to be written into
 */
export function ownFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const info = lstatSync(path)
  const fault = !info.isDirectory()
    ? 'is not a folder'
    : info.uid !== process.getuid?.()
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
