/**
 * The few files by which a runtime tells its manager what to run, as a port: those of this machine, or of one that is reached over a transport. They are
 * small, nobody else writes them, and each is in place as a whole or not at all. So they can be looked at without waiting, wherever they lie.
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
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'

export interface FileInfo {
  readonly isFolder: boolean
  readonly sizeBytes: number
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

export interface Access {
  readonly mode: number
  /** Undefined for the group that comes of itself. */
  readonly gid?: number
  /** Where the file is written before it is put in place, on the same file system; beside it where left out. */
  readonly part?: string
}

export interface Disk {
  /** Who writes there; undefined where there are no such numbers. */
  readonly uid: number | undefined
  /** Undefined where there is no such file. */
  read(path: string): Buffer | undefined
  /** Whether the file has just this content. */
  holds(path: string, content: Uint8Array): boolean
  /** Of the thing itself, where it is a link. Undefined where there is nothing. */
  info(path: string): FileInfo | undefined
  /** What is in a folder; nothing where it is not there. */
  names(folder: string): readonly string[]
  /** A reader sees the old file or the new one, never half of it. */
  write(path: string, content: string | Uint8Array, access: Access): void
  /** With those above it. One that is there stays as it is. */
  makeFolder(path: string, mode: number): void
  setAccess(path: string, access: Omit<Access, 'part'>): void
  /** With all that is in it. What is not there is no error. */
  remove(path: string): void
  /** Where there is nothing in it. */
  removeEmpty(folder: string): void
  /** Makes a symbolic link, in place of what is at `path`. */
  link(target: string, path: string): void
  /** Sets a folder's time to one that it has not had. */
  touch(folder: string): void
  /** Whether what is written there stays in memory; false where it cannot be told. */
  isInMemory(path: string): boolean
  /** Resolves when all that was said so far is in place; undefined where that is always so. */
  settled(): Promise<void> | undefined
}

const TMPFS = 0x01021994
const RAMFS = 0x858458f6

/** This machine's. */
export const localDisk: Disk = {
  uid: process.getuid?.(),
  read: (path) => unlessMissing(() => readFileSync(path)),
  holds(path, content) {
    try {
      return lstatSync(path).size === content.length && readFileSync(path).equals(content)
    } catch {
      return false
    }
  },
  info(path) {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return undefined
    const { size, mode, uid, gid } = found
    return { isFolder: found.isDirectory(), sizeBytes: size, mode: mode & 0o7777, uid, gid }
  },
  names: (folder) => unlessMissing(() => readdirSync(folder)) ?? [],
  write(path, content, { mode, gid, part = `${path}.${process.pid}.part` }) {
    try {
      writeFileSync(part, content, { mode })
      if (gid !== undefined) chownSync(part, 0, gid)
      // whatever this process's umask is
      chmodSync(part, mode)
      renameSync(part, path)
    } catch (error) {
      rmSync(part, { force: true })
      throw error
    }
  },
  makeFolder: (path, mode) => void mkdirSync(path, { recursive: true, mode }),
  setAccess(path, { mode, gid }) {
    if (gid !== undefined) chownSync(path, 0, gid)
    chmodSync(path, mode)
  },
  remove: (path) => rmSync(path, { recursive: true, force: true }),
  removeEmpty(folder) {
    try {
      rmdirSync(folder)
    } catch {
      // others have theirs there, or it is gone
    }
  },
  link(target, path) {
    const part = `${path}.part`
    rmSync(part, { force: true })
    symlinkSync(target, part)
    renameSync(part, path)
  },
  touch(folder) {
    // finer than any tick: no two are the same
    const seconds = (performance.timeOrigin + performance.now()) / 1000
    utimesSync(folder, seconds, seconds)
  },
  isInMemory(path) {
    try {
      const { type } = statfsSync(path)
      return process.platform === 'linux' && (type === TMPFS || type === RAMFS)
    } catch {
      return false
    }
  },
  settled: () => undefined,
}

function unlessMissing<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
