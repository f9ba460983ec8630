/** Files of this machine, put in place as a whole. */
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { messageOf, NsctlError } from '../../core/errors.ts'
import { assertPath } from '../command.ts'
import { DEFAULT_MAX_OUTPUT_BYTES, type GetFileOptions, type PutFileOptions } from '../transport.ts'

export async function putFile(
  path: string,
  content: string | Uint8Array,
  { signal, mode }: PutFileOptions,
): Promise<void> {
  assertPath(path)
  const part = `${path}.${randomUUID().slice(0, 8)}.part`
  try {
    await write(part, content, mode)
    signal.throwIfAborted()
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true }).catch(() => {})
    if (signal.aborted) throw signal.reason
    throw new NsctlError('Failed', `${path} cannot be written: ${messageOf(error)}`, {
      value: path,
      cause: error,
    })
  }
}

async function write(part: string, content: string | Uint8Array, mode: number): Promise<void> {
  // nobody else reads it before it has its mode
  const handle = await open(part, 'wx', 0o600)
  try {
    await handle.writeFile(content)
    await handle.chmod(mode)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export async function getFile(
  path: string,
  { signal, maxBytes = DEFAULT_MAX_OUTPUT_BYTES }: GetFileOptions,
): Promise<Buffer | undefined> {
  assertPath(path)
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'r')
    return await read(handle, path, { signal, maxBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    if (signal.aborted) throw signal.reason
    if (error instanceof NsctlError) throw error
    throw new NsctlError('Failed', `${path} cannot be read: ${messageOf(error)}`, {
      value: path,
      cause: error,
    })
  } finally {
    await handle?.close()
  }
}

/** Not by its size: files of /proc have none. */
async function read(
  handle: FileHandle,
  path: string,
  { signal, maxBytes }: { readonly signal: AbortSignal; readonly maxBytes: number },
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of handle.createReadStream({ signal, autoClose: false })) {
    bytes += chunk.length
    if (bytes > maxBytes)
      throw new NsctlError('TooLarge', `${path} has more than ${maxBytes} bytes`, { value: path })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
