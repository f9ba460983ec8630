/** A file or a folder of this machine as a tar archive. */
import { lstat, open, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { NsctlError } from '../../core/errors.ts'
import { BLOCK_BYTES, type Entry, paddingOf, writeHeader } from '../../core/tar/header.ts'

export interface PackOptions {
  /** What it is called in the archive. */
  readonly as: string
  /** Told of what is left out. */
  readonly note: (text: string) => void
}

/** Links stay links. @throws NsctlError Failed for a file that changes while it is read */
export async function* pack(path: string, { as, note }: PackOptions): AsyncGenerator<Buffer> {
  yield* entries(path, as, note)
  yield Buffer.alloc(2 * BLOCK_BYTES)
}

async function* entries(path: string, name: string, note: (text: string) => void): AsyncGenerator<Buffer> {
  const found = await lstat(path)
  const common = { path: name, target: '', bytes: 0, mode: found.mode & 0o777, mtimeMs: found.mtimeMs }
  if (found.isSymbolicLink())
    yield writeHeader({ ...common, type: 'symlink', target: await readlink(path), mode: 0o777 })
  else if (found.isFile()) yield* fileOf(path, { ...common, type: 'file', bytes: found.size })
  else if (found.isDirectory()) {
    yield writeHeader({ ...common, type: 'folder', path: `${name}/` })
    for (const one of (await readdir(path)).sort()) yield* entries(join(path, one), `${name}/${one}`, note)
  } else note(`left out: ${path} is neither a file, nor a folder, nor a link`)
}

async function* fileOf(path: string, entry: Entry): AsyncGenerator<Buffer> {
  const file = await open(path)
  try {
    yield writeHeader(entry)
    let left = entry.bytes
    while (left > 0) {
      const buffer = Buffer.allocUnsafe(Math.min(left, 64 * 1024))
      const { bytesRead } = await file.read(buffer, 0, buffer.length)
      if (bytesRead === 0)
        throw new NsctlError('Failed', `${path} became shorter while it was read`, { value: path })
      left -= bytesRead
      yield buffer.subarray(0, bytesRead)
    }
    yield Buffer.alloc(paddingOf(entry.bytes))
  } finally {
    await file.close()
  }
}
