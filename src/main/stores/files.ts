/** Exports of stores as files: whole under their name or not there, and never in place of what is no export. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { randomIds } from '../../core/ids.ts'
import { looksLikeExport } from '../../store/export-file.ts'

const CHUNK_CHARACTERS = 1024 * 1024
const HEAD_BYTES = 64

/**
 * Writes `lines` to `path`, readable by its owner alone: an export holds all that the store does. An earlier export of that name
 * is replaced once the new one is whole.
 *
 * @throws NsctlError Invalid where something else lies there; Unreachable where it cannot be written
 */
export function writeExport(path: string, lines: Iterable<string>): void {
  const target = resolve(path)
  refuseOther(target)
  const draft = join(dirname(target), `.${basename(target)}.part-${randomIds.suffix(8)}`)
  try {
    writeWhole(draft, lines)
    renameSync(draft, target)
    syncFolder(dirname(target))
  } catch (error) {
    // where its folder is none, not even removing it is possible
    if (existsSync(draft)) rmSync(draft, { force: true })
    throw new NsctlError('Unreachable', `the export ${path} cannot be written: ${messageOf(error)}`, {
      value: path,
      next: 'name a file in a folder that can be written and has room',
      cause: error,
    })
  }
}

/** `lines` in pieces that are worth a system call. */
export function* inChunks(lines: Iterable<string>): Generator<string> {
  let chunk = ''
  for (const line of lines) {
    chunk += line
    if (chunk.length < CHUNK_CHARACTERS) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}

/** @throws NsctlError Invalid where it cannot be read */
export function readExportBytes(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new NsctlError('Invalid', `the export ${path} cannot be read: ${messageOf(error)}`, {
      value: path,
      next: 'name a file that nsctl store export has written, or - for standard input',
      cause: error,
    })
  }
}

function writeWhole(path: string, lines: Iterable<string>): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    for (const chunk of inChunks(lines)) {
      const bytes = Buffer.from(chunk)
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    }
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** A slip of the fingers must not put an export in the place of the store itself. */
function refuseOther(path: string): void {
  if (!existsSync(path) || looksLikeExport(headOf(path))) return
  throw new NsctlError('Invalid', `${path} is there and is no export of a store`, {
    value: path,
    next: 'name another file; nothing was written',
  })
}

function headOf(path: string): Uint8Array {
  try {
    const file = openSync(path, 'r')
    try {
      const head = Buffer.alloc(HEAD_BYTES)
      return head.subarray(0, readSync(file, head))
    } finally {
      closeSync(file)
    }
  } catch {
    // a folder, or what may not be read
    return Buffer.alloc(0)
  }
}
